//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// A kqueue can be given to a ring, which says when it has events.
func TestAdoptOfAKqueue(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		kq := must(unix.Kqueue())
		f := must(r.Adopt(kq, aio.KindOther))
		watched := must(syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
		defer syscall.Close(watched[0])
		defer syscall.Close(watched[1])
		ev := []sys.Kevent{sys.Change(watched[0], sys.EVFILT_READ, sys.EV_ADD, 0, 0)}
		if _, e := sys.Host().Kevent(kq, ev, nil, 0); e != 0 {
			t.Fatal(e)
		}
		done := make(collect, 1)
		var op aio.Op
		op.PrepWait(f, aio.Readable)
		op.Start(done)
		if !op.Pending() {
			t.Error("readable without an event")
		}
		syscall.Write(watched[1], []byte("x"))
		if n, err := done.next(t).Result(); aio.Interest(n) != aio.Readable || err != nil {
			t.Errorf("%v, %v", aio.Interest(n), err)
		}
	})
}
