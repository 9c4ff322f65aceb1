//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
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

// A descriptor that blocks is made non-blocking when it is adopted, and the
// call that waits on it holds up nobody.
func TestC29_BlockingAdopted(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		var p [2]int
		if err := syscall.Pipe(p[:]); err != nil {
			t.Fatal(err)
		}
		rd := must(r.Adopt(p[0], aio.KindAuto))
		wr := must(r.Adopt(p[1], aio.KindOther))
		if rd.Kind() != aio.KindOther {
			t.Errorf("a pipe is %v", rd.Kind())
		}
		for _, n := range p {
			if fl := must(unix.FcntlInt(uintptr(n), unix.F_GETFL, 0)); fl&unix.O_NONBLOCK == 0 {
				t.Error("O_NONBLOCK is missing")
			}
			if fl := must(fcntlGetFD(n)); fl&unix.FD_CLOEXEC == 0 {
				t.Error("close-on-exec is missing")
			}
		}
		done := make(collect, 1)
		var op aio.Op
		op.PrepRead(rd, make([]byte, 9))
		op.Start(done)
		if n, err := wr.Write(soon(t), []byte("abc")); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		done.next(t)
		if n, err := op.Result(); n != 3 || err != nil {
			t.Error(n, err)
		}
	})
}

// Everything that a ring makes is non-blocking and close-on-exec.
func TestC38_CloseOnExec(t *testing.T) {
	r := newRing(t, aio.Thread)
	rd, wr, err := r.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l := must(r.Listen("tcp", "127.0.0.1:0", nil))
	c := must(r.Dial(soon(t), "tcp", l.LocalAddr()))
	a, _, err := l.Accept(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	d := must(r.AdoptConn(aio.NewConn(a)))
	for _, f := range []*aio.FD{rd, wr, l, c, a, d} {
		if fl := must(fcntlGetFD(f.Sysfd())); fl&unix.FD_CLOEXEC == 0 {
			t.Error("close-on-exec is missing")
		}
		if fl := must(unix.FcntlInt(uintptr(f.Sysfd()), unix.F_GETFL, 0)); fl&unix.O_NONBLOCK == 0 {
			t.Error("O_NONBLOCK is missing")
		}
	}
}

// Nothing to do is done at once; an empty message is no end.
func TestC30_Nothing(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, _ := tcpPair(t, r)
		for name, call := range map[string]func(context.Context, []byte) (int, error){
			"Read": f.Read, "ReadFull": f.ReadFull, "Write": f.Write, "WriteAll": f.WriteAll,
		} {
			for _, p := range [][]byte{nil, {}} {
				if n, err := call(soon(t), p); n != 0 || err != nil {
					t.Errorf("%s of nothing: %d %v", name, n, err)
				}
			}
		}
		d, peer := unixPair(t, r, syscall.SOCK_DGRAM)
		if d.Kind() != aio.KindPacket {
			t.Errorf("a datagram socket is %v", d.Kind())
		}
		for range 2 {
			if err := unix.Send(peer, nil, 0); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := d.Read(soon(t), make([]byte, 9)); n != 0 || err != nil {
			t.Errorf("an empty datagram: %d %v", n, err)
		}
		if n, err := d.Write(soon(t), nil); n != 0 || err != nil {
			t.Errorf("sending an empty datagram: %d %v", n, err)
		}
		if n, err := syscall.Read(peer, make([]byte, 9)); n != 0 || err != nil {
			t.Errorf("it arrived as %d %v", n, err)
		}
	})
}

// A message that is too long for the buffer is cut; the next one is whole.
func TestC31_Truncated(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		d, peer := unixPair(t, r, syscall.SOCK_DGRAM)
		unix.Send(peer, []byte("0123456789"), 0)
		unix.Send(peer, []byte("abc"), 0)
		p := make([]byte, 4)
		for _, want := range []string{"0123", "abc"} {
			if n, err := d.Read(soon(t), p); string(p[:n]) != want || err != nil {
				t.Errorf("got %q %v, want %q", p[:n], err, want)
			}
		}
		// Flags reach the system, and looking takes nothing away.
		unix.Send(peer, []byte("xyz"), 0)
		for _, flags := range []int{unix.MSG_PEEK, unix.MSG_PEEK, 0} {
			if n, err := d.Recv(soon(t), p, flags); string(p[:n]) != "xyz" || err != nil {
				t.Errorf("flags %#x: %q %v", flags, p[:n], err)
			}
		}
	})
}

// Many descriptors, with high numbers, coming and going under load.
func TestC33_ManyDescriptors(t *testing.T) {
	var lim unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &lim)
	pairs := 1500
	if most := int(lim.Cur)/2 - 64; most < pairs {
		pairs = most
	}
	r := newRing(t, aio.Thread)
	done := make(collect, pairs)
	ops := make([]aio.Op, pairs)
	wrs := make([]*aio.FD, pairs)
	rds := make([]*aio.FD, pairs)
	for i := range ops {
		rd, wr, err := r.Pipe()
		if err != nil && i >= 300 { // a small machine has no more, of files or of memory for pipes
			t.Logf("%d pairs, then: %v", i, err)
			pairs = i
			ops, wrs, rds = ops[:i], wrs[:i], rds[:i]
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rds[i], wrs[i] = rd, wr
		ops[i].PrepRead(rd, make([]byte, 1))
		ops[i].Start(done)
	}
	for _, wr := range wrs {
		if _, err := wr.Write(soon(t), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for range ops {
		op := done.next(t)
		if n, err := op.Result(); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	most := r.Pages()
	for i := range rds {
		rds[i].Close()
		wrs[i].Close()
	}
	if n := r.Pages(); n > 1 || most < pairs*2/256 {
		t.Errorf("%d pages of the table, %d are left", most, n)
	}
	rd, wr, err := r.Pipe() // and it goes on
	if err != nil {
		t.Fatal(err)
	}
	wr.Close()
	if _, err := rd.Read(soon(t), make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

// Descriptors come and go by the thousand: nothing is left.
func TestC33_Churn(t *testing.T) {
	n := 20000
	if testing.Short() {
		n = 2000
	}
	r := newRing(t, aio.Auto)
	var buf [1]byte
	var op aio.Op
	var before, after runtime.MemStats
	done := make(collect, 1)
	churn := func(n int) {
		for range n / 2 {
			rd, wr, err := r.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			op.PrepRead(rd, buf[:])
			op.Start(done)
			wr.Close()
			done.next(t)
			if _, err := op.Result(); err != io.EOF {
				t.Fatal(err)
			}
			rd.Close()
		}
	}
	churn(n / 10)
	runtime.GC()
	runtime.ReadMemStats(&before)
	churn(n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d bytes more after %d descriptors", grown, n)
	}
}

// Many wakes are one; and a full counter wakes all the same.
func TestC34_WakeCoalescing(t *testing.T) {
	r := newRing(t, aio.Thread)
	if !r.FillWaker() {
		t.Log("no eventfd here")
	}
	for range 3 {
		rd, wr, err := r.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		wr.Write(soon(t), make([]byte, 1000))
		// All of these are done when they start: only the ring's sleep
		// stands between them and their handler.
		done := make(collect, 1000)
		ops := make([]aio.Op, 1000)
		before := r.Stats().Wakes
		for i := range ops {
			ops[i].PrepRead(rd, make([]byte, 1))
			ops[i].Start(done)
		}
		for range ops {
			done.next(t)
		}
		if n := r.Stats().Wakes - before; n > 1000/2 {
			t.Logf("%d wakes for 1000 completions", n)
		}
	}
}

// A wake that comes before the sleep ends it.
func TestC35_WakeBeforeSleep(t *testing.T) {
	r := manual(t)
	for range 3 {
		r.Wake()
		r.Wake()
		if n, err := r.Poll(soon(t), 1); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	woken := make(chan error, 1)
	go func() { _, err := r.Poll(context.Background(), 1); woken <- err }()
	until(t, "a wait", func() bool { r.Wake(); return len(woken) == 1 })
	if err := <-woken; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("why")
	time.AfterFunc(5*time.Millisecond, func() { cancel(why) })
	for {
		n, err := r.Poll(ctx, 1)
		if err == why {
			break
		}
		if n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
}

// Close ends operations of every sort, and returns when all handlers have been
// called.
func TestC36_RingClose(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			r := newRing(t, mode)
			var handled, ended atomic.Int32
			ops := make([]aio.Op, len(waiting))
			fds := make([]*aio.FD, len(waiting))
			for i, w := range waiting {
				fds[i] = w.start(t, r, &ops[i])
				pending(t, r, int64(2*i))
				ops[i].Start(aio.HandlerFunc(func(op *aio.Op) {
					if _, err := op.Result(); err == aio.ErrClosed {
						handled.Add(1)
					}
				}))
				go func() {
					if w.block(context.Background(), fds[i]) == aio.ErrClosed {
						ended.Add(1)
					}
				}()
				pending(t, r, int64(2*i+2))
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if int(handled.Load()) != len(waiting) {
				t.Errorf("%d handlers were called with ErrClosed, want %d", handled.Load(), len(waiting))
			}
			until(t, "blocked calls end", func() bool { return int(ended.Load()) == len(waiting) })
			for _, f := range fds {
				if err := f.Close(); err != aio.ErrClosed {
					t.Errorf("the ring left a descriptor open: %v", err)
				}
			}
		})
	}
}

// Close of a Manual ring that nobody polls calls the handlers itself.
func TestC36_ManualCloseHandsOver(t *testing.T) {
	r := manual(t)
	rd, _, _ := r.Pipe()
	var op aio.Op
	var err error
	op.PrepRead(rd, make([]byte, 1))
	op.Start(aio.HandlerFunc(func(op *aio.Op) { _, err = op.Result() }))
	r.Close()
	if err != aio.ErrClosed {
		t.Errorf("handler: %v", err)
	}
}

// Close inside a handler returns at once; the rest comes after it.
func TestC36_CloseInHandler(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			r := newRing(t, mode)
			rd, wr, _ := r.Pipe()
			done := make(collect, 2)
			var op, other aio.Op
			other.PrepWait(rd, aio.Priority)
			other.Start(done)
			op.PrepRead(rd, make([]byte, 1))
			op.Start(aio.HandlerFunc(func(op *aio.Op) {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				if !other.Pending() {
					t.Error("a handler was called inside another")
				}
				done <- op
			}))
			wr.Write(soon(t), []byte("x"))
			if done.next(t) != &op || done.next(t) != &other {
				t.Error("order")
			}
			if _, err := other.Result(); err != aio.ErrClosed {
				t.Error(err)
			}
			r.Close()
		})
	}
}

// After its end a ring answers ErrClosed, through the handler where there is
// one.
func TestC37_UseAfterClose(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			r := newRing(t, mode)
			f, _ := tcpPair(t, r)
			l := must(r.Listen("tcp", "127.0.0.1:0", nil))
			r.Close()
			r.Close()
			ctx := soon(t)
			results := map[string]error{}
			_, results["Read"] = f.Read(ctx, make([]byte, 1))
			_, results["Write"] = f.Write(ctx, make([]byte, 1))
			_, _, results["Accept"] = l.Accept(ctx)
			_, results["Dial"] = r.Dial(ctx, "tcp", netip.MustParseAddrPort("127.0.0.1:1"))
			_, results["DialUnix"] = r.DialUnix(ctx, "unix", "/x")
			_, results["Listen"] = r.Listen("tcp", "127.0.0.1:0", nil)
			_, results["Socket"] = r.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
			_, _, results["Pipe"] = r.Pipe()
			_, results["Adopt"] = r.Adopt(0, aio.KindOther)
			results["Drain"] = r.Drain(ctx)
			for name, err := range results {
				if !errors.Is(err, aio.ErrClosed) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if mode == aio.Manual {
				if _, err := r.Poll(ctx, 1); err != aio.ErrClosed {
					t.Errorf("Poll: %v", err)
				}
			}
			for range 3 {
				var op aio.Op
				done := make(collect, 1)
				op.PrepRead(f, make([]byte, 1))
				op.Start(done)
				done.next(t)
				if _, err := op.Result(); err != aio.ErrClosed {
					t.Errorf("Start: %v", err)
				}
				op.PrepRead(f, make([]byte, 1))
				if !op.Try(done) {
					t.Fatal("Try after the end is pending")
				}
				if _, err := op.Result(); err != aio.ErrClosed {
					t.Errorf("Try: %v", err)
				}
			}
			var q aio.Queue
			var op aio.Op
			op.PrepRead(f, make([]byte, 1))
			op.Start(&q)
			if n, err := q.Wait(ctx, make([]*aio.Op, 1)); n != 1 || err != nil {
				t.Errorf("Queue: %d %v", n, err)
			}
			until(t, "nothing pending", func() bool { return r.Stats().Pending == 0 })
		})
	}
}

// A registration that the system refuses is the operation's error.
func TestC41_RegistrationFails(t *testing.T) {
	for _, e := range []sys.Errno{syscall.ENOSPC, syscall.ENOMEM, syscall.EBADF} {
		k := bend()
		r := newRing(t, aio.Thread, k)
		f, peer := unixPair(t, r, syscall.SOCK_STREAM)
		k.ctl = func(bool) sys.Errno { return e }
		if _, err := f.Read(soon(t), make([]byte, 1)); !errors.Is(err, e) {
			t.Errorf("Read: %v, want %v", err, e)
		}
		if err := f.Wait(soon(t), aio.HangUp); !errors.Is(err, e) {
			t.Errorf("Wait: %v, want %v", err, e)
		}
		k.ctl = nil
		syscall.Write(peer, []byte("x"))
		if n, err := f.Read(soon(t), make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("afterwards: %d %v", n, err)
		}
	}
}

// When a registration is refused the call is made once more. It holds no lock,
// as a hook finds out, and what it gives is the result.
func TestRefusedRegistrationAsksAgain(t *testing.T) {
	k := bend()
	var f *aio.FD
	hooked := 0
	r := must(aio.NewOn(k, &aio.Options{Trace: &aio.Trace{Retry: func(int, error, int64) {
		hooked++
		f.LocalAddr()
	}}}))
	defer r.Close()
	f, _ = unixPair(t, r, syscall.SOCK_STREAM)
	l := must(r.Listen("tcp", "127.0.0.1:0", nil))
	var calls int
	k.ctl = func(bool) sys.Errno { return syscall.ENOSPC }
	k.recv = func(int, []byte) (int, sys.Errno, bool) {
		if calls++; calls == 1 {
			return 0, syscall.EAGAIN, true
		}
		return 0, syscall.ENOBUFS, true
	}
	if _, err := f.ReadFull(soon(t), make([]byte, 1)); !errors.Is(err, syscall.ENOSPC) || hooked != 1 {
		t.Errorf("a shortage: %v, %d times", err, hooked)
	}
	k.accept = func(int) (sys.Errno, bool) {
		k.accept = nil
		c := must(net.Dial("tcp", l.LocalAddr().String()))
		t.Cleanup(func() { c.Close() })
		return syscall.EAGAIN, true
	}
	if _, _, err := l.Accept(soon(t)); err != nil {
		t.Errorf("a connection that came meanwhile: %v", err)
	}
}

// A panic in a handler comes out of Poll, and costs nothing else.
func TestC44_HandlerPanics(t *testing.T) {
	r := manual(t)
	const n = 6
	var ops [n]aio.Op
	handled := 0
	for i := range ops {
		rd, wr, _ := r.Pipe()
		wr.Close()
		ops[i].PrepRead(rd, make([]byte, 1))
		ops[i].Start(aio.HandlerFunc(func(op *aio.Op) {
			if handled++; handled%2 == 0 {
				panic("boom")
			}
		}))
	}
	panics := 0
	for handled < n {
		func() {
			defer func() {
				if v := recover(); v != nil {
					panics++
				}
			}()
			must(r.Poll(soon(t), 100))
		}()
	}
	if panics != n/2 || r.Stats().Pending != 0 {
		t.Errorf("%d panics, %d pending", panics, r.Stats().Pending)
	}
}

// A handler that ends its goroutine does not end the ring.
func TestC44_HandlerGoexit(t *testing.T) {
	for _, mode := range drivenModes {
		t.Run(mode.String(), func(t *testing.T) {
			r := newRing(t, mode)
			done := make(collect, 8)
			var ops [8]aio.Op
			var wrs [8]*aio.FD
			for i := range ops {
				rd, wr, _ := r.Pipe()
				wrs[i] = wr
				ops[i].PrepRead(rd, make([]byte, 1))
				ops[i].Start(aio.HandlerFunc(func(op *aio.Op) {
					done <- op
					runtime.Goexit()
				}))
			}
			for _, wr := range wrs {
				wr.Close()
			}
			for range ops {
				done.next(t)
			}
			until(t, "nothing pending", func() bool { return r.Stats().Pending == 0 })
		})
	}
}

// An Op that only the ring knows of completes all the same.
func TestC45_Forgotten(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		done := make(collect, 1)
		_, wr, _ := r.Pipe()
		wr2 := func() *aio.FD {
			rd, wr, _ := r.Pipe()
			op := new(aio.Op)
			op.PrepRead(rd, make([]byte, 1))
			op.Start(done)
			return wr
		}()
		for range 3 {
			runtime.GC()
		}
		wr2.Write(soon(t), []byte("x"))
		op := done.next(t)
		if n, err := op.Result(); n != 1 || err != nil {
			t.Error(n, err)
		}
		_ = wr
	})
}

// Leaving an iterator leaves nothing behind, and loses nothing.
func TestC46_LeaveIterator(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		l := must(r.Listen("tcp", "127.0.0.1:0", nil))
		for range 3 {
			must(r.Dial(soon(t), "tcp", l.LocalAddr()))
		}
		for range 3 {
			for c, err := range l.Accepts(soon(t)) {
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
				break
			}
		}
		if n := r.Stats().Pending; n != 0 {
			t.Errorf("%d accepts are left", n)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("why")
		cancel(why)
		n := 0
		for c, err := range l.Accepts(ctx) {
			if n++; c != nil || err != why {
				t.Errorf("%v %v", c, err)
			}
		}
		l.Close()
		for c, err := range l.Accepts(soon(t)) {
			if n++; c != nil || err != aio.ErrClosed {
				t.Errorf("%v %v", c, err)
			}
		}
		if n != 2 {
			t.Errorf("%d errors, want 2", n)
		}
	})
}

// A ring with nothing to do does nothing, whatever is registered.
func TestC49_Idle(t *testing.T) {
	for i := range 2 * len(modes) {
		mode, far := modes[i/2], i%2 == 1
		t.Run(mode.String(), func(t *testing.T) {
			r := newRing(t, mode)
			f, conn := tcpPair(t, r)
			done := make(collect, 2)
			var rd, timed aio.Op
			rd.PrepRead(f, make([]byte, 1))
			rd.Start(done)
			timed.PrepWait(f, aio.HangUp)
			if far {
				timed.SetDeadline(time.Now().Add(time.Hour))
			}
			timed.Start(done)
			tick(t, r)
			// A signal may wake it, or what is left of the tick: but not in
			// each of the times over which nothing may happen.
			for left := 5; ; left-- {
				before := r.Stats().Waits
				time.Sleep(300 * time.Millisecond)
				n := r.Stats().Waits - before
				if n == 0 {
					break
				}
				if left == 0 {
					t.Errorf("%d wake-ups of an idle ring", n)
					break
				}
			}
			conn.Write([]byte("x"))
			done.next(t)
		})
	}
}

// Writes come out in the order in which they were started, and none is torn.
func TestC50_Order(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		const n, size = 40, 100_000
		done := make(collect, n)
		ops := make([]aio.Op, n)
		for i := range ops {
			ops[i].PrepWriteAll(f, bytes.Repeat([]byte{byte(i)}, size))
			ops[i].Start(done)
		}
		p := make([]byte, size)
		for i := range ops {
			if _, err := io.ReadFull(conn, p); err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(p, []byte{byte(i)}); n != size {
				t.Fatalf("write %d is torn: %d of %d bytes", i, n, size)
			}
		}
		for i := range ops {
			if done.next(t) != &ops[i] {
				t.Fatal("completions are out of order")
			}
			if n, err := ops[i].Result(); n != size || err != nil {
				t.Fatal(n, err)
			}
		}
		// And from several goroutines: whole messages, in any order.
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for range 5 {
					f.WriteAll(soon(t), bytes.Repeat([]byte{byte(i)}, size))
				}
			})
		}
		for range 20 {
			if _, err := io.ReadFull(conn, p); err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(p, p[:1]); n != size {
				t.Fatalf("torn: %d of %d bytes", n, size)
			}
		}
		wg.Wait()
	})
}

// Close in two rings' handlers at once, each closing the other, ends.
func TestC36_MutualClose(t *testing.T) {
	a, b := newRing(t, aio.Thread), newRing(t, aio.Thread)
	var ops [2]aio.Op
	both := make(chan struct{}, 2)
	gate := make(chan struct{})
	for i, r := range []*aio.Ring{a, b} {
		other := []*aio.Ring{b, a}[i]
		rd, wr, _ := r.Pipe()
		ops[i].PrepRead(rd, make([]byte, 1))
		ops[i].Start(aio.HandlerFunc(func(*aio.Op) {
			<-gate
			other.Close()
			both <- struct{}{}
		}))
		wr.Close()
	}
	close(gate)
	<-both
	<-both
}

var _ net.Conn = (*aio.Conn)(nil)
