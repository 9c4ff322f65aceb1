package onceconn

import (
	"sync"
	"sync/atomic"
)

// A table is a map for many readers: they read a copy that never changes, and
// without a lock. What is missing there is looked up in the full map, under the
// lock; enough of that, and the full map is copied for the readers. (It is
// sync.Map as it was before Go 1.24, without its interfaces: half the cost of a
// read, and the copy is a price that only the first uses of a key pay.)
//
// Invariants:
//
//	T1  all is the truth. read holds keys of all, and keys that were removed
//	    since; a value says itself whether it was removed.
//	T2  A copy is made after at least a quarter as many misses or removals as it
//	    has entries, so that n insertions cost O(n).
//
// Its lock comes before the lock of a value.
type table[K comparable, V any] struct {
	read atomic.Pointer[map[K]*V]

	mu     sync.Mutex // protects the fields below
	all    map[K]*V
	peak   int // most entries that all had since it was made
	missed int // look-ups that read could not answer, since it was made
	stale  int // entries of read that all does not have
	sealed bool
}

// load finds k without a lock, if it has been there for a while.
func (t *table[K, V]) load(k K) *V {
	if read := t.read.Load(); read != nil {
		return (*read)[k]
	}
	return nil
}

// find returns the value of k, made by mk if there is none. It returns nil if
// the table is sealed and does not have it. A key that cannot be hashed panics
// here before the lock is taken: callers use load first.
func (t *table[K, V]) find(k K, mk func() *V) *V {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.all[k]
	if v == nil {
		if t.sealed || mk == nil {
			return nil
		}
		v = mk()
		if t.all == nil {
			t.all = make(map[K]*V)
		}
		t.all[k] = v
		t.peak = max(t.peak, len(t.all))
	}
	if t.missed++; t.missed > len(t.all)/4 {
		t.publish()
	}
	return v
}

// remove takes k out if its value is v and ok, called under the lock, agrees.
func (t *table[K, V]) remove(k K, v *V, ok func() bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[k] != v || !ok() {
		return false
	}
	delete(t.all, k)
	if t.stale++; t.stale > len(t.all)/4 {
		t.publish()
	}
	return true
}

// publish makes a new copy for the readers and, since a map does not shrink, a
// new full map once that has lost three quarters of what it held. t.mu is held.
func (t *table[K, V]) publish() {
	read := duplicate(t.all)
	t.read.Store(&read)
	t.missed, t.stale = 0, 0
	if t.peak > 4*len(t.all)+64 {
		t.all, t.peak = duplicate(t.all), len(t.all)
	}
}

// values returns what is in the table now.
func (t *table[K, V]) values() []*V {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.list()
}

// seal makes the table accept no further key and returns what is in it.
// during is called under the lock.
func (t *table[K, V]) seal(during func()) []*V {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sealed = true
	during()
	return t.list()
}

func (t *table[K, V]) list() []*V {
	vs := make([]*V, 0, len(t.all))
	for _, v := range t.all {
		vs = append(vs, v)
	}
	return vs
}

func duplicate[K comparable, V any](m map[K]*V) map[K]*V {
	d := make(map[K]*V, len(m))
	for k, v := range m {
		d[k] = v
	}
	return d
}
