//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// closedPort is an address that nobody listens on.
func closedPort() netip.AddrPort {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func TestC14_ConnectRefused(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		to := closedPort()
		_, err := r.Dial(soon(t), "tcp", to)
		var op *aio.OpError
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Op != "connect" || op.Addr != to.String() {
			t.Errorf("Dial: %v", err)
		}
		if _, err := r.DialUnix(soon(t), "unix", filepath.Join(shortDir(t), "none")); !errors.Is(err, syscall.ENOENT) {
			t.Errorf("DialUnix: %v", err)
		}
	})
}

func TestC14_ConnectTimeout(t *testing.T) {
	// A connect to a black hole is one that was never made: what systems do
	// when a backlog is full differs too much.
	k := bend()
	k.connect = func(int) (sys.Errno, bool) { return syscall.EINPROGRESS, true }
	r := newRing(t, aio.Thread, k)
	to := netip.MustParseAddrPort("127.0.0.1:9")
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	pending(t, r, 0)
	go func() {
		pending(t, r, 1)
		cancel(why)
	}()
	if _, err := r.Dial(ctx, "tcp", to); err != why {
		t.Errorf("Dial: %v, want the cause", err)
	}
	f := must(r.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
	f.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if err := f.Connect(soon(t), to); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Connect: %v", err)
	}
}

// A connect that a signal interrupts goes on by itself; a wake-up without an
// outcome changes nothing.
func TestC14_ConnectInProgress(t *testing.T) {
	for _, answer := range []sys.Errno{syscall.EINPROGRESS, syscall.EALREADY} {
		k := bend()
		r := newRing(t, aio.Thread, k)
		l := must(r.Listen("tcp", "127.0.0.1:0", nil))
		k.connect = func(fd int) (sys.Errno, bool) {
			if e := k.Kernel.Connect(fd, sys.Addr{IP: l.LocalAddr()}, false); e != 0 && e != syscall.EINPROGRESS {
				return e, true
			}
			return answer, true
		}
		f, err := r.Dial(soon(t), "tcp", l.LocalAddr())
		if err != nil || f.RemoteAddr() != l.LocalAddr() {
			t.Fatal(answer, err)
		}
		k.connect = func(int) (sys.Errno, bool) { return syscall.EISCONN, true }
		if err := f.Connect(soon(t), l.LocalAddr()); err != nil {
			t.Errorf("EISCONN: %v", err)
		}
	}
}

// A unix listener with a full backlog answers EAGAIN on linux, and no event
// ever follows: the connect is repeated until there is room.
func TestC14_UnixBacklog(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		path := filepath.Join(shortDir(t), "s")
		l := must(r.Listen("unix", path, &aio.ListenOptions{Backlog: 1}))
		const n = 8
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				f, err := r.DialUnix(soon(t), "unix", path)
				if errors.Is(err, syscall.ECONNREFUSED) && runtime.GOOS != "linux" {
					return // the BSDs refuse at once
				}
				if err != nil {
					t.Error(err)
					return
				}
				f.Close()
			})
		}
		if runtime.GOOS == "linux" {
			until(t, "a retry", func() bool { return r.Stats().Retries > 0 })
		}
		acceptCtx, stop := context.WithCancel(context.Background())
		go func() { wg.Wait(); stop() }()
		for c, err := range l.Accepts(acceptCtx) {
			if err != nil {
				break
			}
			c.Close()
		}
	})
}

// Signals that interrupt system calls change nothing.
func TestC15_SignalStorm(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		stop := make(chan struct{})
		var storm sync.WaitGroup
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					syscall.Kill(os.Getpid(), syscall.SIGURG)
					runtime.Gosched()
				}
			}
		})
		f, conn := tcpPair(t, r)
		go io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}) // not by splice: it keeps pipes
		msg := make([]byte, 1<<16)
		for range 30 {
			go f.WriteAll(soon(t), msg)
			if _, err := f.ReadFull(soon(t), msg); err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		storm.Wait()
	})
}

func init() { roles["emfile"] = emfile }

// Without descriptors an accept waits, does not spin, and goes on when there
// are some. It has a process of its own, for the limit is a process's.
func TestC16_NoDescriptors(t *testing.T) {
	cmd := again(t, "emfile")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func emfile() int {
	report := func(what string, v any) int {
		fmt.Println(what, v)
		return 1
	}
	r, err := aio.New(&aio.Options{Poller: aio.Thread})
	if err != nil {
		return report("New", err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l, err := r.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		return report("Listen", err)
	}
	// The client's end is there before the numbers run out.
	client, err := r.Dial(ctx, "tcp", l.LocalAddr())
	if err != nil {
		return report("Dial", err)
	}
	lim := unix.Rlimit{Cur: 48, Max: 48}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return report("Setrlimit", err)
	}
	var hog []*aio.FD
	for {
		f, err := r.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			if !errors.Is(err, syscall.EMFILE) {
				return report("Socket", err)
			}
			break
		}
		hog = append(hog, f)
	}
	accepted := make(collect, 1)
	var op aio.Op
	op.PrepAccept(l)
	op.Start(accepted)
	for r.Stats().Retries < 3 {
		runtime.Gosched()
		if ctx.Err() != nil {
			return report("no retry", r.Stats())
		}
	}
	before := r.Stats()
	time.Sleep(300 * time.Millisecond) // the time over which it must not spin
	if n := r.Stats().Waits - before.Waits; n > 100 {
		return report("the ring spins, waits:", n)
	}
	if !op.Pending() {
		_, err := op.Result()
		return report("accept ended with", err)
	}
	for _, f := range hog {
		f.Close()
	}
	select {
	case <-accepted:
	case <-ctx.Done():
		return report("accept does not go on", r.Stats())
	}
	if _, err := op.Result(); err != nil || op.Accepted() == nil || op.From() != client.LocalAddr() {
		return report("accept", err)
	}
	return 0
}

// Connections that are gone before they are accepted do not concern the
// listener.
func TestC17_Aborted(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	l := must(r.Listen("tcp", "127.0.0.1:0", nil))
	var n atomic.Int32
	k.accept = func(int) (sys.Errno, bool) { return syscall.ECONNABORTED, n.Add(1) <= 3 }
	c := must(r.Dial(soon(t), "tcp", l.LocalAddr()))
	a, from, err := l.Accept(soon(t))
	if err != nil || from != c.LocalAddr() {
		t.Fatal(err, from)
	}
	a.Close()
}

// A shortage of buffers is waited out by the clock: no event will say.
func TestC18_NoBuffers(t *testing.T) {
	for _, e := range []sys.Errno{syscall.ENOBUFS, syscall.ENOMEM} {
		k := bend()
		r := newRing(t, aio.Thread, k)
		f, conn := tcpPair(t, r)
		var n atomic.Int32
		k.send = func(int, []byte) (int, sys.Errno, bool) { return 0, e, n.Add(1) <= 3 }
		if n, err := f.Write(soon(t), []byte("abc")); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		if n := r.Stats().Retries; n != 3 {
			t.Errorf("%d retries, want 3", n)
		}
		io.ReadFull(conn, make([]byte, 3))
		// One that waits for its retry can be given up, and the next one
		// takes its place.
		k.send = func(int, []byte) (int, sys.Errno, bool) { return 0, e, n.Add(1) < 100 }
		n.Store(-1 << 30) // as often as it asks
		done := make(collect, 2)
		var first, second aio.Op
		first.PrepWrite(f, []byte("x"))
		first.Start(done)
		second.PrepWrite(f, []byte("y"))
		second.Start(done)
		if !first.Cancel() {
			t.Error("not canceled")
		}
		n.Store(100)
		done.next(t)
		done.next(t)
		if n, err := second.Result(); n != 1 || err != nil {
			t.Error(n, err)
		}
	}
}

// waiting are operations that do not end by themselves.
var waiting = []struct {
	name  string
	start func(t testing.TB, r *aio.Ring, op *aio.Op) *aio.FD // prepares op
	block func(ctx context.Context, f *aio.FD) error
}{
	{"read", func(t testing.TB, r *aio.Ring, op *aio.Op) *aio.FD {
		f, _ := tcpPair(t, r)
		op.PrepRead(f, make([]byte, 1))
		return f
	}, func(ctx context.Context, f *aio.FD) error { _, err := f.Read(ctx, make([]byte, 1)); return err }},
	{"readfull", func(t testing.TB, r *aio.Ring, op *aio.Op) *aio.FD {
		f, _, _ := r.Pipe()
		op.PrepReadFull(f, make([]byte, 1))
		return f
	}, func(ctx context.Context, f *aio.FD) error { _, err := f.ReadFull(ctx, make([]byte, 1)); return err }},
	{"write", func(t testing.TB, r *aio.Ring, op *aio.Op) *aio.FD {
		f, _ := tcpPair(t, r)
		fill(t, f, make(collect, 1)).Cancel()
		op.PrepWriteAll(f, make([]byte, 1<<26)) // a mere Write may find a little room again
		return f
	}, func(ctx context.Context, f *aio.FD) error { _, err := f.WriteAll(ctx, make([]byte, 1<<26)); return err }},
	{"accept", func(t testing.TB, r *aio.Ring, op *aio.Op) *aio.FD {
		f := must(r.Listen("tcp", "127.0.0.1:0", nil))
		op.PrepAccept(f)
		return f
	}, func(ctx context.Context, f *aio.FD) error { _, _, err := f.Accept(ctx); return err }},
	{"wait", func(t testing.TB, r *aio.Ring, op *aio.Op) *aio.FD {
		f, _ := tcpPair(t, r)
		op.PrepWait(f, aio.HangUp|aio.Readable)
		return f
	}, func(ctx context.Context, f *aio.FD) error { return f.Wait(ctx, aio.HangUp) }},
}

// Close ends whatever waits, in both styles.
func TestC19_CloseWhileWaiting(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		for _, w := range waiting {
			var op aio.Op
			f := w.start(t, r, &op)
			pending(t, r, 0)
			done := make(collect, 1)
			op.Start(done)
			blocked := make(chan error, 1)
			go func() { blocked <- w.block(context.Background(), f) }()
			pending(t, r, 2)
			if err := f.Close(); err != nil {
				t.Fatal(w.name, err)
			}
			done.next(t)
			if _, err := op.Result(); !errors.Is(err, aio.ErrClosed) || !errors.Is(err, net.ErrClosed) || !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: op: %v", w.name, err)
			}
			if err := <-blocked; !errors.Is(err, aio.ErrClosed) {
				t.Errorf("%s: call: %v", w.name, err)
			}
		}
	})
}

// The number is not closed while a call runs on it.
func TestC20_CloseDuringCall(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	inCall, goOn := make(chan struct{}), make(chan struct{})
	k.recv = func(fd int, p []byte) (int, sys.Errno, bool) {
		if fd == f.Sysfd() {
			close(inCall)
			<-goOn
		}
		return 0, 0, false
	}
	result := make(chan error, 1)
	go func() { _, err := f.Read(soon(t), make([]byte, 1)); result <- err }()
	<-inCall
	before := k.closes.Load()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if k.closes.Load() != before {
		t.Error("the number was closed under the call")
	}
	if _, err := f.Read(soon(t), make([]byte, 1)); err != aio.ErrClosed {
		t.Errorf("Read after Close: %v", err)
	}
	close(goOn)
	if err := <-result; err != aio.ErrClosed {
		t.Errorf("the running read: %v", err)
	}
	until(t, "close", func() bool { return k.closes.Load() == before+1 })
	syscall.SetNonblock(peer, true)
	if n, err := syscall.Read(peer, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the peer sees %d %v", n, err)
	}
}

// Release waits until nobody uses the number.
func TestC20_ReleaseDuringCall(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, _ := unixPair(t, r, syscall.SOCK_STREAM)
	inCall, goOn := make(chan struct{}), make(chan struct{})
	k.recv = func(int, []byte) (int, sys.Errno, bool) {
		close(inCall)
		<-goOn
		return 0, 0, false
	}
	result := make(chan error, 1)
	go func() { _, err := f.Read(soon(t), make([]byte, 1)); result <- err }()
	<-inCall
	released := make(chan int, 1)
	go func() { released <- must(f.Release()) }()
	until(t, "Release waits", func() bool { return r.Gates() == 1 })
	if len(released) != 0 {
		t.Error("released under the call")
	}
	close(goOn)
	fd := <-released
	if err := <-result; err != aio.ErrClosed {
		t.Error(err)
	}
	if err := syscall.Close(fd); err != nil {
		t.Error(err)
	}
}

func TestC21_DoubleClose(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, _ := tcpPair(t, r)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"Close": f.Close(), "Reset": f.Reset(), "Shutdown": f.Shutdown(syscall.SHUT_WR),
			"SetDeadline": f.SetDeadline(time.Now()), "SetReadDeadline": f.SetReadDeadline(time.Time{}), "SetWriteDeadline": f.SetWriteDeadline(time.Time{}),
			"Wait": f.Wait(soon(t), aio.Readable), "Connect": f.Connect(soon(t), netip.MustParseAddrPort("127.0.0.1:1")),
		} {
			if err != aio.ErrClosed {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
		if _, err := f.Release(); err != aio.ErrClosed {
			t.Errorf("Release after Close: %v", err)
		}
		if f.LocalAddr().IsValid() || f.RemoteAddr().IsValid() {
			t.Error("addresses after Close")
		}
	})
}

// In a handler everything is allowed: closing, starting the Op again,
// canceling others.
func TestC22_InsideHandler(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		var op, other aio.Op
		done := make(collect, 2)
		p := make([]byte, 1)
		n := 0
		other.PrepWait(f, aio.HangUp)
		other.Start(done)
		op.PrepRead(f, p)
		op.Start(aio.HandlerFunc(func(op *aio.Op) {
			if n++; n < 10 {
				op.PrepRead(f, p)
				op.Start(op2handler(op, &n, f, p, &other, done))
			}
		}))
		conn.Write(make([]byte, 100))
		for range 2 {
			done.next(t)
		}
		if n != 10 {
			t.Errorf("%d completions, want 10", n)
		}
		if _, err := other.Result(); !errors.Is(err, aio.ErrCanceled) {
			t.Errorf("other: %v", err)
		}
		if _, err := f.Read(soon(t), p); err != aio.ErrClosed {
			t.Errorf("read: %v", err)
		}
	})
}

// op2handler is what the handler of C22 does from the second time on.
func op2handler(op *aio.Op, n *int, f *aio.FD, p []byte, other *aio.Op, done collect) aio.Handler {
	var h aio.HandlerFunc
	h = func(op *aio.Op) {
		if *n++; *n < 10 {
			op.Start(h)
			return
		}
		if !other.Cancel() || other.Cancel() {
			panic("Cancel in a handler")
		}
		f.Close()
		done <- op
	}
	return h
}

// Cancel and completion: one of them, never both, and after a Cancel that
// succeeded the buffer stays as it is.
func TestC23_CancelAgainstCompletion(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, peer := unixPair(t, r, syscall.SOCK_STREAM)
		done := make(collect, 1)
		var op aio.Op
		won, lost := 0, 0
		for i := range 400 {
			p := []byte{0}
			op.PrepRead(f, p)
			op.Start(done)
			var sent sync.WaitGroup
			sent.Go(func() { syscall.Write(peer, []byte{1}) })
			if i%2 == 0 {
				runtime.Gosched()
			}
			canceled := op.Cancel()
			seen := p[0]
			sent.Wait()
			done.next(t)
			n, err := op.Result()
			switch {
			case canceled:
				won++
				if err != aio.ErrCanceled || n != 0 {
					t.Fatalf("canceled: %d %v", n, err)
				}
				if m, err := f.Read(soon(t), make([]byte, 9)); m != 1 || err != nil {
					t.Fatalf("the byte is lost: %d %v", m, err)
				}
				if p[0] != seen || seen != 0 {
					t.Fatal("the buffer was touched")
				}
			default:
				lost++
				if n != 1 || err != nil || p[0] != 1 {
					t.Fatalf("not canceled: %d %v", n, err)
				}
			}
		}
		if op.Cancel() {
			t.Error("Cancel of a completed Op")
		}
		t.Log(won, "canceled,", lost, "completed")
	})
}

// Cancel while the call runs waits for its outcome and reports that.
func TestC23_CancelDuringCall(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		k := bend()
		r := newRing(t, aio.Thread, k)
		f, peer := unixPair(t, r, syscall.SOCK_STREAM)
		inCall, goOn := make(chan struct{}), make(chan struct{})
		var once sync.Once
		k.recv = func(fd int, p []byte) (int, sys.Errno, bool) {
			once.Do(func() { close(inCall); <-goOn })
			return 0, 0, false
		}
		done := make(collect, 1)
		var op aio.Op
		op.PrepRead(f, make([]byte, 1))
		go op.Start(done)
		<-inCall
		canceled := make(chan bool)
		go func() { canceled <- op.Cancel() }()
		until(t, "Cancel waits", func() bool { return r.Gates() == 1 })
		if arrives {
			syscall.Write(peer, []byte("x"))
		}
		close(goOn)
		got := <-canceled
		done.next(t)
		_, err := op.Result()
		if got != (err == aio.ErrCanceled) || arrives && got {
			t.Errorf("arrives %v: Cancel %v, result %v", arrives, got, err)
		}
		if !got && !arrives {
			t.Error("an operation without a result was not canceled")
		}
	}
}

func TestC24_Deadlines(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		ctx := soon(t)
		p := make([]byte, 8)
		start := time.Now()
		f.SetReadDeadline(start.Add(30 * time.Millisecond))
		if _, err := f.Read(ctx, p); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("in time: %v", err)
		}
		if d := time.Since(start); d < 30*time.Millisecond {
			t.Errorf("after %v already", d)
		}
		conn.Write([]byte("x"))
		if _, err := f.Read(ctx, p); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("past, with data: %v", err)
		}
		f.SetReadDeadline(time.Time{})
		if n, err := f.Read(ctx, p); n != 1 || err != nil {
			t.Errorf("none: %d %v", n, err)
		}
		done := make(collect, 1)
		var op aio.Op
		for name, move := range map[string]func(){
			"forward":  func() { f.SetReadDeadline(time.Now().Add(5 * time.Millisecond)) },
			"to past":  func() { f.SetReadDeadline(time.Now().Add(-time.Second)) },
			"both":     func() { f.SetDeadline(time.Now().Add(5 * time.Millisecond)) },
			"from now": func() { f.SetReadDeadline(time.Now()) },
		} {
			f.SetReadDeadline(time.Now().Add(time.Hour))
			op.PrepRead(f, p)
			op.Start(done)
			move()
			done.next(t)
			if _, err := op.Result(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		}
		f.SetDeadline(time.Time{})
		// Moved backwards: the old time passes without effect. On a slow
		// machine it may have passed before it is moved, which does not count.
		var old time.Time
		for d := 100 * time.Millisecond; ; d *= 2 {
			old = time.Now().Add(d)
			f.SetReadDeadline(old)
			op.PrepRead(f, p)
			op.Start(done)
			f.SetReadDeadline(time.Now().Add(time.Hour))
			if time.Now().Before(old) {
				break
			}
			op.Cancel()
			done.next(t)
		}
		var later aio.Op
		later.PrepWait(f, aio.HangUp|aio.Priority)
		later.SetDeadline(old.Add(100 * time.Millisecond))
		later.Start(done)
		if done.next(t) != &later {
			t.Error("the old deadline took effect")
		}
		if _, err := later.Result(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wait: %v", err)
		}
		f.SetReadDeadline(time.Time{})
		if n, _ := r.Times(); n != 0 {
			t.Errorf("%d times are left", n)
		}
		conn.Write([]byte("y"))
		if done.next(t) != &op {
			t.Error("who?")
		}
		if n, err := op.Result(); n != 1 || err != nil {
			t.Errorf("at last: %d %v", n, err)
		}
	})
}

// A write deadline leaves reads alone and the other way round; the count of a
// write that timed out is what the system took.
func TestC24_WriteDeadline(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		huge := make([]byte, 64<<20)
		n := 0
		for d := 50 * time.Millisecond; n == 0 && d < patience; d *= 2 { // it may pass before the write begins
			f.SetWriteDeadline(time.Now().Add(d))
			var err error
			if n, err = f.WriteAll(soon(t), huge); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(n, err)
			}
		}
		if n <= 0 || n >= 64<<20 {
			t.Fatal(n)
		}
		conn.Write([]byte("x"))
		if m, err := f.Read(soon(t), make([]byte, 1)); m != 1 || err != nil {
			t.Error(m, err)
		}
		f.Shutdown(syscall.SHUT_WR)
		if got := must(io.Copy(io.Discard, conn)); got != int64(n) {
			t.Errorf("%d bytes taken, %d arrived", n, got)
		}
	})
}

// A deadline against a completion: one of them.
func TestC24_DeadlineAgainstCompletion(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, peer := unixPair(t, r, syscall.SOCK_STREAM)
		done := make(collect, 1)
		var op aio.Op
		sent, got := 0, 0
		for i := range 200 {
			op.PrepRead(f, make([]byte, 1))
			op.SetDeadline(time.Now().Add(time.Duration(i%10) * 50 * time.Microsecond))
			op.Start(done)
			if i%2 == 0 {
				syscall.Write(peer, []byte{1})
				sent++
			}
			done.next(t)
			n, err := op.Result()
			if got += n; n == 0 && !errors.Is(err, os.ErrDeadlineExceeded) || n == 1 && err != nil {
				t.Fatal(n, err)
			}
		}
		if left := sent - got; left > 0 {
			if n, err := f.ReadFull(soon(t), make([]byte, left)); err != nil {
				t.Errorf("%d of %d bytes are lost: %v", left-n, sent, err)
			}
		}
	})
}

// A write that waits for room learns of its own side's shutdown.
func TestShutdownEndsAWaitingWrite(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, _ := unixPair(t, r, syscall.SOCK_STREAM)
		result := make(chan error, 1)
		go func() { _, err := f.WriteAll(soon(t), make([]byte, 16<<20)); result <- err }()
		until(t, "the write waits", func() bool { return r.Stats().Pending == 1 })
		if err := f.Shutdown(syscall.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		if err := <-result; !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%v, want EPIPE", err)
		}
	})
}

// Writing to a dead peer is an error, never a signal.
func TestC25_NoSigpipe(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		p := must(syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
		f := must(r.Adopt(p[0], aio.KindAuto))
		syscall.Close(p[1]) // a mere shutdown of its reads lets BSDs write on
		if _, err := f.Write(soon(t), []byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("unix: %v", err)
		}
		g, conn := tcpPair(t, r)
		conn.SetLinger(0)
		conn.Close()
		g.Wait(soon(t), aio.HangUp)
		for range 3 {
			if _, err := g.Write(soon(t), []byte("x")); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("tcp: %v", err)
			}
		}
	})
}

// A reset by the peer is ECONNRESET for the read that waits.
func TestC25_ResetByPeer(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		done := make(collect, 1)
		var op aio.Op
		op.PrepRead(f, make([]byte, 1))
		op.Start(done)
		conn.SetLinger(0)
		conn.Close()
		done.next(t)
		if _, err := op.Result(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read: %v", err)
		}
		// And our own Reset is one for the peer.
		g, conn := tcpPair(t, r)
		g.Reset()
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("peer: %v", err)
		}
	})
}
