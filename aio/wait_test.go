//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// warm makes f registered, with nothing known of what is left to read.
func warm(t *testing.T, r *aio.Ring, f *aio.FD, peer int) {
	t.Helper()
	done := make(collect, 1)
	var op aio.Op
	op.PrepRead(f, make([]byte, 1))
	op.Start(done)
	syscall.Write(peer, []byte("1"))
	for op.Pending() {
		must(r.Poll(t.Context(), 1))
	}
}

// A wait after a read that took all there was needs no call of the system, nor
// does the event that ends it. A kqueue does not tell of urgent data, so that
// nothing follows from a short count there.
func TestWaitAsksNothingAfterAShortRead(t *testing.T) {
	k := bend()
	r := manual(t, k)
	f, peer := rawPair(t, r)
	warm(t, r, f, peer)
	syscall.Write(peer, []byte("2"))
	var rd, wait aio.Op
	rd.PrepRead(f, make([]byte, 9))
	done := make(collect, 1)
	arrived(t, f, sys.Readable)
	r.Wake()
	must(r.Poll(t.Context(), 9)) // it has the edge
	if !rd.Try(done) {
		t.Fatal("nothing was read")
	}
	for range 3 {
		wait.PrepWait(f, aio.Readable)
		wait.Start(done)
		r.Wake()
		must(r.Poll(t.Context(), 9))
		if !wait.Pending() {
			t.Fatal("it does not wait")
		}
		syscall.Write(peer, []byte("3"))
		must(r.Poll(t.Context(), 9))
		if n, err := done.next(t).Result(); aio.Interest(n) != aio.Readable || err != nil {
			t.Fatalf("%v, %v", aio.Interest(n), err)
		}
		if !rd.Try(done) {
			t.Fatal("nothing was read")
		}
	}
	if n := k.polls.Load(); n != 0 && sys.Host().Poller() == sys.Epoll {
		t.Errorf("the system was asked %d times", n)
	}
}

// A handler reads what an event of the same batch is about, and waits for
// more: the event does not end that wait, for there is nothing to read.
func TestWaitHeedsNoEventOfBefore(t *testing.T) {
	r := manual(t)
	f, fpeer := unixPair(t, r, syscall.SOCK_STREAM)
	g, gpeer := rawPair(t, r)
	warm(t, r, g, gpeer)
	var first, rd, wait aio.Op
	done := make(collect, 1)
	read := false
	first.PrepRead(f, make([]byte, 1))
	first.Start(aio.HandlerFunc(func(*aio.Op) {
		rd.PrepRead(g, make([]byte, 9))
		read = rd.Try(done)
		wait.PrepWait(g, aio.Readable)
		wait.Start(done)
	}))
	r.Wake()
	must(r.Poll(t.Context(), 9))
	syscall.Write(fpeer, []byte("1"))
	syscall.Write(gpeer, []byte("2"))
	arrived(t, g, sys.Readable)
	for range 3 {
		r.Wake()
		must(r.Poll(t.Context(), 9))
	}
	if !read || !wait.Pending() {
		t.Fatalf("read %v, waits %v; want true, true", read, wait.Pending())
	}
	syscall.Write(gpeer, []byte("3"))
	must(r.Poll(t.Context(), 9))
	if n, err := done.next(t).Result(); aio.Interest(n) != aio.Readable || err != nil {
		t.Errorf("%v, %v", aio.Interest(n), err)
	}
}
