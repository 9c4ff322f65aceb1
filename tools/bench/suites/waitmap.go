package suites

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"example.com/interlock/tools/bench"
	"example.com/interlock/waitmap"
	"go.etcd.io/etcd/pkg/v3/wait"
)

// outstanding are the numbers of other waits that a table holds while one
// operation is measured.
func outstanding(quick bool) []int {
	if quick {
		return []int{0, 100_000}
	}
	return []int{0, 1000, 100_000, 1_000_000}
}

const million = 1_000_000

func waitMap(r *bench.Runner) error {
	waitmapRoundTrip(r)
	waitmapRefused(r)
	waitmapOutstanding(r)
	waitmapRPC(r)
	waitmapScale(r)
	waitmapAllocs(r)
	waitmapMemory(r)
	waitmapClose(r)
	return nil
}

// A table is what is compared: register a wait, hand it a value, take it.
type table struct {
	name    string
	fill    func(key uint64)         // a wait that stays
	perform func(from uint64, n int) // n times register, wake, take
	forget  func(from uint64, n int) // n times register, cancel
}

func ours() table {
	m := waitmap.New[uint64, uint64](nil)
	return table{
		name: "waitmap",
		fill: func(key uint64) { m.Reserve(key) },
		perform: func(from uint64, n int) {
			for k := from; k < from+uint64(n); k++ {
				t, _ := m.Reserve(k)
				m.Wake(k, k)
				t.Await(context.Background())
			}
		},
		forget: func(from uint64, n int) {
			for k := from; k < from+uint64(n); k++ {
				t, _ := m.Reserve(k)
				t.Cancel()
			}
		},
	}
}

// mapChan is what people write: a mutex, a map, a channel a call.
func mapChan() table {
	return chanTable("mutex+map+chan", func() chan uint64 { return make(chan uint64, 1) }, func(chan uint64) {})
}

// pooledChan is mapChan with its channels kept in a sync.Pool.
func pooledChan() table {
	pool := sync.Pool{New: func() any { return make(chan uint64, 1) }}
	return chanTable("mutex+map+pooled chan", func() chan uint64 { return pool.Get().(chan uint64) }, func(c chan uint64) { pool.Put(c) })
}

// chanTable is a map of channels under a mutex.
func chanTable(name string, open func() chan uint64, done func(chan uint64)) table {
	var mu sync.Mutex
	m := make(map[uint64]chan uint64)
	register := func(k uint64) chan uint64 {
		c := open()
		mu.Lock()
		m[k] = c
		mu.Unlock()
		return c
	}
	remove := func(k uint64) chan uint64 {
		mu.Lock()
		c := m[k]
		delete(m, k)
		mu.Unlock()
		return c
	}
	return table{
		name: name,
		fill: func(key uint64) { register(key) },
		perform: func(from uint64, n int) {
			for k := from; k < from+uint64(n); k++ {
				c := register(k)
				remove(k) <- k
				<-c
				done(c)
			}
		},
		forget: func(from uint64, n int) {
			for k := from; k < from+uint64(n); k++ {
				register(k)
				done(remove(k))
			}
		},
	}
}

// syncMapChan is a sync.Map of channels.
func syncMapChan() table {
	var m sync.Map
	return table{
		name: "sync.Map+chan",
		fill: func(key uint64) { m.Store(key, make(chan uint64, 1)) },
		perform: func(from uint64, n int) {
			for k := from; k < from+uint64(n); k++ {
				c := make(chan uint64, 1)
				m.Store(k, c)
				if v, ok := m.LoadAndDelete(k); ok {
					v.(chan uint64) <- k
				}
				<-c
			}
		},
	}
}

// pendingCall is the shape of net/rpc's client: a call object with its own
// Done channel in a map under the client's mutex.
func pendingCall() table {
	type call struct {
		reply uint64
		done  chan *call
	}
	var mu sync.Mutex
	pending := make(map[uint64]*call)
	return table{
		name: "net/rpc's pending map",
		fill: func(key uint64) { pending[key] = &call{done: make(chan *call, 10)} },
		perform: func(from uint64, n int) {
			for k := from; k < from+uint64(n); k++ {
				c := &call{done: make(chan *call, 10)}
				mu.Lock()
				pending[k] = c
				mu.Unlock()
				mu.Lock()
				got := pending[k]
				delete(pending, k)
				mu.Unlock()
				got.reply = k
				got.done <- got
				<-c.done
			}
		},
	}
}

func etcdWait() table {
	w := wait.New()
	return table{
		name: "etcd pkg/wait",
		fill: func(key uint64) { w.Register(key) },
		perform: func(from uint64, n int) {
			for k := from; k < from+uint64(n); k++ {
				c := w.Register(k)
				w.Trigger(k, k)
				<-c
			}
		},
	}
}

// side runs perform on fresh keys above those that fill occupies.
func (t table) side() bench.Side {
	next := uint64(1 << 40)
	return bench.Side{Name: t.name, Run: func(n int) {
		t.perform(next, n)
		next += uint64(n)
	}}
}

func (t table) filled(n int) table {
	for k := range n {
		t.fill(uint64(k))
	}
	return t
}

func waitmapRoundTrip(r *bench.Runner) {
	const name = "reserve + wake + take, one goroutine"
	r.Pair(name, bench.AtMost(0.45), ours().side(), mapChan().side())
	r.Pair(name, bench.AtMost(0.35), ours().side(), etcdWait().side())
	r.Pair(name, bench.Bound{}, ours().side(), pooledChan().side())
	r.Pair(name, bench.Bound{}, ours().side(), syncMapChan().side())
	r.Pair(name, bench.Bound{}, ours().side(), pendingCall().side())
}

func waitmapRefused(r *bench.Runner) {
	var mu sync.Mutex
	var m waitmap.Map[uint64, uint64]
	r.Pair("Wake of a key that nobody waits for", bench.AtMost(4.5), bench.Side{Name: "waitmap", Run: func(n int) {
		for k := range n {
			m.Wake(uint64(k), 0)
		}
	}}, tryLock(&mu))
	// A cancel needs a reservation: the cost of both less the cost of a
	// reservation that is woken and dropped would hide in noise, so the pair
	// is measured whole, against two of the reference's steps.
	t := ours()
	next := uint64(0)
	r.Pair("Reserve + Cancel", bench.AtMost(9), bench.Side{Name: "waitmap", Run: func(n int) {
		t.forget(next, n)
		next += uint64(n)
	}}, tryLock(&mu))
	r.Note("two operations: twice the bound of one")
}

func waitmapOutstanding(r *bench.Runner) {
	for _, n := range outstanding(r.Quick) {
		bound := bench.Bound{}
		if n == million {
			bound = bench.AtMost(1)
		}
		name := "reserve + wake + take, " + count(n) + " outstanding"
		a := ours().filled(n).side()
		r.Pair(name, bound, a, etcdWait().filled(n).side())
		r.Pair(name, bench.Bound{}, a, mapChan().filled(n).side())
	}
}

func count(n int) string {
	switch {
	case n >= million:
		return "1,000,000"
	case n >= 100_000:
		return "100,000"
	case n >= 1000:
		return "1,000"
	}
	return "0"
}

// waitmapRPC has one goroutine reserve, send the key and await, and another
// wake: a request and its reply without a network.
func waitmapRPC(r *bench.Runner) {
	var m waitmap.Map[uint64, uint64]
	requests := make(chan uint64)
	go func() {
		for k := range requests {
			m.Wake(k, k)
		}
	}()
	defer close(requests)
	ping, pong := make(chan uint64), make(chan uint64)
	go func() {
		for v := range ping {
			pong <- v
		}
	}()
	defer close(ping)
	next := uint64(0)
	r.Pair("RPC round trip between two goroutines", bench.AtMost(1.25), bench.Side{Name: "waitmap", Run: func(n int) {
		for range n {
			next++
			t, _ := m.Reserve(next)
			requests <- next
			t.Await(context.Background())
		}
	}}, bench.Side{Name: "unbuffered ping-pong", Run: func(n int) {
		for k := range n {
			ping <- uint64(k)
			<-pong
		}
	}})
}

// waitmapScale compares the throughput of two goroutines on different keys
// with that of one.
func waitmapScale(r *bench.Runner) {
	if runtime.GOMAXPROCS(0) < 2 {
		return
	}
	t := ours()
	var next [2]uint64
	next[1] = 1 << 32
	run := func(k int) func(n int) {
		return func(n int) {
			spread(k, n, func(w, n int) {
				t.perform(next[w], n)
				next[w] += uint64(n)
			})
		}
	}
	perf := func(k int) float64 {
		const n = 400_000
		start := time.Now()
		run(k)(n)
		return n / time.Since(start).Seconds() / 1e6
	}
	r.Versus("throughput of two goroutines, different keys", bench.AtLeast(1.6), "Mops/s", "one goroutine", alternate(func() float64 { return perf(2) }, func() float64 { return perf(1) }))
}

func waitmapAllocs(r *bench.Runner) {
	var m waitmap.Map[uint64, uint64]
	var w waitmap.Waiter[uint64, uint64]
	ctx := context.Background()
	key := uint64(0)
	r.Value("allocations of ReserveIn + Wake + Await", bench.AtMost(0), "allocs", testing.AllocsPerRun(1000, func() {
		t, _ := m.ReserveIn(&w, key)
		m.Wake(key, 1)
		t.Await(ctx)
	}))
	r.Value("allocations of Reserve + Wake + Await, value first", bench.AtMost(0), "allocs", testing.AllocsPerRun(1000, func() {
		t, _ := m.Reserve(key)
		m.Wake(key, 1)
		t.Await(ctx)
	}))
	fn := func(uint64, error) {}
	r.Value("allocations of Notify + Wake", bench.AtMost(0), "allocs", testing.AllocsPerRun(1000, func() {
		m.Notify(key, fn)
		m.Wake(key, 1)
	}))
}

func waitmapMemory(r *bench.Runner) {
	perWait := func(register func(m *waitmap.Map[uint64, uint64], k uint64)) float64 {
		return bench.LiveBytes(func() any {
			m := waitmap.New[uint64, uint64](nil)
			for k := range uint64(million) {
				register(m, k)
			}
			return m
		}) / million
	}
	r.Value("bytes per reserved wait, 1,000,000 outstanding", bench.AtMost(112), "B", perWait(func(m *waitmap.Map[uint64, uint64], k uint64) { m.Reserve(k) }))
	fn := func(uint64, error) {}
	r.Value("bytes per Notify wait, 1,000,000 outstanding", bench.AtMost(128), "B", perWait(func(m *waitmap.Map[uint64, uint64], k uint64) { m.Notify(k, fn) }))
}

func waitmapClose(r *bench.Runner) {
	m := waitmap.New[uint64, uint64](nil)
	for k := range uint64(million) {
		m.Reserve(k)
	}
	start := time.Now()
	m.Close()
	r.Value("Close with 1,000,000 waits", bench.Bound{}, "ms", float64(time.Since(start).Microseconds())/1e3)
}
