//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"example.com/interlock/aio"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(aio.FD{}); n > 112 {
		t.Errorf("an FD takes %d bytes", n)
	}
	if n := unsafe.Sizeof(aio.Op{}); n > 120 {
		t.Errorf("an Op takes %d bytes", n)
	}
}

// No operation of any style allocates once it has been used.
func TestNoAllocations(t *testing.T) {
	r := manual(t)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	syscall.SetNonblock(peer, true)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := make([]byte, 64)
	var rd, wr aio.Op
	var h aio.HandlerFunc = func(*aio.Op) {}
	var q aio.Queue
	out := make([]*aio.Op, 1)
	zero(t, "Try", func() {
		wr.PrepWrite(f, p)
		wr.Try(h)
		syscall.Read(peer, p)
		syscall.Write(peer, p)
		rd.PrepRead(f, p)
		rd.Try(h)
	})
	zero(t, "Start, event, handler", func() {
		rd.PrepRead(f, p)
		rd.Start(h)
		syscall.Write(peer, p)
		for rd.Pending() {
			must(r.Poll(context.Background(), 1))
		}
	})
	zero(t, "Queue", func() {
		rd.PrepRead(f, p)
		rd.Start(&q)
		syscall.Write(peer, p)
		must(q.Wait(context.Background(), out))
	})
	later := time.Now().Add(time.Hour)
	zero(t, "deadline and Cancel", func() {
		rd.PrepRead(f, p)
		rd.SetDeadline(later)
		rd.Start(h)
		rd.Cancel()
		must(r.Poll(context.Background(), 1))
		f.SetReadDeadline(later)
		f.SetReadDeadline(time.Time{})
	})
	zero(t, "Wait", func() {
		rd.PrepWait(f, aio.Readable)
		rd.Start(h)
		syscall.Write(peer, p)
		for rd.Pending() {
			must(r.Poll(context.Background(), 1))
		}
		f.Read(ctx, p)
	})
	zero(t, "blocking, at once", func() {
		f.Write(ctx, p)
		syscall.Read(peer, p)
		syscall.Write(peer, p)
		f.ReadFull(ctx, p)
	})
}

// A goroutine that parks and is woken allocates nothing either.
func TestNoAllocationsParked(t *testing.T) {
	for _, mode := range drivenModes {
		t.Run(mode.String(), func(t *testing.T) {
			r := newRing(t, mode)
			a, b := pipePair(t, r)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			go func() { // echoes
				p := make([]byte, 1)
				for {
					if _, err := a[0].Read(ctx, p); err != nil {
						return
					}
					b[1].Write(ctx, p)
				}
			}()
			p := make([]byte, 1)
			zero(t, "ping-pong", func() {
				a[1].Write(ctx, p)
				if _, err := b[0].Read(ctx, p); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func pipePair(t testing.TB, r *aio.Ring) (a, b [2]*aio.FD) {
	for _, p := range []*[2]*aio.FD{&a, &b} {
		rd, wr, err := r.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		*p = [2]*aio.FD{rd, wr}
	}
	return a, b
}

// zero fails when f allocates, or more often than it may.
func zero(t *testing.T, what string, f func(), most ...int) {
	t.Helper()
	if raceEnabled {
		for range 10 {
			f()
		}
		return
	}
	limit := 0
	for _, n := range most {
		limit = n
	}
	if n := testing.AllocsPerRun(200, f); n > float64(limit) {
		t.Errorf("%s: %v allocations", what, n)
	}
}

// A goroutine that echoes over a Conn stays on the smallest stack.
func TestStackOfABlockingEcho(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has its own idea of memory")
	}
	const n = 200
	r := newRing(t, aio.Auto)
	peers := make([]int, n)
	fds := make([]*aio.FD, n)
	for i := range fds {
		fds[i], peers[i] = unixPair(t, r, syscall.SOCK_STREAM)
	}
	// The runtime gives a new goroutine the stack that those there are use on
	// average. Many that use next to nothing keep that at its least.
	var crowd sync.WaitGroup
	leave := make(chan struct{})
	for range 10 * n {
		crowd.Go(func() { <-leave })
	}
	defer crowd.Wait()
	defer close(leave)
	stacks := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	before := stacks()
	var wg sync.WaitGroup
	for _, f := range fds {
		wg.Go(func() {
			c := aio.NewConn(f)
			p := make([]byte, 1)
			for c.WaitReadable(context.Background()) == nil {
				if _, err := c.Read(p); err != nil {
					return
				}
				c.Write(p)
			}
		})
	}
	for range 3 {
		for _, peer := range peers {
			syscall.Write(peer, []byte("1"))
		}
		for _, peer := range peers {
			must(syscall.Read(peer, make([]byte, 1)))
		}
	}
	until(t, "all wait", func() bool { return r.Stats().Pending == n })
	per := int64(stacks()-before) / n
	for _, f := range fds {
		f.Close()
	}
	wg.Wait()
	if t.Logf("%d bytes of stack per connection", per); r.Mode() == aio.Nested && runtime.GOARCH == "amd64" && per > 3000 {
		t.Errorf("%d bytes of stack per connection: a frame has grown", per)
	}
}

// An idle connection takes the FD, the Op and its place in the table.
func TestMemoryPerIdleConnection(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has its own idea of memory")
	}
	n := 1000
	r := newRing(t, aio.Thread)
	fds := make([]int, n)
	var before, after runtime.MemStats
	for i := range fds {
		var p [2]int
		if err := syscall.Pipe(p[:]); err != nil && i >= 300 { // a small machine has no more
			t.Logf("%d pipes, then: %v", i, err)
			n = i
			break
		} else if err != nil {
			t.Fatal(err)
		}
		fds[i] = p[0]
		defer syscall.Close(p[1])
	}
	var h aio.HandlerFunc = func(*aio.Op) {}
	p := make([]byte, 1)
	ops := make([]*aio.Op, n)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range ops {
		ops[i] = new(aio.Op)
		ops[i].PrepRead(must(r.Adopt(fds[i], aio.KindOther)), p)
		ops[i].Start(h)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := int64(after.HeapAlloc-before.HeapAlloc) / int64(n); per > 256 {
		t.Errorf("%d bytes per idle connection", per)
	} else {
		t.Logf("%d bytes per idle connection", per)
	}
	runtime.KeepAlive(ops)
}
