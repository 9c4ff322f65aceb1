package waitmap

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// wheel keeps the deadlines of a map, rounded up to ticks: a hierarchical timing
// wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987).
// Adding and removing take constant time however many deadlines there are, and
// one timer serves all of them.
//
// Level 0 has a slot for each of the 64 ticks around cur, level 1 one for each
// 64 ticks of the 4096 around it, and so on; eleven levels reach beyond any
// int64. A deadline lies on the level of the highest group of six bits in which
// it differs from cur. When cur enters a slot of a higher level, the entries of
// that slot are spread over the levels below.
//
// Invariants:
//
//  1. An entry is in the wheel exactly while its waiter is linked, is timed,
//     and has not been handed out by pop. Both are changed under the shard's
//     lock and this one, in that order; pop takes only this one.
//  2. No entry is due before cur. Unless draining is set, every entry of
//     level n > 0 lies in a slot after cur's own.
//  3. timer is nil if and only if pending is zero, and base begins anew with
//     the first entry: between two such times the wheel owns no clock, so
//     that a map may go from one testing/synctest bubble to the next.
//  4. With entries pending, the timer fires no later than the first is due.
type wheel[K comparable, V any] struct {
	tick time.Duration
	fire func() // run by the timer

	mu       sync.Mutex // protects all below; taken under a shard's lock, never around one
	base     time.Time  // tick 0
	cur      int64      // the tick up to which entries have been handed out
	pending  int        // entries
	timer    *time.Timer
	alarm    int64 // the tick for which timer is set
	draining place // the slot whose spreading is not finished; its index is unused
	levels   [wheelLevels]*level[K, V]
}

const (
	wheelBits   = 6
	wheelSlots  = 1 << wheelBits
	wheelLevels = (63 + wheelBits - 1) / wheelBits
)

type level[K comparable, V any] struct {
	used  uint64 // bit i: slots[i] is not empty
	slots [wheelSlots][]timeout[K, V]
}

type timeout[K comparable, V any] struct {
	w    *Waiter[K, V]
	gen  uint64
	hash uint64 // of its key
	due  int64  // tick
}

// place says where in the wheel a waiter is: slot counts from 1 through all
// levels, 0 is nowhere. It means something only while its waiter waits and is
// timed.
type place struct{ slot, index uint32 }

// deadline is a point in time as seen at now.
type deadline struct {
	now  time.Time
	left time.Duration
}

// expire ends the waits whose deadlines have passed. It runs on the timer's
// goroutine and takes no lock for longer than one waiter or one handful of
// entries, however many are due at once.
func (c *state[K, V]) expire() {
	var due [64]timeout[K, V]
	for more := true; more; {
		var n int
		n, more = c.wheel.pop(due[:])
		for i := range due[:n] {
			c.lapse(&due[i])
		}
	}
}

// lapse ends one wait unless something else has done so.
func (c *state[K, V]) lapse(l *timeout[K, V]) {
	var zero V
	var n news[V]
	sh := c.shard(l.hash)
	sh.mu.Lock()
	if s := l.w.phase.load(); generation(s) == l.gen && s&waiting != 0 {
		sh.remove(sh.index(l.hash, l.w))
		sh.settle(l.w, s, zero, ErrExpired, &n)
	}
	sh.mu.Unlock()
	n.tell()
}

// add puts in a waiter. Its shard's lock is held.
func (h *wheel[K, V]) add(w *Waiter[K, V], gen, hash uint64, at *deadline) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pending == 0 {
		h.base, h.cur, h.alarm = at.now, 0, math.MaxInt64
	}
	due := max(h.cur, h.ticksUp(at.now.Sub(h.base), at.left))
	h.put(timeout[K, V]{w, gen, hash, due})
	h.pending++
	if due < h.alarm {
		h.set(due, at.now)
	}
}

// ticksUp returns the first tick that is not before elapsed + left, which may
// well be more than a Duration holds.
func (h *wheel[K, V]) ticksUp(elapsed, left time.Duration) int64 {
	sum := uint64(max(0, elapsed)) + uint64(left)
	due := sum / uint64(h.tick)
	if sum%uint64(h.tick) != 0 {
		due++
	}
	return int64(min(due, math.MaxInt64))
}

// remove takes out a waiter that is being unlinked, if pop did not do so before.
// Its shard's lock is held.
func (h *wheel[K, V]) remove(w *Waiter[K, V]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.place.slot != 0 {
		h.cut(w.place)
		h.drop()
	}
}

// pop takes out waiters whose deadline has passed, as many as fit into buf, and
// says whether there may be more. When there are not it sets the timer anew.
func (h *wheel[K, V]) pop(buf []timeout[K, V]) (n int, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pending == 0 {
		return 0, false
	}
	now := time.Now()
	reached := int64(now.Sub(h.base) / h.tick)
	for budget := 4 * len(buf); budget > 0 && n < len(buf); budget-- {
		lvl, slot, start := h.next()
		if start > reached {
			h.set(start, now)
			return n, false
		}
		h.cur = start
		e := h.cutLast(lvl, slot)
		if lvl > 0 {
			h.spread(lvl, slot, e)
			continue
		}
		buf[n] = e
		n++
		if h.drop() {
			return n, false
		}
	}
	return n, true
}

// next returns the first slot that has entries, and its first tick. There must
// be an entry.
func (h *wheel[K, V]) next() (lvl, slot int, start int64) {
	if s := h.draining.slot; s != 0 {
		return int(s-1) / wheelSlots, int(s-1) % wheelSlots, h.cur
	}
	for lvl = range h.levels {
		if l := h.levels[lvl]; l != nil && l.used != 0 {
			slot = bits.TrailingZeros64(l.used)
			break
		}
	}
	shift := lvl * wheelBits
	window := uint64(1)<<(shift+wheelBits) - 1
	return lvl, slot, int64(uint64(h.cur)&^window | uint64(slot)<<shift)
}

// spread puts an entry of a slot that cur has entered on a lower level, and
// remembers the slot while it is not empty.
func (h *wheel[K, V]) spread(lvl, slot int, e timeout[K, V]) {
	h.draining = place{}
	if h.levels[lvl].used&(1<<slot) != 0 {
		h.draining = placeOf(lvl, slot, 0)
	}
	h.put(e)
}

// put adds an entry; its due tick is not before cur.
func (h *wheel[K, V]) put(e timeout[K, V]) {
	differ := uint64(e.due^h.cur) | (wheelSlots - 1)
	lvl := (63 - bits.LeadingZeros64(differ)) / wheelBits
	slot := int(e.due>>(lvl*wheelBits)) & (wheelSlots - 1)
	l := h.levels[lvl]
	if l == nil {
		l = new(level[K, V])
		h.levels[lvl] = l
	}
	e.w.place = placeOf(lvl, slot, len(l.slots[slot]))
	l.slots[slot] = append(l.slots[slot], e)
	l.used |= 1 << slot
}

func placeOf(lvl, slot, index int) place {
	return place{uint32(lvl*wheelSlots+slot) + 1, uint32(index)}
}

// cut takes out the entry at p; the last of its slot takes its place.
func (h *wheel[K, V]) cut(p place) {
	lvl, slot := int(p.slot-1)/wheelSlots, int(p.slot-1)%wheelSlots
	last := h.cutLast(lvl, slot)
	if s := h.levels[lvl].slots[slot]; int(p.index) < len(s) {
		s[p.index] = last
		last.w.place = p
	}
	if h.levels[lvl].used&(1<<slot) == 0 && h.draining.slot == p.slot {
		h.draining = place{}
	}
}

// keepSlots is how much room of an empty slot is kept for the next entries.
const keepSlots = 16

// cutLast takes out the last entry of a slot.
func (h *wheel[K, V]) cutLast(lvl, slot int) (e timeout[K, V]) {
	l := h.levels[lvl]
	s := l.slots[slot]
	e = s[len(s)-1]
	s[len(s)-1] = timeout[K, V]{}
	s = s[:len(s)-1]
	if len(s) == 0 {
		l.used &^= 1 << slot
		if cap(s) > keepSlots {
			s = nil
		}
	}
	l.slots[slot] = s
	e.w.place = place{}
	return e
}

// drop counts one entry less, and says whether it was the last: then the timer
// goes too.
func (h *wheel[K, V]) drop() (last bool) {
	h.pending--
	if h.pending > 0 {
		return false
	}
	h.timer.Stop()
	h.timer = nil
	return true
}

// set has the timer fire at tick.
func (h *wheel[K, V]) set(tick int64, now time.Time) {
	h.alarm = tick
	d := time.Duration(math.MaxInt64)
	if tick < math.MaxInt64/int64(h.tick) {
		d = time.Duration(tick)*h.tick - now.Sub(h.base)
	}
	if h.timer == nil {
		h.timer = time.AfterFunc(d, h.fire)
	} else {
		h.timer.Reset(d)
	}
}
