package waitmap

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLapseOfMemoryInUseAgain: after the wheel has handed out a deadline, its wait
// may end otherwise and its memory serve another one before the deadline is told.
func TestLapseOfMemoryInUseAgain(t *testing.T) {
	m := New[int, int](&Options{Shards: 1})
	old, _ := m.ReserveUntil(1, time.Now().Add(time.Hour))
	late := timeout[int, int]{w: old.w, gen: old.gen, hash: old.hash}
	old.Cancel()
	next, _ := m.Reserve(1)
	if next.w != old.w {
		t.Fatal("the test tests nothing: the memory is another")
	}
	m.use().lapse(&late)
	if !m.Waiting(1) {
		t.Error("the deadline of an old wait has ended a new one")
	}
}

// TestTimerGoesWithTheLastDeadline: not only does the wheel forget it.
func TestTimerGoesWithTheLastDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New[int, int](nil)
		fired := 0
		m.use().wheel.fire = func() { fired++ }
		tk, _ := m.ReserveUntil(1, time.Now().Add(time.Second))
		tk.Cancel()
		time.Sleep(time.Minute)
		if fired > 0 {
			t.Error("a timer fired for a deadline that was taken back")
		}
	})
}

// crowd returns a wheel with n deadlines that have passed, all in one slot of a
// higher level, and one that has not.
func crowd(n int) (m *Map[int, int], tickets []Ticket[int, int], later Ticket[int, int]) {
	m = New[int, int](&Options{Shards: 1})
	for key := range n {
		tk, _ := m.ReserveUntil(key, time.Now().Add(time.Hour))
		tickets = append(tickets, tk)
	}
	later, _ = m.ReserveUntil(-1, time.Now().Add(100*time.Hour))
	h := &m.use().wheel
	h.mu.Lock()
	h.base = h.base.Add(-2 * time.Hour) // as if that time had passed
	h.mu.Unlock()
	return m, tickets, later
}

// TestPopIsBounded: however many deadlines are due at once, one visit to the wheel
// moves a handful of them.
func TestPopIsBounded(t *testing.T) {
	const n = 1000
	m, _, later := crowd(n)
	later.Cancel()
	h := &m.use().wheel
	var buf [64]timeout[int, int]
	if got, more := h.pop(buf[:]); got != 0 || !more || h.draining.slot == 0 {
		t.Errorf("the first visit takes out %d, %v: it did not stop at the move to a lower level", got, more)
	}
	popped, visits, got := 0, 0, 0
	for more := true; more; visits++ {
		got, more = h.pop(buf[:])
		for i := range buf[:got] {
			m.use().lapse(&buf[i])
		}
		popped += got
	}
	if popped != n || got == 0 || m.Len() != 0 || visits < n/len(buf) {
		t.Errorf("%d of %d deadlines in %d visits, %d in the last, and %d waits are left", popped, n, visits, got, m.Len())
	}
	if got, more := h.pop(buf[:]); got != 0 || more { // a timer that was stopped too late
		t.Errorf("%d, %v from a wheel without deadlines", got, more)
	}
}

// TestTakenBackWhileASlotIsSpread: between two visits of pop deadlines are taken
// back, from the slot that is being spread and from others.
func TestTakenBackWhileASlotIsSpread(t *testing.T) {
	m, tickets, later := crowd(1000)
	h := &m.use().wheel
	var buf [64]timeout[int, int]
	h.pop(buf[:])
	slot := h.draining.slot
	later.Cancel()
	if h.draining.slot != slot {
		t.Fatal("forgotten with another slot")
	}
	left := 0
	for _, tk := range tickets {
		if tk.w.place.slot == slot {
			left++
		}
	}
	for _, tk := range tickets {
		if tk.w.place.slot != slot {
			continue
		}
		tk.Cancel()
		left--
		if (h.draining.slot == slot) != (left > 0) {
			t.Fatalf("slot %d is being spread, want %d while there are %d left", h.draining.slot, slot, left)
		}
	}
	m.use().expire()
	if m.Len() != 0 || h.pending != 0 || h.timer != nil {
		t.Errorf("%d waits and %d deadlines are left", m.Len(), h.pending)
	}
	for lvl, l := range h.levels {
		for slot := 0; l != nil && slot < wheelSlots; slot++ {
			for _, e := range l.slots[slot][:cap(l.slots[slot])] {
				if e.w != nil {
					t.Fatalf("level %d, slot %d refers to a waiter that is gone", lvl, slot)
				}
			}
		}
	}
}
