package waitmap

import (
	"iter"
	"slices"
)

// batchSize is how many values WakeAll gathers before it visits the shards.
const batchSize = 256

// WakeAll wakes the waiter of each key that values yields, as Wake would, and
// returns how many were woken. What was not woken goes to missed with its
// outcome ([NoMatch] or [Closed]) and is the caller's again; a nil missed drops
// it.
//
// Values are gathered in runs of up to 256, for which the lock of each shard is
// taken once, so that a value may be delivered some time after it was yielded,
// at the latest when WakeAll returns. Values for the same key are delivered in
// order. Both values and missed run without any lock and may use the map.
//
// If values panics, what it had yielded is first delivered or reported as
// missed. A panic of missed or of a callback, of several the first, is raised
// again when everything else was delivered.
//
// A call allocates room for one run, a few kilobytes at most for small K and V.
func (m *Map[K, V]) WakeAll(values iter.Seq2[K, V], missed func(K, V, Outcome)) (woken int) {
	b := batch[K, V]{c: m.use(), missed: missed}
	defer func() { // also when values panics, or ends the goroutine
		b.flush()
		woken = b.woken
		if b.panicked != nil {
			panic(b.panicked)
		}
	}()
	for k, v := range values {
		b.add(k, v)
	}
	return
}

// batch is a run of values on its way.
type batch[K comparable, V any] struct {
	c        *state[K, V]
	missed   func(K, V, Outcome)
	items    []item[K, V]
	order    []uint64 // shard and index of each item, to be sorted
	woken    int
	panicked any // the first panic of the caller's functions
}

type item[K comparable, V any] struct {
	key  K
	val  V
	hash uint64
	how  Outcome
	news news[V] // of the wait that it ended
}

func (b *batch[K, V]) add(key K, v V) {
	_, hash := b.c.hash(key) // may panic: before the item is there
	b.items = append(b.items, item[K, V]{key: key, val: v, hash: hash})
	if len(b.items) == batchSize {
		b.flush()
	}
}

// flush delivers what has been gathered, then runs the callbacks.
func (b *batch[K, V]) flush() {
	b.sort()
	for lo := 0; lo < len(b.order); {
		hi := lo + 1
		for hi < len(b.order) && b.order[hi]/batchSize == b.order[lo]/batchSize {
			hi++
		}
		b.visit(b.order[lo:hi])
		lo = hi
	}
	b.order = b.order[:0]
	items := b.items
	b.items = nil // the caller's functions may end this goroutine
	if r := each(len(items), func(i int) { b.report(&items[i]) }); b.panicked == nil {
		b.panicked = r
	}
	clear(items)
	b.items = items[:0]
}

// sort brings items of one shard together and leaves those in order.
func (b *batch[K, V]) sort() {
	for i := range b.items {
		b.order = append(b.order, b.items[i].hash>>b.c.shift*batchSize+uint64(i))
	}
	slices.Sort(b.order)
}

// visit wakes a run of items that share a shard.
func (b *batch[K, V]) visit(run []uint64) {
	sh := &b.c.shards[run[0]/batchSize]
	sh.mu.Lock()
	for _, o := range run {
		it := &b.items[o%batchSize]
		it.how = sh.end(it.key, it.hash, it.val, nil, &it.news)
	}
	sh.mu.Unlock()
	for _, o := range run {
		b.items[o%batchSize].news.tell()
	}
}

// report runs the caller's functions for an item.
func (b *batch[K, V]) report(it *item[K, V]) {
	switch {
	case it.how == Woke:
		b.woken++
		if it.news.fn != nil {
			it.news.fn(it.val, nil)
		}
	case b.missed != nil:
		b.missed(it.key, it.val, it.how)
	}
}

// each calls f for 0 to n-1 and returns the first panic's value, if any. A call
// that panics keeps none of the others from being made, and neither does one
// that ends the goroutine.
func each(n int, f func(int)) (panicked any) {
	r := round{n: n, f: f}
	r.run()
	return r.panicked
}

type round struct {
	n, next  int
	f        func(int)
	panicked any
}

func (r *round) run() {
	defer func() { // runtime.Goexit passes here with calls left, maybe repeatedly
		if r.next < r.n {
			r.run()
		}
	}()
	for r.next < r.n {
		r.step()
	}
}

// step makes calls up to the first one that panics: one frame for all that go
// well.
func (r *round) step() {
	defer func() {
		if v := recover(); r.panicked == nil {
			r.panicked = v
		}
	}()
	for r.next < r.n {
		r.next++
		r.f(r.next - 1)
	}
}
