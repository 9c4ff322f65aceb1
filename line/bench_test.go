package line_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"example.com/interlock/line"
)

func BenchmarkAcquireRelease(b *testing.B) {
	b.Run("Line", func(b *testing.B) {
		var l line.Line
		b.ReportAllocs()
		for b.Loop() {
			t, _ := l.TryAcquire().Token()
			t.Release()
		}
	})
	b.Run("Mutex.TryLock", func(b *testing.B) {
		var mu sync.Mutex
		b.ReportAllocs()
		for b.Loop() {
			if mu.TryLock() {
				mu.Unlock()
			}
		}
	})
}

func BenchmarkEnterRefused(b *testing.B) {
	var busy, moved line.Line
	busy.TryAcquire()
	end(moved.TryAcquire())
	for name, l := range map[string]*line.Line{"Busy": &busy, "Stale": &moved} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if l.Enter(0).Outcome() == line.Acquired {
					b.Fatal("acquired")
				}
			}
		})
	}
	b.Run("Mutex.TryLock", func(b *testing.B) {
		var mu sync.Mutex
		b.ReportAllocs()
		for b.Loop() {
			if mu.TryLock() {
				mu.Unlock()
			}
		}
	})
}

func end(p line.Pass) {
	t, _ := p.Token()
	t.Release()
}

func BenchmarkDo(b *testing.B) {
	var l line.Line
	ctx := context.Background()
	nothing := func(context.Context) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		l.Do(ctx, l.Epoch(), nothing)
	}
}

func BenchmarkGroupDo(b *testing.B) {
	var g line.Group[int]
	ctx := context.Background()
	nothing := func(context.Context) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		g.Do(ctx, 1, g.Epoch(1), nothing)
	}
}

func BenchmarkCellLoad(b *testing.B) {
	c := line.NewCell("token")
	b.ReportAllocs()
	for b.Loop() {
		c.Load()
	}
}

// The end of a hold that 10,000 goroutines wait for, until the last has run
// on, against close(chan).
func BenchmarkHerd(b *testing.B) {
	const waiters = 10_000
	herd := func(b *testing.B, wait func(), release func()) {
		var ready, gone sync.WaitGroup
		ready.Add(waiters)
		for range waiters {
			gone.Go(func() {
				ready.Done()
				wait()
			})
		}
		ready.Wait()
		time.Sleep(5 * time.Millisecond) // the last of them park: nothing depends on it but the figure
		b.StartTimer()
		release()
		gone.Wait()
		b.StopTimer()
	}
	b.Run("Line", func(b *testing.B) {
		var l line.Line
		b.StopTimer()
		for range b.N {
			t, _ := l.TryAcquire().Token()
			herd(b, func() { l.TryAcquire().Wait(context.Background()) }, t.Release)
		}
	})
	b.Run("close", func(b *testing.B) {
		b.StopTimer()
		for range b.N {
			c := make(chan struct{})
			herd(b, func() { <-c }, func() { close(c) })
		}
	})
}
