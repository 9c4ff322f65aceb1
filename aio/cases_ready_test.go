//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// The classic cases about readiness. The numbers are those of the catalogue
// that the design refers to.

// An event that was fetched before its descriptor was closed must not reach
// the next owner of the number.
func TestC01_StaleEventAfterReuse(t *testing.T) {
	r := manual(t)
	a, peerA := unixPair(t, r, syscall.SOCK_STREAM)
	b, peerB := unixPair(t, r, syscall.SOCK_STREAM)
	fds := [2]*aio.FD{a, b}
	var ops [3]aio.Op
	var buf [3][1]byte
	var reused *aio.FD
	number := -1
	got := make(collect, 3)
	// Whichever of the two comes first closes the other and makes a new
	// descriptor in its place.
	h := aio.HandlerFunc(func(op *aio.Op) {
		if reused != nil {
			return // ErrClosed of the other
		}
		other := fds[1]
		if op == &ops[1] {
			other = fds[0]
		}
		number = other.Sysfd()
		other.Close()
		p := must(syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
		t.Cleanup(func() { syscall.Close(p[1]) })
		reused = must(r.Adopt(p[0], aio.KindStream))
		ops[2].PrepRead(reused, buf[2][:])
		ops[2].Start(got)
		syscall.Write(p[1], nil)
	})
	for i, f := range fds {
		ops[i].PrepRead(f, buf[i][:])
		ops[i].Start(h)
	}
	syscall.Write(peerA, []byte("a"))
	syscall.Write(peerB, []byte("b"))
	for ops[0].Pending() || ops[1].Pending() {
		must(r.Poll(soon(t), 16))
	}
	if reused.Sysfd() != number {
		t.Skipf("the system gave %d again as %d", number, reused.Sysfd())
	}
	if n := r.Stats().Stale; n != 1 {
		t.Errorf("%d stale events, want 1", n)
	}
	if !ops[2].Pending() {
		t.Error("the new owner of the number has a result")
	}
}

// Data that arrives between the EAGAIN and the parking is not lost.
func TestC02_LostWake(t *testing.T) {
	t.Run("Op", func(t *testing.T) {
		lostWake(t, func(f *aio.FD, p []byte) (int, error) {
			done := make(collect, 1)
			var op aio.Op
			op.PrepRead(f, p)
			op.Start(done)
			return done.next(t).Result()
		})
	})
	t.Run("direct", func(t *testing.T) {
		lostWake(t, func(f *aio.FD, p []byte) (int, error) { return f.Read(soon(t), p) })
	})
}

func lostWake(t *testing.T, read func(f *aio.FD, p []byte) (int, error)) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	// A first wait registers the descriptor, so that edges come.
	done := make(collect, 1)
	var op aio.Op
	op.PrepRead(f, make([]byte, 1))
	op.Start(done)
	syscall.Write(peer, []byte("1"))
	done.next(t)
	var once sync.Once
	k.recvd = func(fd, n int, e sys.Errno) {
		if fd == f.Sysfd() && e == syscall.EAGAIN {
			once.Do(func() { // after the EAGAIN, before anybody knows of it
				before := r.Stats().Events
				syscall.Write(peer, []byte("2"))
				until(t, "the event", func() bool { return r.Stats().Events > before })
				tick(t, r)
			})
		}
	}
	p := make([]byte, 4)
	if n, err := read(f, p); n != 1 || err != nil || p[0] != '2' {
		t.Fatalf("%d %v %q", n, err, p)
	}
}

// tick waits until the ring's poller has finished what it was doing.
func tick(t testing.TB, r *aio.Ring) {
	t.Helper()
	rd, wr, err := r.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	done := make(collect, 1)
	var op aio.Op
	op.PrepRead(rd, make([]byte, 1))
	op.Start(done)
	wr.Close()
	done.next(t)
}

// The same, by chance: two goroutines that answer each other as fast as they
// can.
func TestC02_PingPong(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		go func() {
			b := make([]byte, 1)
			for {
				if _, err := conn.Read(b); err != nil {
					return
				}
				conn.Write(b)
			}
		}()
		b := make([]byte, 1)
		for i := range 3000 {
			b[0] = byte(i)
			if _, err := f.WriteAll(soon(t), b); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Read(soon(t), b); err != nil || b[0] != byte(i) {
				t.Fatal(i, b[0], err)
			}
		}
	})
}

// Of many who wait for one datum, one makes a call.
func TestC03_NoHerd(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	done := make(collect, 8)
	var ops [8]aio.Op
	for i := range ops {
		ops[i].PrepRead(f, make([]byte, 1))
		ops[i].Start(done)
	}
	for i := range ops {
		before := k.recvs.Load()
		syscall.Write(peer, []byte{byte(i)})
		if op := done.next(t); op != &ops[i] {
			t.Fatalf("completion %d is not that of the %d-th who came", i, i)
		}
		tick(t, r)
		if n := k.recvs.Load() - before; n > 2 {
			t.Errorf("%d calls for one byte", n)
		}
	}
}

// Two rings share a listener: each connection is accepted once, none is left.
func TestC04_SharedListener(t *testing.T) {
	each(t, func(t *testing.T, r1 *aio.Ring) {
		r2 := newRing(t, aio.Thread)
		ln := must(net.Listen("tcp", "127.0.0.1:0")).(*net.TCPListener)
		defer ln.Close()
		const n = 50
		var got atomic.Int32
		all := make(chan struct{})
		for _, r := range []*aio.Ring{r1, r2} {
			l := must(r.AdoptConn(ln))
			defer l.Close()
			go func() {
				for c, err := range l.Accepts(context.Background()) {
					if err != nil {
						return
					}
					c.Close()
					if got.Add(1) == n {
						close(all)
					}
				}
			}()
		}
		for range n {
			c := must(net.Dial("tcp", ln.Addr().String()))
			c.Read(make([]byte, 1))
			c.Close()
		}
		<-all
		if got.Load() != n {
			t.Errorf("%d accepted, want %d", got.Load(), n)
		}
	})
}

// A descriptor that always has data gets its budget and no more before the
// others have their turn.
func TestC05_Starvation(t *testing.T) {
	r := manual(t)
	hose, hosePeer := unixPair(t, r, syscall.SOCK_STREAM)
	calm, calmPeer := unixPair(t, r, syscall.SOCK_STREAM)
	const size = 2048 // fits into the smallest of the systems' buffers
	b := make([]byte, 1)
	var hoseOp, calmOp aio.Op
	read, atCalm := 0, -1
	var h aio.HandlerFunc
	h = func(op *aio.Op) {
		for {
			n, err := op.Result()
			if errors.Is(err, aio.ErrClosed) {
				return
			}
			if n != 1 || err != nil {
				t.Errorf("hose: %d %v", n, err)
			}
			read++
			if op.PrepRead(hose, b); !op.Try(h) {
				return
			}
		}
	}
	calmOp.PrepRead(calm, make([]byte, 1))
	calmOp.Start(aio.HandlerFunc(func(*aio.Op) { atCalm = read }))
	hoseOp.PrepRead(hose, b)
	hoseOp.Start(h)
	syscall.Write(hosePeer, make([]byte, size))
	syscall.Write(calmPeer, []byte("x"))
	for atCalm < 0 || read < size {
		must(r.Poll(soon(t), 1000))
	}
	if atCalm > 2*16+1 {
		t.Errorf("the other had to wait for %d reads", atCalm)
	}
	if r.Stats().Turns == 0 {
		t.Error("nobody was put behind the others")
	}
}

// Data that was left by a read needs no new event to be read.
func TestC06_PartialDrain(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, peer := unixPair(t, r, syscall.SOCK_STREAM)
		done := make(collect, 1)
		var op aio.Op
		p := make([]byte, 3)
		op.PrepRead(f, p)
		op.Start(done)
		syscall.Write(peer, []byte("abcdefg"))
		for _, want := range []string{"abc", "def", "g"} {
			done.next(t)
			if n, err := op.Result(); err != nil || string(p[:n]) != want {
				t.Fatalf("got %q %v, want %q", p[:n], err, want)
			}
			op.PrepRead(f, p)
			op.Start(done)
		}
		op.Cancel()
		done.next(t)
	})
}

// A short read is no proof of emptiness when the end came with the data.
func TestC07_ShortReadWithEnd(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		for range 20 {
			f, conn := tcpPair(t, r)
			done := make(collect, 1)
			var op aio.Op
			p := make([]byte, 100)
			op.PrepRead(f, p)
			op.Start(done)
			conn.Write([]byte("bye"))
			conn.Close()
			done.next(t)
			if n, err := op.Result(); string(p[:n]) != "bye" || err != nil {
				t.Fatal(n, err)
			}
			for range 2 { // and the end is seen again and again
				if n, err := f.Read(soon(t), p); n != 0 || err != io.EOF {
					t.Fatalf("Read at the end: %d %v", n, err)
				}
			}
			f.Close()
		}
	})
}

func TestC07_DataAndEndInOneEdge(t *testing.T) {
	r := manual(t)
	f, peer := rawPair(t, r)
	done := make(collect, 1)
	var op aio.Op
	op.PrepRead(f, make([]byte, 100))
	op.Start(done)
	syscall.Write(peer, []byte("bye"))
	syscall.Shutdown(peer, syscall.SHUT_WR)
	arrived(t, f, sys.HangUp)
	must(r.Poll(soon(t), 9))
	if n, err := done.next(t).Result(); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if !op.Try(done) {
		t.Fatal("the read at the end waits")
	}
	if n, err := op.Result(); n != 0 || err != io.EOF {
		t.Fatal(n, err)
	}
}

// The registration ends with Close even though a duplicate is open.
func TestC08_CloseWithDuplicate(t *testing.T) {
	r := manual(t)
	ln := must(net.Listen("tcp", "127.0.0.1:0"))
	defer ln.Close()
	peer := must(net.Dial("tcp", ln.Addr().String()))
	defer peer.Close()
	conn := must(ln.Accept()).(*net.TCPConn)
	defer conn.Close()
	f := must(r.AdoptConn(conn))
	var op aio.Op
	op.PrepRead(f, make([]byte, 1))
	op.Start(aio.HandlerFunc(func(*aio.Op) {}))
	if !f.Registered() {
		t.Fatal("not registered")
	}
	f.Close()
	must(r.Poll(soon(t), 1)) // ErrClosed
	before := r.Stats()
	peer.Write([]byte("x"))
	raw := must(conn.SyscallConn())
	raw.Read(func(fd uintptr) bool { // it has arrived, and is left there
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK)
		return n == 1 && err == nil
	})
	r.Wake()
	must(r.Poll(soon(t), 1))
	if after := r.Stats(); after.Events != before.Events || after.Stale != 0 {
		t.Errorf("events of a closed descriptor: %+v", after)
	}
}

// One connection under two numbers: two independent descriptors.
func TestC09_TwoNumbers(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		ln := must(net.Listen("tcp", "127.0.0.1:0"))
		defer ln.Close()
		peer := must(net.Dial("tcp", ln.Addr().String()))
		defer peer.Close()
		conn := must(ln.Accept()).(*net.TCPConn)
		defer conn.Close()
		a, b := must(r.AdoptConn(conn)), must(r.AdoptConn(conn))
		done := make(collect, 2)
		var ops [2]aio.Op
		var buf [2][1]byte
		for i, f := range []*aio.FD{a, b} {
			ops[i].PrepRead(f, buf[i][:])
			ops[i].Start(done)
		}
		peer.Write([]byte("x"))
		first := done.next(t)
		if n, err := first.Result(); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		keep, other := a, &ops[1]
		if first == &ops[1] {
			keep, other = b, &ops[0]
		}
		if keep == a {
			b.Close()
		} else {
			a.Close()
		}
		if done.next(t) != other {
			t.Fatal("not the one that was closed")
		}
		if _, err := other.Result(); !errors.Is(err, aio.ErrClosed) {
			t.Fatalf("closed: %v", err)
		}
		peer.Write([]byte("y"))
		if n, err := keep.Read(soon(t), make([]byte, 9)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	})
}

// After the peer's half-close writing goes on.
func TestC10_HalfClose(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		done := make(collect, 1)
		var op aio.Op
		op.PrepRead(f, make([]byte, 1))
		op.Start(done)
		conn.CloseWrite()
		done.next(t)
		if _, err := op.Result(); err != io.EOF {
			t.Fatalf("end: %v", err)
		}
		if err := f.Wait(soon(t), aio.HangUp); err != nil {
			t.Fatalf("HangUp: %v", err)
		}
		msg := bytes.Repeat([]byte("still here "), 1<<17)
		go func() {
			f.WriteAll(soon(t), msg)
			f.Shutdown(syscall.SHUT_WR)
		}()
		if got := must(io.ReadAll(conn)); !bytes.Equal(got, msg) {
			t.Errorf("%d of %d bytes arrived", len(got), len(msg))
		}
	})
}

// The end comes with data before it: all of them are read first.
func TestC11_EndWithDataLeft(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		for name, make2 := range map[string]func() (*aio.FD, func([]byte), func()){
			"unix": func() (*aio.FD, func([]byte), func()) {
				p := must(syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
				return must(r.Adopt(p[0], aio.KindAuto)), func(b []byte) { syscall.Write(p[1], b) }, func() { syscall.Close(p[1]) }
			},
			"pipe": func() (*aio.FD, func([]byte), func()) {
				rd, wr, err := r.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				return rd, func(b []byte) { wr.WriteAll(soon(t), b) }, func() { wr.Close() }
			},
		} {
			f, write, end := make2()
			done := make(collect, 1)
			var op aio.Op
			p := make([]byte, 3)
			op.PrepRead(f, p)
			op.Start(done)
			write([]byte("0123456789"))
			end()
			var got []byte
			for {
				done.next(t)
				n, err := op.Result()
				got = append(got, p[:n]...)
				if err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(name, err)
				}
				op.Start(done)
			}
			if string(got) != "0123456789" {
				t.Errorf("%s: got %q", name, got)
			}
		}
	})
}

// fill writes to f until it would block, and leaves a write pending.
func fill(t testing.TB, f *aio.FD, h aio.Handler) *aio.Op {
	t.Helper()
	op := new(aio.Op)
	p := make([]byte, 64<<10)
	for {
		op.PrepWrite(f, p)
		if !op.Try(h) {
			return op
		}
		if _, err := op.Result(); err != nil {
			t.Fatal(err)
		}
	}
}

// A writer that waits hears that the pipe's reader is gone.
func TestC12_ReaderGone(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		rd, wr, err := r.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		done := make(collect, 2)
		op := fill(t, wr, done)
		var dead aio.Op
		dead.PrepWait(wr, aio.HangUp)
		dead.Start(done)
		rd.Close()
		for range 2 {
			done.next(t)
		}
		if _, err := op.Result(); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write: %v", err)
		}
		if n, err := dead.Result(); aio.Interest(n) != aio.HangUp || err != nil {
			t.Errorf("wait: %d %v", n, err)
		}
		if _, err := wr.Write(soon(t), []byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write after: %v", err)
		}
	})
}

// A writer to a unix socket hears of its peer's end, on whichever filter the
// system reports it.
func TestC13_WriterHearsEnd(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		p := must(syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
		f := must(r.Adopt(p[0], aio.KindAuto))
		done := make(collect, 1)
		op := fill(t, f, done)
		syscall.Close(p[1])
		done.next(t)
		if _, err := op.Result(); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("write: %v", err)
		}
	})
}

// What was there before the registration is reported by it.
func TestC48_LevelAtRegistration(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	var once sync.Once
	k.ctl = func(bool) sys.Errno { // after EAGAIN, before the registration
		once.Do(func() { syscall.Write(peer, []byte("x")) })
		return 0
	}
	if n, err := f.Read(soon(t), make([]byte, 1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

// A read larger than what is there, repeated, finds each piece: the hint that
// nothing is left is taken back by every edge.
func TestC48_EveryPiece(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		p := make([]byte, 100)
		for i := range 200 {
			msg := fmt.Sprint("message ", i)
			conn.Write([]byte(msg))
			n, err := f.Read(soon(t), p)
			if err != nil || string(p[:n]) != msg {
				t.Fatalf("got %q %v, want %q", p[:n], err, msg)
			}
		}
	})
}
