//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"io"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
)

// Descriptors arrive as numbers of their own for the same files, close-on-exec.
func TestSendFDs(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		for _, typ := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM} {
			f, peer := unixPair(t, r, typ)
			g := must(r.Adopt(must(syscall.Dup(peer)), aio.KindAuto))
			ctx := soon(t)
			before := openFDs()
			rd, wr, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			for _, msg := range []string{"two", ""} {
				if n, err := f.SendFDs(ctx, []byte(msg), int(rd.Fd()), int(wr.Fd())); n != len(msg) || err != nil {
					t.Fatalf("SendFDs %q: %d, %v", msg, n, err)
				}
				p := make([]byte, len(msg))
				n, fds, err := g.RecvFDs(ctx, p, 2)
				if string(p[:n]) != msg || len(fds) != 2 || err != nil {
					t.Fatalf("%q, %v, %v; want %q and 2 descriptors", p[:n], fds, err, msg)
				}
				for _, fd := range fds {
					if flags := must(fcntlGetFD(fd)); flags&syscall.FD_CLOEXEC == 0 {
						t.Errorf("descriptor %d is not close-on-exec", fd)
					}
				}
				if _, err := syscall.Write(fds[1], []byte("x")); err != nil {
					t.Error(err)
				}
				syscall.Close(fds[0])
				syscall.Close(fds[1])
			}
			wr.Close()
			if got := must(io.ReadAll(rd)); string(got) != "xx" {
				t.Errorf("through the received ends: %q", got)
			}
			rd.Close()
			until(t, "no descriptor more than before", func() bool { return openFDs() <= before })
			f.Close()
			g.Close()
		}
	})
}

// What does not fit is closed, and nothing is left in the process.
func TestRecvFDsClosesWhatDoesNotFit(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	g := must(r.Adopt(must(syscall.Dup(peer)), aio.KindAuto))
	ctx := soon(t)
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	defer wr.Close()
	before := openFDs()
	many := make([]int, 100)
	for i := range many {
		many[i] = int(rd.Fd())
	}
	p := make([]byte, 10)
	for _, most := range []int{0, 1, 2, 99, 100, 101} {
		if _, err := f.SendFDs(ctx, []byte("x"), many...); err != nil {
			t.Fatal(err)
		}
		n, fds, err := g.RecvFDs(ctx, p, most)
		if n != 1 || len(fds) != min(most, 100) || err != nil {
			t.Errorf("at most %d: %d, %d descriptors, %v", most, n, len(fds), err)
		}
		if got := openFDs(); got != before+len(fds) {
			t.Errorf("at most %d: %d more are open, %d were given", most, got-before, len(fds))
		}
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}
}

func TestRecvFDsWithoutDescriptors(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	ctx := soon(t)
	p := make([]byte, 10)
	if n, err := f.SendFDs(ctx, []byte("plain")); n != 5 || err != nil {
		t.Error(n, err)
	}
	syscall.Read(peer, p)
	if n, err := f.SendFDs(ctx, nil); n != 0 || err != nil {
		t.Error(n, err)
	}
	syscall.Write(peer, []byte("text"))
	if n, fds, err := f.RecvFDs(ctx, p, 1); string(p[:n]) != "text" || fds != nil || err != nil {
		t.Errorf("%q, %v, %v", p[:n], fds, err)
	}
	if _, err := f.SendFDs(ctx, p, -1); err == nil {
		t.Error("a number that is not open was sent")
	}
	syscall.Shutdown(peer, syscall.SHUT_WR)
	if n, fds, err := f.RecvFDs(ctx, p, 1); n != 0 || fds != nil || err != io.EOF {
		t.Errorf("at the end: %d, %v, %v", n, fds, err)
	}
	mustPanic(t, "negative max", func() { f.RecvFDs(ctx, p, -1) })
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

// Rights in packets that nobody receives leave nothing open.
func TestSendFDsOnEverySystem(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		s := newSimRing(t, simkernel.Config{Manners: m, Seed: 1})
		a := must(s.ListenPacket("unixgram", "/a", nil))
		b := must(s.DialUnix(t.Context(), "unixgram", "/a"))
		rd, wr := check2(s.t)(s.Pipe())
		before := len(s.k.Open())
		for range 2 {
			if n, err := b.SendFDs(t.Context(), []byte("fds"), rd.Sysfd(), wr.Sysfd()); n != 3 || err != nil {
				t.Fatal(n, err)
			}
		}
		p := make([]byte, 3)
		n, fds, err := a.RecvFDs(t.Context(), p, 1)
		if n != 3 || len(fds) != 1 || err != nil {
			t.Errorf("%d, %v, %v", n, fds, err)
		}
		if open := len(s.k.Open()); open != before+1 {
			t.Errorf("%d numbers are open, want %d", open, before+1)
		}
		s.ok(s.k.Close(fds[0]))
		s.finish() // with a packet unread
	})
}

// RecvMsg gives the control data and the flags as they came, without what was
// asked for on the way.
func TestRecvMsgGivesControlData(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	g := must(r.Adopt(must(syscall.Dup(peer)), aio.KindAuto))
	ctx := soon(t)
	if n, err := f.SendFDs(ctx, []byte("x"), 0); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	p, oob := make([]byte, 4), make([]byte, 64)
	n, oobn, rflags, from, err := g.RecvMsg(ctx, p, oob, 0)
	if n != 1 || rflags != 0 || from.IsValid() || err != nil {
		t.Errorf("%d, flags %#x, %v, %v", n, rflags, from, err)
	}
	msgs, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if len(msgs) != 1 || err != nil {
		t.Fatalf("%d control messages, %v", len(msgs), err)
	}
	fds := must(syscall.ParseUnixRights(&msgs[0]))
	if len(fds) != 1 {
		t.Fatalf("descriptors %v", fds)
	}
	syscall.Close(fds[0])
	if n, err := g.SendMsg(ctx, []byte("back"), syscall.UnixRights(0), netip.AddrPort{}, 0); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if _, fds, err = f.RecvFDs(ctx, p, 1); len(fds) != 1 || err != nil {
		t.Fatal(fds, err)
	}
	syscall.Close(fds[0])
}
