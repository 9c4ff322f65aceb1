//go:build !race

package line_test

import (
	"context"
	"testing"
	"unsafe"

	"example.com/interlock/line"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(line.Line{}); n > 24 {
		t.Errorf("a Line takes %d bytes, promised are 24", n)
	}
	if n := unsafe.Sizeof(line.Pass{}); n > 32 {
		t.Errorf("a Pass takes %d bytes, promised are 32", n)
	}
}

func wantAllocs(t *testing.T, what string, most float64, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(1000, f); n > most {
		t.Errorf("%s: %v allocations, promised are %v", what, n, most)
	}
}

func TestAllocations(t *testing.T) {
	ctx := context.Background()
	var free, busy, moved, failing line.Line
	var fresh *line.Line
	tok := take(t, &busy)
	take(t, &moved).Fail(errNo)
	nothing := func(context.Context) error { return nil }
	wantAllocs(t, "acquire and release", 0, func() { end(free.TryAcquire()) })
	wantAllocs(t, "a line that is used and not waited for", 1, func() { // no lobby
		fresh = new(line.Line)
		end(fresh.TryAcquire())
	})
	wantAllocs(t, "Fail, however many failed before", 3, func() { // remembered are three
		tok, _ := failing.TryAcquire().Token()
		tok.Fail(errNo)
	})
	wantAllocs(t, "Enter of a busy line", 0, func() { busy.Enter(0) })
	wantAllocs(t, "Enter of a line that moved on", 0, func() { moved.Enter(0) })
	wantAllocs(t, "Do with nobody waiting", 0, func() { free.Do(ctx, free.Epoch(), nothing) })
	wantAllocs(t, "a busy period with a waiter", 2, func() {
		tok, _ := free.TryAcquire().Token()
		p := free.TryAcquire()
		done := p.Done()
		for range 10 {
			free.TryAcquire().Done()
		}
		tok.Release()
		<-done
	})
	var g line.Group[int]
	g.Do(ctx, 1, 0, nothing)
	wantAllocs(t, "Group.Do with nobody waiting", 0, func() { g.Do(ctx, 1, g.Epoch(1), nothing) })
	c := line.NewCell("x")
	wantAllocs(t, "Cell.Load", 0, func() { c.Load() })
	if !tok.Valid() {
		t.Error("the busy line was not busy")
	}
}
