package waitmap_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"example.com/interlock/waitmap"
)

// allocs checks how much f allocates once it has run a few times.
func allocs(t *testing.T, what string, most float64, f func()) {
	t.Helper()
	for range 10 {
		f()
	}
	if n := testing.AllocsPerRun(1000, f); n > most {
		t.Errorf("%s: %v allocations, want at most %v", what, n, most)
	}
}

func TestAllocations(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 8})
	var w iwaiter
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	tickets := make([]iticket, 1000)
	sink := uint64(0)
	fn := func(v uint64, _ error) { sink += v }
	for k := range 100 { // others
		m.Reserve(-k - 1)
	}

	allocs(t, "Reserve, Wake, Await", 0, func() {
		tk, _ := m.Reserve(1)
		m.Wake(1, 1)
		tk.Await(ctx)
	})
	allocs(t, "Reserve, Wake, Result", 0, func() {
		tk, _ := m.Reserve(1)
		m.Wake(1, 1)
		tk.Result()
	})
	allocs(t, "ReserveIn, Wake, Await", 0, func() {
		tk, _ := m.ReserveIn(&w, 1)
		m.Wake(1, 1)
		tk.Await(ctx)
	})
	allocs(t, "Reserve, Cancel", 0, func() {
		tk, _ := m.Reserve(1)
		tk.Cancel()
	})
	allocs(t, "Reserve, Fail, Await", 0, func() {
		tk, _ := m.Reserve(1)
		m.Fail(1, errTest)
		tk.Await(ctx)
	})
	allocs(t, "miss", 0, func() { m.Wake(1, 1) })
	allocs(t, "duplicate", 0, func() { m.Reserve(-1) })
	allocs(t, "Notify, Wake", 0, func() {
		m.Notify(1, fn)
		m.Wake(1, 1)
	})
	allocs(t, "Notify, Cancel", 0, func() {
		tk, _ := m.Notify(1, fn)
		tk.Cancel()
	})
	allocs(t, "Post, Wait", 0, func() {
		m.Post(1, 1)
		m.Wait(ctx, 1)
	})
	one := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 8, Shards: 1})
	allocs(t, "Post and TakeStored, eight values", 4, func() { // their list
		for k := range 8 {
			one.Post(k, 1)
		}
		for range one.TakeStored() {
		}
	})
	allocs(t, "Post, Notify", 0, func() {
		m.Post(1, 1)
		m.Notify(1, fn)
	})
	m.ReserveUntil(-1000, time.Now().Add(time.Hour)) // the map's one timer
	allocs(t, "ReserveUntil, Wake, Await", 0, func() {
		tk, _ := m.ReserveUntil(1, time.Now().Add(time.Minute))
		m.Wake(1, 1)
		tk.Await(ctx)
	})
	for _, runs := range []int{1, 10} { // room for one run, which grows at first
		allocs(t, "WakeAll", 40, func() {
			m.WakeAll(func(yield func(int, uint64) bool) {
				for k := range runs * waitmap.BatchSize {
					yield(k, 1)
				}
			}, nil)
		})
	}
	allocs(t, "Done of a wait", 1, func() {
		tk, _ := m.Reserve(1)
		tk.Done()
		tk.Done()
		m.Wake(1, 1)
		tk.Result()
	})
	allocs(t, "1000 at once", 0, func() {
		for k := range tickets {
			tickets[k], _ = m.Reserve(k)
		}
		for k, tk := range tickets {
			m.Wake(k, 1)
			tk.Result()
		}
	})
	_ = sink
}

// parkedAllocs measures Await when it really has to sleep.
func parkedAllocs(t *testing.T, what string, most float64, ctx context.Context, reserve func(m *imap) (iticket, error)) {
	var m imap
	requests := make(chan bool)
	defer close(requests)
	go func() {
		for range requests {
			for m.Wake(1, 1) != waitmap.Woke {
				runtime.Gosched()
			}
		}
	}()
	allocs(t, what, most, func() {
		tk, _ := reserve(&m)
		requests <- true
		tk.Await(ctx)
	})
}

func TestAllocationsOfAParkedAwait(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	var w iwaiter
	pooled := func(m *imap) (iticket, error) { return m.Reserve(1) }
	owned := func(m *imap) (iticket, error) { return m.ReserveIn(&w, 1) }
	parkedAllocs(t, "context that cannot end", 0, background, pooled)
	parkedAllocs(t, "context that can end", 1, ctx, pooled)
	parkedAllocs(t, "ReserveIn", 0, background, owned)
	parkedAllocs(t, "ReserveIn, context that can end", 0, ctx, owned)
}

// heap returns the live bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

func TestBytesPerWait(t *testing.T) {
	const n = 1_000_000
	const back = 2 << 20 // what may stay of the hundred megabytes
	for what, c := range map[string]struct {
		most    int64
		reserve func(m *waitmap.Map[uint64, uint64], key uint64)
	}{
		"Reserve": {112, func(m *waitmap.Map[uint64, uint64], key uint64) { m.Reserve(key) }},
		"Notify":  {128, func(m *waitmap.Map[uint64, uint64], key uint64) { m.Notify(key, discard) }},
	} {
		var m waitmap.Map[uint64, uint64]
		empty := heap()
		for key := range uint64(n) {
			c.reserve(&m, key)
		}
		full := heap() - empty
		t.Logf("%s: %d bytes for each of %d waits", what, full/n, n)
		if full/n > c.most {
			t.Errorf("%s: %d bytes for each wait, want at most %d", what, full/n, c.most)
		}
		for key := range uint64(n) {
			if o := m.Wake(key, key); o != waitmap.Woke {
				t.Fatal(key, o)
			}
		}
		if left := heap() - empty; left > back {
			t.Errorf("%s: %d bytes are left of %d", what, left, full)
		}
		if s := m.Slots(); s > 128*m.ShardCount() {
			t.Errorf("%s: %d slots are left", what, s)
		}
		runtime.KeepAlive(&m)
	}
}

func discard(uint64, error) {}

// TestBytesPerShard: what Options.Shards says that a shard costs.
func TestBytesPerShard(t *testing.T) {
	const shards = 1024
	empty := heap()
	m := waitmap.New[int, uint64](&waitmap.Options{Shards: shards})
	if n := (heap() - empty) / shards; n > 128+128/4 {
		t.Errorf("a new shard costs %d bytes, want 128", n)
	}
	for key := range 200 * shards { // one after the other, and every shard has its turn
		tk, _ := m.Reserve(key)
		tk.Cancel()
	}
	if n := (heap() - empty) / shards; n > 3*128+128/4 {
		t.Errorf("a shard in which a key was costs %d bytes, want three times 128", n)
	}
	runtime.KeepAlive(m)
}

// TestBurstsComeBack does the same for what else can pile up: waits that are
// cancelled, stored values, and deadlines.
func TestBurstsComeBack(t *testing.T) {
	const n = 100_000
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: n})
	empty := heap()
	for range 2 {
		tickets := make([]iticket, n)
		for k := range tickets {
			tickets[k], _ = m.ReserveUntil(k, time.Now().Add(time.Hour))
		}
		for _, tk := range tickets {
			tk.Cancel()
		}
		for k := range n {
			m.Post(k, 1)
		}
		for range m.TakeStored() {
		}
	}
	if left := heap() - empty; left > 1<<20 {
		t.Errorf("%d bytes are left", left)
	}
	runtime.KeepAlive(m)
}

// TestDroppedTicketIsNotKept: a value that was delivered to a ticket which nobody
// has any more goes with it, though its memory came from a shard's spares.
func TestDroppedTicketIsNotKept(t *testing.T) {
	m := waitmap.New[int, *[16]int](&waitmap.Options{Shards: 1})
	m.Reserve(1)
	gone := make(chan bool, 1)
	func() {
		tk, _ := m.Reserve(2)
		tk.Cancel() // now there is a spare, and the next wait gets it
		m.Reserve(2)
		v := new([16]int)
		runtime.AddCleanup(v, func(bool) { gone <- true }, true)
		want(t, "Wake", m.Wake(2, v), waitmap.Woke)
	}()
	for deadline := time.Now().Add(10 * time.Second); len(gone) == 0 && time.Now().Before(deadline); {
		runtime.GC()
		time.Sleep(time.Millisecond) // cleanups run when they run
	}
	want(t, "values that are gone", len(gone), 1)
	runtime.KeepAlive(m)
}

// TestWakeAllKeepsNothing: a run that was delivered is forgotten, however long the
// iterator takes for the next one.
func TestWakeAllKeepsNothing(t *testing.T) {
	var m waitmap.Map[int, *[16]int]
	gone := make(chan bool, waitmap.BatchSize)
	m.WakeAll(func(yield func(int, *[16]int) bool) {
		for k := range waitmap.BatchSize {
			v := new([16]int)
			runtime.AddCleanup(v, func(bool) { gone <- true }, true)
			yield(k, v)
		}
		for deadline := time.Now().Add(10 * time.Second); len(gone) < cap(gone) && time.Now().Before(deadline); {
			runtime.GC()
			time.Sleep(time.Millisecond) // cleanups run when they run
		}
		want(t, "values that are gone", len(gone), cap(gone))
	}, nil)
}

// TestNothingIsKept: when a wait has ended, however it ended, the map, and a
// caller's Waiter, refer to its key, value and callback no longer.
func TestNothingIsKept(t *testing.T) {
	type key = *[16]int
	type val = *[24]int
	m := waitmap.New[key, val](&waitmap.Options{Mailbox: 10, Shards: 1})
	anchor := &[16]int{} // keeps the table from being empty
	m.Reserve(anchor)
	var w waitmap.Waiter[key, val]
	gone, made := make(chan bool, 1000), 0
	watch := func(k key, v val) {
		made += 2
		runtime.AddCleanup(k, func(bool) { gone <- true }, true)
		runtime.AddCleanup(v, func(bool) { gone <- true }, true)
	}
	type ticket = waitmap.Ticket[key, val]
	end := []func(tk ticket, k key, v val){
		func(tk ticket, k key, v val) { m.Wake(k, v); tk.Await(background) },
		func(tk ticket, k key, v val) { m.Wake(k, v); tk.Result() },
		func(tk ticket, k key, v val) { m.Wake(k, v); tk.Cancel() },
		func(tk ticket, k key, v val) { m.Wake(k, v); tk.Done(); tk.Cancel() },
		func(tk ticket, k key, v val) { tk.Done(); m.Wake(k, v); tk.Cancel() },
		func(tk ticket, k key, v val) { tk.Cancel() },
		func(tk ticket, k key, v val) { m.Fail(k, errTest); tk.Await(background) },
		func(tk ticket, k key, v val) {
			m.WakeAll(func(yield func(key, val) bool) { yield(k, v) }, nil)
			tk.Result()
		},
	}
	for _, f := range end {
		func() {
			k, v := new([16]int), new([24]int)
			watch(k, v)
			tk, _ := m.Reserve(k)
			f(tk, k, v)
		}()
		func() {
			k, v := new([16]int), new([24]int)
			watch(k, v)
			tk, _ := m.ReserveIn(&w, k)
			f(tk, k, v)
		}()
		func() {
			k, v := new([16]int), new([24]int)
			watch(k, v)
			tk, _ := m.ReserveUntil(k, time.Now().Add(time.Hour))
			f(tk, k, v)
		}()
		func() {
			k, v, seen := new([16]int), new([24]int), new([24]int)
			watch(k, v)
			watch(new([16]int), seen)
			tk, _ := m.Notify(k, func(val, error) { _ = *seen })
			f(tk, k, v)
		}()
	}
	func() {
		k, v := new([16]int), new([24]int)
		watch(k, v)
		m.Post(k, v)
		for range m.TakeStored() {
		}
		m.Post(k, v)
		m.Wait(background, k)
		m.Post(k, v)
		tk, _ := m.ReserveIn(&w, k)
		tk.Result()
		m.ReserveIn(&w, anchor) // a duplicate
	}()
	for deadline := time.Now().Add(10 * time.Second); len(gone) < made && time.Now().Before(deadline); {
		runtime.GC()
		time.Sleep(time.Millisecond) // cleanups run when they run
	}
	if len(gone) != made {
		t.Errorf("%d of %d keys, values and callbacks are still referred to", made-len(gone), made)
	}
	runtime.KeepAlive(m)
	runtime.KeepAlive(&w)
	runtime.KeepAlive(anchor)
}
