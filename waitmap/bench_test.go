package waitmap_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/interlock/waitmap"
)

// A peer is one way to wait by key. The methods are what the benchmarks time;
// all peers run in the same loops.
type peer interface {
	reserve(key uint64)                  // a wait that stays
	round(key uint64)                    // reserve, wake and take in one goroutine
	cancel(key uint64)                   // reserve, give up
	miss(key uint64)                     // wake a key that nobody waits for
	call(key uint64, send chan<- uint64) // reserve, send the key, wait for the reply
	reply(key uint64)                    // wake
}

var background = context.Background()

// ours is a Map with pooled waiters.
type ours struct{ m waitmap.Map[uint64, uint64] }

func (p *ours) reserve(key uint64) { p.m.Reserve(key) }
func (p *ours) round(key uint64) {
	t, _ := p.m.Reserve(key)
	p.m.Wake(key, key)
	t.Await(background)
}
func (p *ours) cancel(key uint64) {
	t, _ := p.m.Reserve(key)
	t.Cancel()
}
func (p *ours) miss(key uint64)  { p.m.Wake(key, key) }
func (p *ours) reply(key uint64) { p.m.Wake(key, key) }
func (p *ours) call(key uint64, send chan<- uint64) {
	t, _ := p.m.Reserve(key)
	send <- key
	t.Await(background)
}

// embedded is a Map with the caller's waiters.
type embedded struct {
	ours
	w waitmap.Waiter[uint64, uint64]
}

func (p *embedded) round(key uint64) {
	t, _ := p.m.ReserveIn(&p.w, key)
	p.m.Wake(key, key)
	t.Await(background)
}
func (p *embedded) cancel(key uint64) {
	t, _ := p.m.ReserveIn(&p.w, key)
	t.Cancel()
}

// cancellable is a Map whose waits can be given up with a context.
type cancellable struct {
	ours
	ctx context.Context
}

func (p *cancellable) call(key uint64, send chan<- uint64) {
	t, _ := p.m.Reserve(key)
	send <- key
	t.Await(p.ctx)
}

// mapChan is what most programs have: a mutex, a map, a channel for each wait.
type mapChan struct {
	mu   sync.Mutex
	m    map[uint64]chan uint64
	pool *sync.Pool // of channels; nil: a new one for each wait
}

func (p *mapChan) channel() chan uint64 {
	if p.pool != nil {
		if ch, _ := p.pool.Get().(chan uint64); ch != nil {
			return ch
		}
	}
	return make(chan uint64, 1)
}
func (p *mapChan) free(ch chan uint64) {
	if p.pool != nil {
		p.pool.Put(ch)
	}
}
func (p *mapChan) register(key uint64) chan uint64 {
	ch := p.channel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, dup := p.m[key]; dup {
		return nil
	}
	p.m[key] = ch
	return ch
}
func (p *mapChan) reserve(key uint64) { p.register(key) }
func (p *mapChan) reply(key uint64) {
	p.mu.Lock()
	ch, ok := p.m[key]
	delete(p.m, key)
	p.mu.Unlock()
	if ok {
		ch <- key
	}
}
func (p *mapChan) miss(key uint64) { p.reply(key) }
func (p *mapChan) round(key uint64) {
	ch := p.register(key)
	p.reply(key)
	<-ch
	p.free(ch)
}
func (p *mapChan) cancel(key uint64) {
	ch := p.register(key)
	p.mu.Lock()
	delete(p.m, key)
	p.mu.Unlock()
	p.free(ch)
}
func (p *mapChan) call(key uint64, send chan<- uint64) {
	ch := p.register(key)
	send <- key
	<-ch
	p.free(ch)
}

// syncMap is sync.Map with a channel for each wait.
type syncMap struct{ m sync.Map }

func (p *syncMap) register(key uint64) chan uint64 {
	ch := make(chan uint64, 1)
	if _, dup := p.m.LoadOrStore(key, ch); dup {
		return nil
	}
	return ch
}
func (p *syncMap) reserve(key uint64) { p.register(key) }
func (p *syncMap) reply(key uint64) {
	if ch, ok := p.m.LoadAndDelete(key); ok {
		ch.(chan uint64) <- key
	}
}
func (p *syncMap) miss(key uint64) { p.reply(key) }
func (p *syncMap) round(key uint64) {
	ch := p.register(key)
	p.reply(key)
	<-ch
}
func (p *syncMap) cancel(key uint64) {
	p.register(key)
	p.m.Delete(key)
}
func (p *syncMap) call(key uint64, send chan<- uint64) {
	ch := p.register(key)
	send <- key
	<-ch
}

// pending is the form of net/rpc: a map of call structs with a Done channel
// that is sent the call itself.
type pending struct {
	mu sync.Mutex
	m  map[uint64]*pendingCall
}
type pendingCall struct {
	key, reply uint64
	done       chan *pendingCall
}

func (p *pending) register(key uint64) *pendingCall {
	call := &pendingCall{key: key, done: make(chan *pendingCall, 10)}
	p.mu.Lock()
	p.m[key] = call
	p.mu.Unlock()
	return call
}
func (p *pending) reserve(key uint64) { p.register(key) }
func (p *pending) reply(key uint64) {
	p.mu.Lock()
	call := p.m[key]
	delete(p.m, key)
	p.mu.Unlock()
	if call != nil {
		call.reply = key
		select {
		case call.done <- call:
		default:
		}
	}
}
func (p *pending) miss(key uint64) { p.reply(key) }
func (p *pending) round(key uint64) {
	call := p.register(key)
	p.reply(key)
	<-call.done
}
func (p *pending) cancel(key uint64) {
	p.register(key)
	p.mu.Lock()
	delete(p.m, key)
	p.mu.Unlock()
}
func (p *pending) call(key uint64, send chan<- uint64) {
	call := p.register(key)
	send <- key
	<-call.done
}

var peers = []struct {
	name string
	make func() peer
}{
	{"mapchan", func() peer { return &mapChan{m: map[uint64]chan uint64{}} }},
	{"mapchan-pooled", func() peer { return &mapChan{m: map[uint64]chan uint64{}, pool: new(sync.Pool)} }},
	{"syncmap", func() peer { return &syncMap{} }},
	{"netrpc", func() peer { return &pending{m: map[uint64]*pendingCall{}} }},
}

// outstanding is how many other waits there are. Keys of the timed operations
// are spread among them.
var outstanding = []int{0, 1_000, 100_000, 1_000_000}

func fill(p peer, n int) {
	for i := range n {
		p.reserve(uint64(2 * i)) // even keys stay, odd ones are for the loops
	}
}

// keyAt returns an odd key; successive ones are far apart, as identifiers of
// waits that end in any order are.
func keyAt(i int) uint64 { return uint64(i)*0x9e3779b97f4a7c15 | 1 }

// paired times a and b in turns, A B A B, and reports the medians and the median
// of the ratios a/b. One iteration is one pair of n operations each.
func paired(b *testing.B, n int, a, other func(from, n int)) {
	b.Helper()
	var as, bs, ratios []float64
	from := 0
	clock := func(f func(from, n int)) float64 {
		start := time.Now()
		f(from, n)
		return float64(time.Since(start).Nanoseconds()) / float64(n)
	}
	clock(a)
	clock(other)
	for b.Loop() {
		x := clock(a)
		y := clock(other)
		from += n
		as, bs, ratios = append(as, x), append(bs, y), append(ratios, x/y)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(as), "waitmap-ns")
	b.ReportMetric(median(bs), "peer-ns")
	b.ReportMetric(median(ratios), "ratio")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func each(f func(uint64)) func(from, n int) {
	return func(from, n int) {
		for i := from; i < from+n; i++ {
			f(keyAt(i))
		}
	}
}

// BenchmarkRound: reserve, wake and take in one goroutine.
func BenchmarkRound(b *testing.B) {
	for _, n := range outstanding {
		for _, other := range peers {
			b.Run(fmt.Sprintf("outstanding=%d/%s", n, other.name), func(b *testing.B) {
				p, q := &ours{}, other.make()
				fill(p, n)
				fill(q, n)
				paired(b, 10_000, each(p.round), each(q.round))
			})
		}
	}
	b.Run("outstanding=0/ReserveIn/mapchan", func(b *testing.B) {
		paired(b, 10_000, each(new(embedded).round), each(peers[0].make().round))
	})
}

// BenchmarkMiss and BenchmarkCancel are paired with TryLock+Unlock, the yardstick
// of the module's goals.
func BenchmarkMiss(b *testing.B) {
	paired(b, 10_000, each(new(ours).miss), tryLock)
}

// BenchmarkMissAmong is a miss with 100,000 others waiting.
func BenchmarkMissAmong(b *testing.B) {
	p := new(ours)
	fill(p, 100_000)
	paired(b, 10_000, each(p.miss), tryLock)
}

func BenchmarkCancel(b *testing.B) {
	var m waitmap.Map[uint64, uint64]
	tickets := make([]waitmap.Ticket[uint64, uint64], 1000)
	var ns []float64
	for b.Loop() {
		for i := range tickets {
			tickets[i], _ = m.Reserve(keyAt(i))
		}
		start := time.Now()
		for _, t := range tickets {
			t.Cancel()
		}
		x := float64(time.Since(start).Nanoseconds()) / 1000
		start = time.Now()
		tryLock(0, 1000)
		ns = append(ns, x/(float64(time.Since(start).Nanoseconds())/1000))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ns), "ratio")
}

func tryLock(_, n int) {
	var mu sync.Mutex
	for range n {
		if mu.TryLock() {
			mu.Unlock()
		}
	}
}

// BenchmarkRPC: one goroutine reserves and sends, another answers. The floor is
// what two unbuffered channels cost.
func BenchmarkRPC(b *testing.B) {
	for _, n := range outstanding[:3] {
		for i := range len(peers) + 1 {
			name, theirs := "floor", floor
			var q peer
			if i > 0 {
				name, q = peers[i-1].name, peers[i-1].make()
				fill(q, n)
				theirs = rpc(q)
			}
			b.Run(fmt.Sprintf("outstanding=%d/%s", n, name), func(b *testing.B) {
				p := &ours{}
				fill(p, n)
				paired(b, 5_000, rpc(p), theirs)
			})
		}
	}
	b.Run("outstanding=0/cancellable/floor", func(b *testing.B) {
		paired(b, 5_000, rpc(&cancellable{ctx: b.Context()}), floor)
	})
}

func rpc(p peer) func(from, n int) {
	return func(from, n int) {
		requests := make(chan uint64)
		go func() {
			for key := range requests {
				p.reply(key)
			}
		}()
		for i := from; i < from+n; i++ {
			p.call(keyAt(i), requests)
		}
		close(requests)
	}
}

func floor(from, n int) {
	ping, pong := make(chan uint64), make(chan uint64)
	go func() {
		for v := range ping {
			pong <- v
		}
	}()
	for i := from; i < from+n; i++ {
		ping <- uint64(i)
		<-pong
	}
	close(ping)
}

// BenchmarkTwo: the same work by two goroutines with different keys, against one.
// ratio is time for time: 0.5 is twice the throughput. With keys of their own the
// goroutines seldom meet; with ever new keys every shard and its memory wander
// between the processors.
func BenchmarkTwo(b *testing.B) {
	for name, key := range map[string]func(g, i int) uint64{
		"own-keys": func(g, i int) uint64 { return uint64(16*g + i%16) },
		"new-keys": func(g, i int) uint64 { return uint64(g)<<40 + uint64(i) },
	} {
		b.Run(name, func(b *testing.B) {
			p := new(ours)
			work := func(g, from, n int) {
				for i := from; i < from+n; i++ {
					p.round(key(g, i))
				}
			}
			paired(b, 200_000, func(from, n int) {
				var wg sync.WaitGroup
				for g := range 2 {
					wg.Go(func() { work(g, from, n/2) })
				}
				wg.Wait()
			}, func(from, n int) { work(0, from, n) })
		})
	}
}

// BenchmarkClose: CloseWith for waits that nobody awaits, per wait.
func BenchmarkClose(b *testing.B) {
	const n = 100_000
	var ns []float64
	for b.Loop() {
		p := new(ours)
		fill(p, n)
		start := time.Now()
		p.m.Close()
		ns = append(ns, float64(time.Since(start).Nanoseconds())/n)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ns), "ns/wait")
}

// BenchmarkNotify: a callback instead of a goroutine.
func BenchmarkNotify(b *testing.B) {
	p := new(ours)
	var sum uint64
	fn := func(v uint64, _ error) { sum += v }
	q := peers[0].make()
	paired(b, 10_000, each(func(key uint64) {
		p.m.Notify(key, fn)
		p.m.Wake(key, key)
	}), each(q.round))
}

// BenchmarkWakeAll: waking 256 keys at once, against one by one.
func BenchmarkWakeAll(b *testing.B) {
	p := new(ours)
	var w [256]waitmap.Waiter[uint64, uint64]
	var t [256]waitmap.Ticket[uint64, uint64]
	run := func(wake func()) {
		for i := range w {
			t[i], _ = p.m.ReserveIn(&w[i], keyAt(i))
		}
		wake()
		for i := range t {
			t[i].Result()
		}
	}
	values := func(yield func(uint64, uint64) bool) {
		for i := range w {
			if !yield(keyAt(i), 1) {
				return
			}
		}
	}
	all := func() { p.m.WakeAll(values, nil) }
	one := func() {
		for k, v := range values {
			p.m.Wake(k, v)
		}
	}
	paired(b, 20, func(_, n int) {
		for range n {
			run(all)
		}
	}, func(_, n int) {
		for range n {
			run(one)
		}
	})
}

// BenchmarkDeadline: a wait with a deadline that does not pass, against a timer
// of its own.
func BenchmarkDeadline(b *testing.B) {
	p := new(ours)
	p.m.ReserveUntil(0, time.Now().Add(time.Hour)) // the map's timer exists
	paired(b, 10_000, each(func(key uint64) {
		t, _ := p.m.ReserveUntil(key, time.Now().Add(time.Minute))
		p.m.Wake(key, key)
		t.Await(background)
	}), each(func(key uint64) {
		t, _ := p.m.Reserve(key)
		timer := time.AfterFunc(time.Minute, func() { p.m.Fail(key, waitmap.ErrExpired) })
		p.m.Wake(key, key)
		t.Await(background)
		timer.Stop()
	}))
}
