package waitmap

// table is a hash table with open addressing: one array of slots, linear
// probing, and removal by shifting back what follows, so that there are no
// tombstones to wade through and a table that was emptied is as good as new.
// (Knuth, The Art of Computer Programming, volume 3, 6.4, algorithms L and R.)
//
// A chained table was tried: it costs eight bytes less for each waiter, but
// with 100,000 of them looking for a duplicate walks through the memory of
// other waiters and takes three times as long. Here a probe compares hashes
// that lie side by side, and touches a waiter only when they are equal.
//
// Invariants:
//
//  1. len(slots) is zero or a power of two of at least minSlots; at most
//     three quarters of the slots are taken.
//  2. Between the home slot of an entry (its hash modulo len(slots)) and the
//     entry itself no slot is empty.
//  3. An empty slot is all zeros: it refers to nothing.
type table[K comparable, V any] struct {
	slots []slot[K, V]
	count int // slots that are taken
}

type slot[K comparable, V any] struct {
	hash uint64
	w    *Waiter[K, V] // nil: empty
}

const (
	minSlots = 8
	// A table of up to this many slots, two kilobytes, is not worth making
	// smaller: it would only have to grow again.
	stableSlots = 128
)

// full says that grow must come before the next entry.
func (t *table[K, V]) full() bool { return 4*(t.count+1) > 3*len(t.slots) }

// grow makes room. It invalidates indexes.
func (t *table[K, V]) grow() { t.resize(max(minSlots, 2*len(t.slots))) }

// find returns where key is, or else the empty slot where it belongs.
// It needs at least one slot.
func (t *table[K, V]) find(hash uint64, key K) (i int, found bool) {
	slots := t.slots
	mask := len(slots) - 1
	for i = int(hash) & mask; ; i = (i + 1) & mask {
		switch s := &slots[i]; {
		case s.w == nil:
			return i, false
		case s.hash == hash && s.w.key == key:
			return i, true
		}
	}
}

// index returns where w is; it must be there.
func (t *table[K, V]) index(hash uint64, w *Waiter[K, V]) int {
	mask := len(t.slots) - 1
	i := int(hash) & mask
	for t.slots[i].w != w {
		i = (i + 1) & mask
	}
	return i
}

// fill puts w into the empty slot i that find returned. See full.
func (t *table[K, V]) fill(i int, hash uint64, w *Waiter[K, V]) {
	t.slots[i] = slot[K, V]{hash, w}
	t.count++
}

// remove empties slot i. It invalidates indexes.
func (t *table[K, V]) remove(i int) {
	slots := t.slots
	mask := len(slots) - 1
	for j := (i + 1) & mask; slots[j].w != nil; j = (j + 1) & mask {
		// The entry at j may fill the gap at i unless its home lies after the
		// gap: then a search that starts there would miss it.
		if home := int(slots[j].hash) & mask; (j-home)&mask >= (j-i)&mask {
			slots[i] = slots[j]
			i = j
		}
	}
	slots[i] = slot[K, V]{}
	t.count--
	if 8*t.count < len(slots) && len(slots) > stableSlots {
		t.resize(len(slots) / 2)
	}
}

// resize moves all entries to a new array of n slots.
func (t *table[K, V]) resize(n int) {
	old := t.slots
	t.slots = make([]slot[K, V], n)
	mask := n - 1
	for _, s := range old {
		if s.w == nil {
			continue
		}
		i := int(s.hash) & mask
		for t.slots[i].w != nil {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}
