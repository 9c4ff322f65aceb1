//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
)

// panics calls f, which has to panic with a text of this package.
func panics(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if v, _ := recover().(string); !strings.HasPrefix(v, "aio: ") {
			t.Errorf("%s: panic %q, want one of aio", what, v)
		}
	}()
	f()
	t.Errorf("%s: no panic", what)
}

func TestMisusePanics(t *testing.T) {
	r := newRing(t, aio.Thread)
	f, conn := tcpPair(t, r)
	done := make(collect, 1)
	p := make([]byte, 1)
	var op, zero aio.Op
	op.PrepRead(f, p)
	op.Start(done)
	for what, call := range map[string]func(){
		"Prep while pending":        func() { op.PrepRead(f, p) },
		"PrepAccept while pending":  func() { op.PrepAccept(f) },
		"Start while pending":       func() { op.Start(done) },
		"Try while pending":         func() { op.Try(done) },
		"Result while pending":      func() { op.Result() },
		"Accepted while pending":    func() { op.Accepted() },
		"From while pending":        func() { op.From() },
		"SetDeadline while pending": func() { op.SetDeadline(time.Now()) },
		"Start of a zero Op":        func() { zero.Start(done) },
		"Try of a zero Op":          func() { zero.Try(done) },
		"SetDeadline of a zero Op":  func() { zero.SetDeadline(time.Now()) },
		"nil FD":                    func() { zero.PrepRead(nil, p) },
		"wait for nothing":          func() { zero.PrepWait(f, 0) },
		"wait for unknown bits":     func() { zero.PrepWait(f, 1<<7) },
		"Poll for none":             func() { r.Poll(context.Background(), 0) },
		"unknown kind":              func() { r.Adopt(0, 99) },
		"negative backlog":          func() { r.Listen("tcp", ":0", &aio.ListenOptions{Backlog: -1}) },
		"unknown mode":              func() { aio.New(&aio.Options{Poller: 99}) },
		"negative budget":           func() { aio.New(&aio.Options{Budget: -1}) },
		"budget too large":          func() { aio.New(&aio.Options{Budget: 256}) },
		"negative workers":          func() { aio.New(&aio.Options{Workers: -1}) },
	} {
		panics(t, what, call)
	}
	panics(t, "nil Handler", func() { var op aio.Op; op.PrepRead(f, p); op.Start(nil) })
	conn.Write([]byte("x"))
	done.next(t)
	if n, err := op.Result(); n != 1 || err != nil {
		t.Errorf("afterwards: %d %v", n, err)
	}
	if zero.Cancel() || zero.Pending() || zero.Accepted() != nil || zero.From().IsValid() {
		t.Error("a zero Op is something")
	}
	if n, err := zero.Result(); n != 0 || err != nil {
		t.Errorf("result of a zero Op: %d %v", n, err)
	}
}

// Start never calls the handler on its caller's stack; Try gives the result
// back and never calls it at all.
func TestStartAndTry(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		conn.Write([]byte("abc"))
		f.Wait(soon(t), aio.Readable)
		var op aio.Op
		p := make([]byte, 1)
		done := make(collect, 1)
		var inStart atomic.Bool
		op.PrepRead(f, p)
		inStart.Store(true)
		op.Start(aio.HandlerFunc(func(op *aio.Op) {
			if op.Pending() {
				t.Error("pending in its handler")
			}
			done <- op
		}))
		done.next(t)
		if string(p) != "a" {
			t.Errorf("got %q", p)
		}
		op.PrepRead(f, p)
		if !op.Try(aio.HandlerFunc(func(*aio.Op) { t.Error("called") })) || op.Pending() {
			t.Fatal("Try with data there is pending")
		}
		if n, err := op.Result(); n != 1 || err != nil || string(p) != "b" {
			t.Error(n, err)
		}
		// Without a new Prep the same operation is repeated.
		if !op.Try(done) || string(p) != "c" {
			t.Errorf("repeated: %q", p)
		}
		if op.Try(done) || !op.Pending() {
			t.Fatal("Try without data is not pending")
		}
		conn.Write([]byte("d"))
		done.next(t)
		if n, err := op.Result(); n != 1 || err != nil || string(p) != "d" {
			t.Error(n, err)
		}
	})
}

func TestDeadlineOfOp(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		done := make(collect, 1)
		var op aio.Op
		op.PrepRead(f, make([]byte, 1))
		op.SetDeadline(time.Now().Add(10 * time.Millisecond))
		op.Start(done)
		done.next(t)
		if _, err := op.Result(); err != os.ErrDeadlineExceeded {
			t.Errorf("in time: %v", err)
		}
		op.Start(done) // the same one: its deadline is past
		done.next(t)
		if _, err := op.Result(); err != os.ErrDeadlineExceeded {
			t.Errorf("repeated: %v", err)
		}
		op.PrepRead(f, make([]byte, 1)) // a new one has none
		op.Start(done)
		conn.Write([]byte("x"))
		done.next(t)
		if n, err := op.Result(); n != 1 || err != nil {
			t.Errorf("no deadline: %d %v", n, err)
		}
		// The earlier of the two counts.
		f.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		op.PrepRead(f, make([]byte, 1))
		op.SetDeadline(time.Now().Add(time.Hour))
		op.Start(done)
		done.next(t)
		f.SetReadDeadline(time.Now().Add(time.Hour))
		op.PrepRead(f, make([]byte, 1))
		op.SetDeadline(time.Now().Add(5 * time.Millisecond))
		op.Start(done)
		done.next(t)
		if _, err := op.Result(); err != os.ErrDeadlineExceeded {
			t.Error(err)
		}
		op.PrepRead(f, make([]byte, 1))
		op.SetDeadline(time.Now())
		op.SetDeadline(time.Time{})
		f.SetReadDeadline(time.Time{})
		op.Start(done)
		conn.Write([]byte("x"))
		done.next(t)
		if n, err := op.Result(); n != 1 || err != nil {
			t.Errorf("deadline taken back: %d %v", n, err)
		}
	})
}

// Thousands of deadlines fire in order, and their memory comes back.
func TestManyDeadlines(t *testing.T) {
	r := newRing(t, aio.Thread)
	rd, _, _ := r.Pipe()
	const n = 3000
	done := make(collect, n)
	ops := make([]aio.Op, n)
	start := time.Now().Add(50 * time.Millisecond)
	for i := range ops {
		ops[i].PrepRead(rd, make([]byte, 1))
		ops[i].SetDeadline(start.Add(time.Duration(i*7919%n) * 10 * time.Microsecond))
		ops[i].Start(done)
	}
	canceled := 0
	for i := range ops {
		if i%3 == 0 && ops[i].Cancel() { // on a slow machine its time may have come
			canceled++
		}
	}
	timeouts := 0
	for range ops {
		if _, err := done.next(t).Result(); err == os.ErrDeadlineExceeded {
			timeouts++
		} else if err != aio.ErrCanceled {
			t.Fatal(err)
		}
	}
	if timeouts != n-canceled {
		t.Errorf("%d timeouts, want %d", timeouts, n-canceled)
	}
	if left, room := r.Times(); left != 0 || room > 256 {
		t.Errorf("%d times left, room for %d", left, room)
	}
}

func TestWait(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		ctx := soon(t)
		for range 2 { // a state, not an event
			if err := f.Wait(ctx, aio.Writable); err != nil {
				t.Fatal(err)
			}
		}
		done := make(collect, 4)
		var readable, hangup, either, read aio.Op
		readable.PrepWait(f, aio.Readable)
		hangup.PrepWait(f, aio.HangUp)
		either.PrepWait(f, aio.Readable|aio.HangUp)
		for _, op := range []*aio.Op{&readable, &hangup, &either} {
			op.Start(done)
		}
		conn.Write([]byte("x"))
		for range 2 {
			op := done.next(t)
			if n, err := op.Result(); op == &hangup || aio.Interest(n) != aio.Readable || err != nil {
				t.Fatalf("%d %v", n, err)
			}
		}
		for range 2 {
			if err := f.Wait(ctx, aio.Readable); err != nil {
				t.Fatal(err)
			}
		}
		// A wait takes nothing, and stands in nobody's way.
		if n, err := f.Read(ctx, make([]byte, 9)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		read.PrepRead(f, make([]byte, 9))
		read.Start(done)
		readable.Start(done)
		conn.Close()
		for range 3 {
			op := done.next(t)
			n, err := op.Result()
			switch op {
			case &read:
				if err != io.EOF {
					t.Errorf("read: %v", err)
				}
			case &hangup:
				if aio.Interest(n) != aio.HangUp || err != nil {
					t.Errorf("hangup: %d %v", n, err)
				}
			case &readable:
				if aio.Interest(n) != aio.Readable || err != nil {
					t.Errorf("readable: %d %v", n, err)
				}
			}
		}
		for range 2 {
			if err := f.Wait(ctx, aio.HangUp); err != nil {
				t.Fatal(err)
			}
		}
		// Cancel and deadline of a wait.
		g, _ := tcpPair(t, r)
		g.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if err := g.Wait(ctx, aio.Readable); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("deadline: %v", err)
		}
		g.SetReadDeadline(time.Time{})
		var ops [3]aio.Op
		for i := range ops {
			ops[i].PrepWait(g, aio.HangUp)
			ops[i].Start(done)
		}
		for _, i := range []int{1, 0, 2} {
			if !ops[i].Cancel() {
				t.Error("not canceled")
			}
			if done.next(t) != &ops[i] {
				t.Error("who?")
			}
		}
		cctx, cancel := context.WithCancelCause(ctx)
		why := errors.New("why")
		go func() { pending(t, r, 1); cancel(why) }()
		if err := g.Wait(cctx, aio.HangUp); err != why {
			t.Errorf("context: %v", err)
		}
	})
}

// A blocking call ends with the context's cause, before and while it waits.
func TestContextCause(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(why)
		conn.Write([]byte("x"))
		f.Wait(soon(t), aio.Readable)
		if _, err := f.Read(ctx, make([]byte, 1)); err != why {
			t.Errorf("before: %v", err)
		}
		if n, err := f.Read(soon(t), make([]byte, 2)); n != 1 || err != nil {
			t.Errorf("the byte: %d %v", n, err)
		}
		ctx, cancel = context.WithCancelCause(context.Background())
		go func() { pending(t, r, 1); cancel(why) }()
		if _, err := f.Read(ctx, make([]byte, 1)); err != why {
			t.Errorf("while: %v", err)
		}
		if n := r.Stats().Pending; n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}

func TestReadFullWriteAll(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, conn := tcpPair(t, r)
		go func() {
			for _, s := range []string{"ab", "cd", "efgh"} {
				conn.Write([]byte(s))
			}
			conn.Close()
		}()
		p := make([]byte, 6)
		if n, err := f.ReadFull(soon(t), p); string(p[:n]) != "abcdef" || err != nil {
			t.Errorf("%q %v", p[:n], err)
		}
		if n, err := f.ReadFull(soon(t), p); string(p[:n]) != "gh" || err != io.ErrUnexpectedEOF {
			t.Errorf("cut short: %q %v", p[:n], err)
		}
		if n, err := f.ReadFull(soon(t), p); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d %v", n, err)
		}
		// What a canceled WriteAll reports is what the system took.
		g, peer := tcpPair(t, r)
		done := make(collect, 1)
		var op aio.Op
		op.PrepWriteAll(g, make([]byte, 64<<20))
		op.Start(done)
		pending(t, r, 1)
		if !op.Cancel() {
			t.Fatal("not canceled")
		}
		done.next(t)
		n, err := op.Result()
		if err != aio.ErrCanceled || n <= 0 {
			t.Fatal(n, err)
		}
		g.Shutdown(syscall.SHUT_WR)
		if m := must(io.Copy(io.Discard, peer)); m != int64(n) {
			t.Errorf("reported %d, arrived %d", n, m)
		}
	})
}

// A ring that is closed while AdoptConn looks at its duplicate closes that once:
// the number may be another's already.
func TestAdoptConnAgainstClose(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	k.adopt = func() {
		r.Close()
		k.closes.Store(0)
	}
	if f, err := r.AdoptConn(l.(*net.TCPListener)); f != nil || err != aio.ErrClosed {
		t.Errorf("%v, %v", f, err)
	}
	if n := k.closes.Load(); n != 1 {
		t.Errorf("the duplicate was closed %d times", n)
	}
	if f, err := r.AdoptConn(l.(*net.TCPListener)); f != nil || err != aio.ErrClosed {
		t.Errorf("of a closed ring: %v, %v", f, err)
	}
	if n := k.closes.Load(); n != 2 {
		t.Errorf("the second duplicate was closed %d times", n-1)
	}
}

// A descriptor that could not be adopted stays the caller's, also when the ring is
// closed in the middle.
func TestAdoptAgainstClose(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	k.adopt = func() {
		r.Close()
		k.closes.Store(0)
	}
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	for _, fd := range p { // the second finds the ring closed
		if f, err := r.Adopt(fd, aio.KindAuto); f != nil || err != aio.ErrClosed {
			t.Errorf("%v, %v", f, err)
		}
		if err := syscall.Close(fd); err != nil {
			t.Errorf("it is not the caller's any more: %v", err)
		}
	}
	if n := k.closes.Load(); n != 0 {
		t.Errorf("the ring closed %d descriptors", n)
	}
}

func TestAdoptAndRelease(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		for _, fd := range []int{-1, 1 << 20} {
			if _, err := r.Adopt(fd, aio.KindAuto); !errors.Is(err, syscall.EBADF) {
				t.Errorf("Adopt(%d): %v", fd, err)
			}
		}
		f, peer := unixPair(t, r, syscall.SOCK_STREAM)
		if far := uint64(peer) + 1<<32; strconv.IntSize == 64 { // which the system takes for peer
			if _, err := r.Adopt(int(far), aio.KindAuto); !errors.Is(err, syscall.EBADF) {
				t.Errorf("Adopt(%d): %v", far, err)
			}
		}
		if f.Kind() != aio.KindStream || f.Ring() != r {
			t.Error(f.Kind())
		}
		if _, err := r.Adopt(f.Sysfd(), aio.KindAuto); !errors.Is(err, syscall.EEXIST) {
			t.Errorf("twice: %v", err)
		}
		l := must(r.Listen("tcp", "127.0.0.1:0", nil))
		if l.Kind() != aio.KindListener {
			t.Error(l.Kind())
		}
		done := make(collect, 2)
		var op, wait aio.Op
		op.PrepRead(f, make([]byte, 1))
		op.Start(done)
		wait.PrepWait(f, aio.HangUp)
		wait.Start(done)
		number := f.Sysfd()
		fd, err := f.Release()
		if fd != number || err != nil {
			t.Fatal(fd, err)
		}
		for range 2 {
			if _, err := done.next(t).Result(); err != aio.ErrClosed {
				t.Error(err)
			}
		}
		if err := f.Close(); err != aio.ErrClosed {
			t.Errorf("Close after Release: %v", err)
		}
		syscall.Write(peer, []byte("xy"))
		if n, err := syscall.Read(fd, make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("the descriptor is dead: %d %v", n, err)
		}
		g := must(r.Adopt(fd, aio.KindAuto)) // and back again
		if n, err := g.Read(soon(t), make([]byte, 9)); n != 1 || err != nil {
			t.Error(n, err)
		}
		syscall.Shutdown(peer, syscall.SHUT_WR)
		if _, err := g.Read(soon(t), make([]byte, 9)); err != io.EOF {
			t.Error(err)
		}
	})
}

func TestQueue(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			var r *aio.Ring
			if mode == aio.Manual {
				r = manual(t) // who waits polls
			} else {
				r = newRing(t, mode)
			}
			var q aio.Queue
			ctx := soon(t)
			if n, err := q.Wait(ctx, nil); n != 0 || err != nil {
				t.Error(n, err)
			}
			const n = 10
			var ops [n]aio.Op
			var wrs [n]*aio.FD
			for i := range ops {
				rd, wr, err := r.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				wrs[i] = wr
				ops[i].PrepRead(rd, make([]byte, 1))
				ops[i].Start(&q)
			}
			short, cancel := context.WithTimeoutCause(ctx, 10*time.Millisecond, errors.New("why"))
			defer cancel()
			if n, err := q.Wait(short, make([]*aio.Op, 4)); n != 0 || err == nil || err.Error() != "why" {
				t.Errorf("nothing there: %d %v", n, err)
			}
			var w aio.Op
			for _, wr := range wrs {
				w.PrepWrite(wr, []byte("x"))
				if !w.Try(&q) {
					t.Fatal("a pipe is full")
				}
			}
			seen := map[*aio.Op]bool{}
			out := make([]*aio.Op, 4)
			for len(seen) < n {
				m, err := q.Wait(ctx, out)
				if err != nil || m < 1 || m > 4 {
					t.Fatal(m, err)
				}
				for _, op := range out[:m] {
					if k, err := op.Result(); seen[op] || k != 1 || err != nil {
						t.Fatal(k, err)
					}
					seen[op] = true
				}
			}
			// All: an Op may be started again in the loop.
			loop, stop := context.WithCancel(ctx)
			left := 20
			rd, wr, _ := r.Pipe()
			var ping aio.Op
			ping.PrepRead(rd, make([]byte, 1))
			ping.Start(&q)
			w.PrepWrite(wr, []byte("x"))
			w.Try(&q)
			for op := range q.All(loop) {
				if left--; left == 0 {
					break
				}
				op.Start(&q)
				w.Try(&q)
			}
			stop()
			for range q.All(loop) {
				t.Error("after the end")
			}
		})
	}
}

// Who waits at a queue before its first ring is known polls that ring as soon
// as it is.
func TestQueueHearsOfRing(t *testing.T) {
	r := manual(t)
	rd, wr, _ := r.Pipe()
	var q aio.Queue
	got := make(chan error, 1)
	go func() {
		_, err := q.Wait(soon(t), make([]*aio.Op, 1))
		got <- err
	}()
	until(t, "the wait", func() bool {
		stacks := make([]byte, 1<<20)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "aio.(*view).wait")
	})
	var op aio.Op
	op.PrepRead(rd, make([]byte, 1))
	op.Start(&q)
	wr.Close()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// Several goroutines wait at one queue for several rings.
func TestQueueShared(t *testing.T) {
	a, b, c := manual(t), manual(t), newRing(t, aio.Thread)
	var q aio.Queue
	const n = 300
	got := make(chan *aio.Op, n)
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan struct{}, 3)
	for range 3 {
		go func() {
			for op := range q.All(ctx) {
				got <- op
			}
			ended <- struct{}{}
		}()
	}
	for i := range n {
		r := []*aio.Ring{a, b, c}[i%3]
		rd, wr, err := r.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		op := new(aio.Op)
		op.PrepRead(rd, make([]byte, 1))
		op.Start(&q)
		var w aio.Op
		w.PrepWrite(wr, []byte("x"))
		w.Try(&q)
		op = collect(got).next(t)
		if k, err := op.Result(); k != 1 || err != nil {
			t.Fatal(k, err)
		}
		rd.Close()
		wr.Close()
	}
	cancel()
	for range 3 {
		<-ended
	}
}

func TestDrain(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			var r *aio.Ring
			if mode == aio.Manual {
				r = manual(t)
			} else {
				r = newRing(t, mode)
			}
			rd, wr, _ := r.Pipe()
			done := make(collect, 2)
			var op, late aio.Op
			op.PrepRead(rd, make([]byte, 1))
			op.Start(done)
			ctx, cancel := context.WithCancelCause(context.Background())
			why := errors.New("why")
			cancel(why)
			if err := r.Drain(ctx); err != why {
				t.Errorf("given up: %v", err)
			}
			if !op.Pending() {
				t.Error("Drain canceled something")
			}
			late.PrepRead(rd, make([]byte, 1))
			if !late.Try(done) {
				t.Fatal("a new operation was taken")
			}
			if _, err := late.Result(); err != aio.ErrClosed {
				t.Errorf("late: %v", err)
			}
			drained := make(chan error, 1)
			go func() { drained <- r.Drain(soon(t)) }()
			syscall.Write(wr.Sysfd(), []byte("x"))
			if err := <-drained; err != nil {
				t.Error(err)
			}
			if op.Pending() || len(done) != 1 {
				t.Error("Drain did not wait")
			}
		})
	}
}

// Poll completes at most as many as it is told, and loses none.
func TestPollMax(t *testing.T) {
	r := manual(t)
	const n = 10
	var ops [n]aio.Op
	handled := 0
	for i := range ops {
		rd, wr, _ := r.Pipe()
		ops[i].PrepRead(rd, make([]byte, 1))
		ops[i].Start(aio.HandlerFunc(func(*aio.Op) { handled++ }))
		wr.Close()
	}
	for total := 0; total < n; {
		before := handled
		k, err := r.Poll(soon(t), 3)
		if err != nil || k < 1 || k > 3 || handled-before != k {
			t.Fatalf("Poll: %d %v, %d handled", k, err, handled-before)
		}
		total += k
	}
	ring := newRing(t, aio.Thread)
	if _, err := ring.Poll(soon(t), 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Poll of a ring that polls itself: %v", err)
	}
	ring.Wake()
}

func TestListenAndDial(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		ctx := soon(t)
		for _, c := range []struct{ network, address, dial string }{
			{"tcp", "127.0.0.1:0", "tcp"}, {"tcp4", "127.0.0.1:0", "tcp4"}, {"tcp", ":0", "tcp"}, {"tcp4", ":0", "tcp"}, {"tcp6", "[::1]:0", "tcp6"},
		} {
			l, err := r.Listen(c.network, c.address, &aio.ListenOptions{ReusePort: true, Backlog: 3})
			if err != nil {
				if strings.Contains(c.network, "6") {
					t.Logf("no IPv6: %v", err)
					continue
				}
				t.Fatal(c, err)
			}
			to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), l.LocalAddr().Port())
			if c.network == "tcp6" {
				to = l.LocalAddr()
			}
			f, err := r.Dial(ctx, c.dial, to)
			if err != nil {
				t.Fatal(c, err)
			}
			s, from, err := l.Accept(ctx)
			if err != nil || from != f.LocalAddr() || s.RemoteAddr() != from || f.RemoteAddr() != to || from.Addr().Is4In6() {
				t.Errorf("%v: %v from %v, want %v", c, err, from, f.LocalAddr())
			}
			f.Close()
			s.Close()
			l.Close()
		}
		mapped := netip.MustParseAddrPort("[::ffff:127.0.0.1]:9")
		for _, c := range []struct {
			network string
			to      netip.AddrPort
		}{{"tcp6", mapped}, {"tcp4", netip.MustParseAddrPort("[::1]:9")}, {"tcp", netip.AddrPort{}}, {"ip", mapped}, {"", mapped}} {
			if _, err := r.Dial(ctx, c.network, c.to); !errors.Is(err, syscall.EINVAL) {
				t.Errorf("%v: %v", c, err)
			}
		}
		for _, c := range []struct{ network, address string }{
			{"tcp", "localhost:0"}, {"tcp", "127.0.0.1"}, {"tcp4", "[::1]:0"}, {"udp", "127.0.0.1:0"}, {"unixgram", "/x"}, {"", ""}, {"tcp", ":"}, {"tcp7", ":0"}, {"unix", filepath.Join(shortDir(t), "no", "where")},
		} {
			if l, err := r.Listen(c.network, c.address, nil); err == nil {
				t.Errorf("%v: listens at %v", c, l.LocalAddr())
			} else if e := new(aio.OpError); !errors.As(err, &e) || e.Op != "listen" {
				t.Errorf("%v: %v", c, err)
			}
		}
		// UDP, connected.
		u := must(r.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0))
		v := must(r.Dial(ctx, "udp", netip.MustParseAddrPort("127.0.0.1:9")))
		if u.Kind() != aio.KindPacket || v.RemoteAddr().Port() != 9 {
			t.Error(u.Kind(), v.RemoteAddr())
		}
		// Unix.
		path := filepath.Join(shortDir(t), "s")
		ul := must(r.Listen("unix", path, nil))
		uc := must(r.DialUnix(ctx, "unix", path))
		us, from, err := ul.Accept(ctx)
		if err != nil || from.IsValid() || uc.RemoteAddr().IsValid() || ul.LocalAddr().IsValid() {
			t.Error(err, from)
		}
		us.Write(ctx, []byte("hi"))
		p := make([]byte, 9)
		if n, err := uc.Read(ctx, p); string(p[:n]) != "hi" || err != nil {
			t.Error(n, err)
		}
		if _, err := r.DialUnix(ctx, "tcp", path); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
	})
}

func TestErrors(t *testing.T) {
	err := error(&aio.OpError{Op: "read", Addr: "x", Err: syscall.ECONNRESET})
	if err.Error() != "aio: read x: "+syscall.ECONNRESET.Error() || !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if s := (&aio.OpError{Op: "read", Err: io.EOF}).Error(); s != "aio: read: EOF" {
		t.Error(s)
	}
	if !(&aio.OpError{Err: syscall.ETIMEDOUT}).Timeout() || (&aio.OpError{Err: io.EOF}).Timeout() {
		t.Error("Timeout")
	}
	if !(&aio.OpError{Err: syscall.EAGAIN}).Temporary() || (&aio.OpError{Err: io.EOF}).Temporary() {
		t.Error("Temporary")
	}
	if errors.Is(aio.ErrCanceled, aio.ErrClosed) || aio.ErrClosed.Error() == "" {
		t.Error("sentinels")
	}
}
