package aio_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"example.com/interlock/aio"
)

func pollers(t *testing.T, f func(t *testing.T, r *aio.Ring)) {
	for _, mode := range []aio.PollerMode{aio.Auto, aio.Thread} {
		t.Run(mode.String(), func(t *testing.T) {
			r, err := aio.New(&aio.Options{Poller: mode})
			if err != nil {
				t.Fatal(err)
			}
			f(t, r)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func pipe(t *testing.T, r *aio.Ring) (rd, wr *aio.FD) {
	t.Helper()
	rd, wr, err := r.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return rd, wr
}

func TestReadsYieldsWhatComesAndEndsWithTheStream(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		rd, wr := pipe(t, r)
		p := aio.NewPool(8, 2)
		want := bytes.Repeat([]byte("0123456789"), 1000)
		go func() {
			wr.WriteAll(context.Background(), want)
			wr.Close()
		}()
		var got []byte
		for b, err := range rd.Reads(t.Context(), p) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b.Bytes()...)
			b.Release()
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d", len(got), len(want))
		}
	})
}

func TestReadsLeftEarlyLosesNothing(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		rd, wr := pipe(t, r)
		p := aio.NewPool(4, 1)
		wr.WriteAll(t.Context(), []byte("abcdefgh"))
		for b, err := range rd.Reads(t.Context(), p) {
			if err != nil || string(b.Bytes()) != "abcd" {
				t.Fatalf("%q, %v", b.Bytes(), err)
			}
			b.Release()
			break
		}
		rest := make([]byte, 8)
		if n, err := rd.Read(t.Context(), rest); string(rest[:n]) != "efgh" {
			t.Errorf("%q, %v", rest[:n], err)
		}
		if b, err := p.Get(t.Context()); err != nil {
			t.Error(err)
		} else {
			b.Release()
		}
	})
}

func TestReadsYieldsAnErrorOnce(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		rd, _ := pipe(t, r)
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		n := 0
		for b, err := range rd.Reads(ctx, aio.NewPool(4, 1)) {
			n++
			if b != nil || err != cause {
				t.Errorf("%v, %v; want no buffer and the cause", b, err)
			}
		}
		if n != 1 {
			t.Errorf("yielded %d times, want once", n)
		}
	})
}

// More readers than buffers: each waits its turn, and nothing is lost.
func TestExhaustedPoolMakesReadersWaitTheirTurn(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		const readers = 20
		p := aio.NewPool(16, 1)
		held, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		q := new(aio.Queue)
		ops := make([]aio.Op, readers)
		for i := range ops {
			rd, wr := pipe(t, r)
			wr.WriteAll(t.Context(), []byte{byte(i)})
			ops[i].PrepReadPool(rd, p)
			if ops[i].FD() != rd {
				t.Error("the Op does not know its descriptor")
			}
			ops[i].Start(q)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if n, _ := q.Wait(ctx, make([]*aio.Op, 1)); n != 0 {
			t.Fatal("a read completed without a buffer")
		}
		held.Release()
		seen := make(map[byte]bool)
		for range readers {
			var one [1]*aio.Op
			if _, err := q.Wait(t.Context(), one[:]); err != nil {
				t.Fatal(err)
			}
			b := one[0].Buf()
			seen[b.Bytes()[0]] = true
			b.Release()
		}
		if len(seen) != readers {
			t.Errorf("%d of %d readers were served", len(seen), readers)
		}
	})
}

// A reader that has nothing to read takes no buffer and stands in nobody's
// way.
func TestIdleReadersHoldNoBuffer(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		p := aio.NewPool(16, 1)
		q := new(aio.Queue)
		ops := make([]aio.Op, 10)
		for i := range ops {
			rd, _ := pipe(t, r)
			ops[i].PrepReadPool(rd, p)
			ops[i].Start(q)
		}
		b, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
	})
}

func TestCancelledReaderPassesItsTurnOn(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		p := aio.NewPool(16, 1)
		held, _ := p.Get(t.Context())
		q := new(aio.Queue)
		ops := make([]aio.Op, 3)
		for i := range ops {
			rd, wr := pipe(t, r)
			wr.WriteAll(t.Context(), []byte("x"))
			ops[i].PrepReadPool(rd, p)
			ops[i].Start(q)
		}
		if !ops[0].Cancel() {
			t.Fatal("not cancelled while the pool is exhausted")
		}
		held.Release()
		for range ops {
			var one [1]*aio.Op
			if _, err := q.Wait(t.Context(), one[:]); err != nil {
				t.Fatal(err)
			}
			_, err := one[0].Result()
			switch {
			case one[0] == &ops[0] && (err != aio.ErrCanceled || one[0].Buf() != nil):
				t.Errorf("the cancelled one: %v, %v", one[0].Buf(), err)
			case one[0] != &ops[0] && err != nil:
				t.Error(err)
			case err == nil:
				one[0].Buf().Release()
			}
		}
	})
}

// A ring that has ended stands in nobody's way: what waited there for a
// buffer is gone, and the next in line is served.
func TestPoolOfARingThatEnded(t *testing.T) {
	gone, err := aio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	pollers(t, func(t *testing.T, r *aio.Ring) {
		p := aio.NewPool(16, 1)
		held, _ := p.Get(t.Context())
		q := new(aio.Queue)
		var first, second aio.Op
		for i, op := range []*aio.Op{&first, &second} {
			ring := []*aio.Ring{gone, r}[i]
			rd, wr, err := ring.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			wr.WriteAll(t.Context(), []byte("x"))
			op.PrepReadPool(rd, p)
			op.Start(q)
		}
		if err := gone.Close(); err != nil {
			t.Fatal(err)
		}
		held.Release()
		for range 2 {
			var one [1]*aio.Op
			if _, err := q.Wait(t.Context(), one[:]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := first.Result(); err != aio.ErrClosed {
			t.Errorf("on the ring that ended: %v", err)
		}
		if n, err := second.Result(); n != 1 || err != nil {
			t.Errorf("on the other: %d, %v", n, err)
		} else {
			second.Buf().Release()
		}
		if b, err := p.Get(t.Context()); err != nil {
			t.Error(err)
		} else {
			b.Release()
		}
		gone, err = aio.New(nil) // for the next mode
		if err != nil {
			t.Fatal(err)
		}
	})
	gone.Close()
}

func TestPoolReaderHasADeadlineWhileItWaitsForABuffer(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		p := aio.NewPool(16, 1)
		held, _ := p.Get(t.Context())
		defer held.Release()
		rd, wr := pipe(t, r)
		wr.WriteAll(t.Context(), []byte("x"))
		rd.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		for _, err := range rd.Reads(t.Context(), p) {
			if err == nil {
				t.Error("read without a buffer")
			}
		}
	})
}

func TestFailFastPool(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		p := aio.NewPool(16, 1).FailFast()
		held, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Get(t.Context()); err != aio.ErrFull {
			t.Errorf("Get of an exhausted pool: %v, want ErrFull", err)
		}
		rd, wr := pipe(t, r)
		wr.WriteAll(t.Context(), []byte("x"))
		q := new(aio.Queue)
		var op aio.Op
		op.PrepReadPool(rd, p)
		op.Start(q)
		q.Wait(t.Context(), make([]*aio.Op, 1))
		if _, err := op.Result(); err != aio.ErrFull || op.Buf() != nil {
			t.Errorf("read: %v, want ErrFull and no buffer", err)
		}
		held.Release()
		op.Start(q)
		q.Wait(t.Context(), make([]*aio.Op, 1))
		if n, err := op.Result(); n != 1 || err != nil || string(op.Buf().Bytes()) != "x" {
			t.Errorf("read again: %d, %v", n, err)
		}
	})
}

func TestGetWaitsAndLeavesWithItsContext(t *testing.T) {
	p := aio.NewPool(1, 1)
	held, _ := p.Get(t.Context())
	cause := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		_, err := p.Get(ctx)
		ended <- err
	}()
	cancel(cause)
	if err := <-ended; err != cause {
		t.Errorf("%v, want the cause", err)
	}
	got := make(chan *aio.Buf)
	go func() {
		b, _ := p.Get(t.Context())
		got <- b
	}()
	held.Release()
	if b := <-got; len(b.Bytes()) != 1 {
		t.Errorf("a buffer of %d bytes", len(b.Bytes()))
	} else {
		b.Release()
	}
}

func TestStressPoolIsSharedWithoutLoss(t *testing.T) {
	p := aio.NewPool(8, 3)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				if n%3 == 0 {
					go cancel()
				}
				b, err := p.Get(ctx)
				if err == nil {
					b.Bytes()[0] = byte(i)
					b.Retain()
					b.Release()
					if b.Bytes()[0] != byte(i) {
						t.Error("two users of one buffer")
					}
					b.Release()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	for range 3 { // all of them are back
		if _, err := p.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBufMisusePanics(t *testing.T) {
	pool := aio.NewPool(4, 1)
	b, _ := pool.Get(t.Context())
	for _, n := range []int{4, 2, 2} {
		if b.Truncate(n); len(b.Bytes()) != n {
			t.Errorf("%d bytes are left, want %d", len(b.Bytes()), n)
		}
	}
	for name, misuse := range map[string]func(){
		"longer":    func() { b.Truncate(3) },
		"negative":  func() { b.Truncate(-1) },
		"no size":   func() { aio.NewPool(0, 1) },
		"no count":  func() { aio.NewPool(1, 0) },
		"no pool":   func() { new(aio.Op).PrepReadPool(nil, nil) },
		"no limit":  func() { aio.NewOutbox(new(aio.FD), 0) },
		"no outbox": func() { aio.NewOutbox(nil, 1) },
	} {
		wantMisuse(t, name, misuse)
	}
	b.Truncate(0)
	b.Release()
	wantMisuse(t, "Release", b.Release)
	wantMisuse(t, "Retain", b.Retain)
	wantMisuse(t, "Bytes", func() { b.Bytes() })
	wantMisuse(t, "Truncate", func() { b.Truncate(0) })
	for range 2 { // the next users have it to themselves, and it comes back
		b, err := pool.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	wantMisuse(t, "Release", b.Release)
}

func wantMisuse(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if msg, ok := recover().(string); !ok || len(msg) < 5 || msg[:5] != "aio: " {
			t.Errorf("%s: panic %q", name, msg)
		}
	}()
	f()
}
