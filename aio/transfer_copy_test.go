//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// plain is the machine's kernel with transfers that go as a test says.
type plain struct {
	sys.Kernel
	sys.Files
	sendFile func(to, from int, off int64, n int) (int, sys.Errno)
	splice   func(to, from int, n int) (int, sys.Errno)
}

func newPlain(e sys.Errno) *plain {
	return &plain{
		Kernel: sys.Host(), Files: sys.Host().(sys.Files),
		sendFile: func(int, int, int64, int) (int, sys.Errno) { return 0, e },
		splice:   func(int, int, int) (int, sys.Errno) { return 0, e },
	}
}

func (k *plain) SendFile(to, from int, off int64, n int) (int, sys.Errno) {
	return k.sendFile(to, from, off, n)
}

func (k *plain) Splice(to, from int, n int) (int, sys.Errno) { return k.splice(to, from, n) }

// Where the kernel does not move bytes by itself they go through a buffer, and
// nobody notices.
func TestSendFileThroughABuffer(t *testing.T) {
	for _, e := range []sys.Errno{syscall.ENOSYS, syscall.EINVAL, syscall.EOPNOTSUPP} {
		t.Run(e.Error(), func(t *testing.T) {
			r := newRing(t, aio.Auto, newPlain(e))
			content := pattern(300_000)
			f, _ := tempFile(t, r, string(content))
			for _, c := range []struct{ off, n, want int64 }{
				{0, -1, 300_000}, {7, 200_000, 200_000}, {299_990, 100, 10}, {300_000, 1, 0}, {65_536, 65_536, 65_536},
			} {
				s, peer := tcpPair(t, r)
				got := all(peer)
				n, err := s.SendFile(soon(t), f, c.off, c.n)
				s.Close()
				if data := <-got; n != c.want || err != nil || !bytes.Equal(data, content[c.off:c.off+c.want]) {
					t.Errorf("%v: %d, %v, %d bytes received", c, n, err, len(data))
				}
			}
		})
	}
}

// What fails on the way is not begun anew: the count is what was sent.
func TestSendFileThatFailsOnTheWay(t *testing.T) {
	k := newPlain(0)
	calls := 0
	k.sendFile = func(to, from int, off int64, n int) (int, sys.Errno) {
		if calls++; calls > 1 {
			return 0, syscall.EINVAL
		}
		return k.Files.SendFile(to, from, off, min(n, 10))
	}
	if _, e := k.Files.SendFile(-1, -1, 0, 0); e == syscall.ENOSYS {
		k.sendFile = func(to, from int, off int64, n int) (int, sys.Errno) {
			if calls++; calls > 1 {
				return 0, syscall.EINVAL
			}
			return k.Kernel.Write(to, []byte("0123456789"))
		}
	}
	r := newRing(t, aio.Auto, k)
	f, _ := tempFile(t, r, "0123456789abcdef")
	rd, wr, _ := r.Pipe()
	if n, err := wr.SendFile(soon(t), f, 0, -1); n != 10 || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("%d, %v", n, err)
	}
	wr.Close()
	if got := must(io.ReadAll(rd.IO(soon(t)))); string(got) != "0123456789" {
		t.Errorf("%q", got)
	}
}

func TestSpliceThroughABuffer(t *testing.T) {
	r := newRing(t, aio.Auto, newPlain(syscall.EINVAL))
	content := pattern(300_000)
	in, out, got := course(t, r, content)
	before := openFDs()
	for i, c := range []struct{ n, want int64 }{{1000, 1000}, {100_000, 100_000}, {-1, 199_000}, {-1, 0}} {
		if n, err := in.SpliceTo(soon(t), out, c.n); n != c.want || err != nil {
			t.Errorf("%d: %d, %v", i, n, err)
		}
	}
	until(t, "no descriptor more than before", func() bool { return openFDs() <= before })
	out.Close()
	if data := <-got; !bytes.Equal(data, content) {
		t.Errorf("%d bytes, or others", len(data))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	idle, _ := tcpPair(t, r)
	if n, err := idle.SpliceTo(ctx, idle, 5); n != 0 || err != context.Canceled {
		t.Errorf("%d, %v", n, err)
	}
}

// Only the way out of the kernel's pipe is closed: what is in it is written,
// and the rest, no more than was asked for, goes through a buffer.
func TestSpliceOutThroughABuffer(t *testing.T) {
	k := newPlain(syscall.EINVAL)
	r := newRing(t, aio.Auto, k)
	content := pattern(150_000)
	in, out, got := course(t, r, content)
	k.splice = func(to, from int, n int) (int, sys.Errno) {
		if to == out.Sysfd() {
			return 0, syscall.EINVAL
		}
		p := make([]byte, min(n, 1000))
		m, e := k.Kernel.Read(from, p)
		if e == 0 && m > 0 {
			m, e = k.Kernel.Write(to, p[:m])
		}
		return m, e
	}
	if n, err := in.SpliceTo(soon(t), out, 100_000); n != 100_000 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	out.Close()
	if data := <-got; !bytes.Equal(data, content[:100_000]) {
		t.Errorf("%d bytes came out, or others", len(data))
	}
	if left := must(io.ReadAll(in.IO(soon(t)))); !bytes.Equal(left, content[100_000:]) {
		t.Errorf("%d bytes are left, or others", len(left))
	}
}
