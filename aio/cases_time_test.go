//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"math"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

// A time shorter than what the system's wait can tell is neither cut short
// nor waited for in a loop, and a deadline without a monotonic reading counts
// as one with it.
func TestC39_TimeIsRoundedUp(t *testing.T) {
	r := manual(t)
	rd, _, err := r.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	done := make(collect, 1)
	var op aio.Op
	op.PrepRead(rd, make([]byte, 1))
	for _, d := range []time.Duration{100 * time.Microsecond, 1300 * time.Microsecond} {
		for _, wall := range []bool{false, true} {
			at := time.Now().Add(d)
			if wall {
				at = at.Round(0)
			}
			op.SetDeadline(at)
			before := r.Stats().Waits
			op.Start(done)
			for op.Pending() {
				must(r.Poll(context.Background(), 1))
			}
			if _, err := op.Result(); err != os.ErrDeadlineExceeded || time.Now().Before(at) {
				t.Errorf("%v, at %v of %v", err, time.Now(), at)
			}
			if n := r.Stats().Waits - before; n > 5 {
				t.Errorf("%d waits for one deadline", n)
			}
			<-done
		}
	}
}

// A clock that jumps, as after a suspension, makes everything due, once each
// and in order.
func TestC39_ClockJumps(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		s := newSimRing(t, simkernel.Config{Manners: m, Seed: 1})
		f, _ := s.pairOf("pipe")
		var order []int
		var ops [20]aio.Op
		start := s.k.Time()
		for i := range ops {
			ops[i].PrepRead(f, make([]byte, 1))
			ops[i].SetDeadline(start.Add(time.Duration(len(ops)-i) * time.Minute))
			ops[i].Start(aio.HandlerFunc(func(op *aio.Op) {
				if _, err := op.Result(); err != os.ErrDeadlineExceeded {
					t.Errorf("%d: %v", i, err)
				}
				order = append(order, i)
			}))
		}
		s.k.Advance(10*time.Minute + time.Second)
		s.turn()
		for s.Stats().Pending > 10 {
			s.turn()
		}
		if len(order) != 10 {
			t.Fatalf("%d are over after half of the time", len(order))
		}
		s.k.Advance(24 * time.Hour)
		s.settle()
		if len(order) != len(ops) {
			t.Fatalf("%d are over in the end", len(order))
		}
		for i, n := range order {
			if n != len(ops)-1-i {
				t.Fatalf("the order is %v", order)
			}
		}
		s.finish()
	})
}

// tokens watches what identifies the owner of a kqueue's filter.
type tokens struct {
	sys.Kernel
	t    *testing.T
	seen map[uintptr]int // number that a token stood for
}

func (k *tokens) Kevent(kq int, changes, events []sys.Kevent, timeout int64) (int, sys.Errno) {
	for _, c := range changes {
		token, number := uintptr(c.Udata), int(c.Ident)
		if uint64(token) > math.MaxUint32 {
			k.t.Errorf("a token of more than 32 bits: %x", token)
		}
		if was, ok := k.seen[token]; ok && was != number && token != 0 {
			k.t.Errorf("one token for the numbers %d and %d", was, number)
		}
		k.seen[token] = number
	}
	return k.Kernel.Kevent(kq, changes, events, timeout)
}

// A kqueue's token has as many bits as a pointer, which may be 32, and is given
// to no second owner of a number.
func TestC40_TokensOf32Bits(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		if m.Poller != sys.Kqueue {
			return
		}
		sim := simkernel.New(simkernel.Config{Manners: m, Seed: 1})
		k := &tokens{Kernel: sim, t: t, seen: map[uintptr]int{}}
		r := must(aio.NewOn(k, &aio.Options{Poller: aio.Manual}))
		var op aio.Op
		owners := map[int]bool{}
		const rounds = 20
		for range rounds {
			rd, wr, err := r.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			owners[rd.Sysfd()] = true
			op.PrepRead(rd, make([]byte, 1))
			op.Start(aio.HandlerFunc(func(*aio.Op) {}))
			rd.Close()
			wr.Close()
			for op.Pending() {
				r.Wake()
				must(r.Poll(context.Background(), 8))
			}
		}
		if len(owners) == rounds {
			t.Error("no number was used again")
		}
		if n := len(k.seen); n < rounds {
			t.Errorf("%d tokens for %d owners", n, rounds)
		}
		r.Close()
	})
}

// What tests of every kind are followed by (see newRing and TestMain), here
// after all that leaves something to be given back: descriptors, goroutines
// and memory are what they were.
func TestC47_NothingIsLeft(t *testing.T) {
	life := func() {
		r := must(aio.New(nil))
		rd, wr, _ := r.Pipe()
		done := make(collect, 4)
		var read, timeout, call, wait aio.Op
		read.PrepReadPool(rd, aio.NewPool(1<<16, 1))
		timeout.PrepTimeout(r, time.Hour)
		call.PrepCall(r, func() error { return nil })
		wait.PrepWait(rd, aio.HangUp)
		for _, op := range []*aio.Op{&read, &timeout, &call, &wait} {
			op.Start(done)
		}
		o := aio.NewOutbox(wr, 1<<20)
		o.Send(make([]byte, 1<<17)) // more than a pipe takes
		fd := must(syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0))
		must(r.Adopt(fd, aio.KindAuto))
		r.Close()
		for range 4 {
			done.next(t)
		}
		if b := read.Buf(); b != nil {
			b.Release()
		}
	}
	life()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fds, goroutines := openFDs(), runtime.NumGoroutine()
	const lives = 50
	for range lives {
		life()
	}
	until(t, "the descriptors are back", func() bool { return openFDs() <= fds })
	until(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	until(t, "the memory is back, but for some of each ring", func() bool {
		runtime.GC() // once does not do for what has a cleanup
		runtime.ReadMemStats(&after)
		return (int64(after.HeapAlloc)-int64(before.HeapAlloc))/lives <= 16<<10
	})
}

// A million idle connections with a deadline each cost the ring an entry of a
// few bytes, and nothing when they are over.
func TestDeadlinesOfAMillion(t *testing.T) {
	n := 1_000_000
	if raceEnabled {
		n = 50_000
	}
	r := manual(t)
	ops := make([]aio.Op, n)
	over := 0
	h := aio.HandlerFunc(func(*aio.Op) { over++ })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range ops {
		ops[i].PrepTimeout(r, time.Hour+time.Duration(i*7919%n)*time.Millisecond)
		ops[i].Start(h)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got, _ := r.Times(); got != n {
		t.Errorf("%d times for %d operations", got, n)
	}
	per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / int64(n)
	if t.Logf("%d bytes for each of %d deadlines", per, n); per > 32 {
		t.Errorf("%d bytes for each", per) // 24, and what growing leaves over
	}
	for i := range ops {
		if i%2 == 0 && !ops[i].Cancel() {
			t.Fatal("not cancelled")
		}
	}
	for over < n/2 {
		must(r.Poll(soon(t), n))
	}
	if got, room := r.Times(); got != n/2 || room > 3*n {
		t.Errorf("%d times are left, with room for %d", got, room)
	}
	r.Close()
	for i := range ops {
		if _, err := ops[i].Result(); err != aio.ErrClosed && err != aio.ErrCanceled {
			t.Fatal(err)
		}
	}
	if got, room := r.Times(); got != 0 || room > 256 {
		t.Errorf("%d times left, room for %d", got, room)
	}
}

// A timeout may be longer than what 32 bits of nanoseconds hold.
func TestTimeoutOfHours(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		s := newSimRing(t, simkernel.Config{Manners: m, Seed: 1})
		var op aio.Op
		op.PrepTimeout(s.Ring, 30*time.Hour)
		for range 2 {
			op.Start(aio.HandlerFunc(func(*aio.Op) {}))
			s.k.Advance(29 * time.Hour)
			if s.turn(); !op.Pending() {
				t.Fatal("it came too soon")
			}
			s.k.Advance(time.Hour)
			if s.turn(); op.Pending() {
				t.Fatal("it did not come")
			}
		}
		s.finish()
	})
}
