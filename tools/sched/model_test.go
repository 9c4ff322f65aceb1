package sched_test

//lint:file-ignore SA2001 locking and unlocking is what is tested

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/context"
	"example.com/interlock/tools/sched/runtime"
	"example.com/interlock/tools/sched/sync"
	"example.com/interlock/tools/sched/time"
)

// all explores the body with the reduced and the plain search, and compares
// what it returned, over all schedules, with want: words in any order.
func all(t *testing.T, want string, body func(s *sched.S) string) {
	t.Helper()
	for _, search := range []sched.Search{sched.DPOR, sched.Full} {
		got := make(map[string]bool)
		r := sched.Run(&sched.Options{Search: search}, func(s *sched.S) { got[body(s)] = true })
		if r.Failure != nil || !r.Complete {
			t.Fatalf("%v: %v: %v", search, r, r.Failure)
		}
		var words []string
		for w := range got {
			words = append(words, w)
		}
		slices.Sort(words)
		expected := strings.Fields(want)
		slices.Sort(expected)
		if !slices.Equal(words, expected) {
			t.Errorf("%v: got %q, want %q", search, words, expected)
		}
	}
}

// fails explores the body and expects a failure of the kind that says so.
func fails(t *testing.T, kind, says string, body func(s *sched.S)) {
	t.Helper()
	r := sched.Run(&sched.Options{MaxSteps: 300}, body)
	if r.Failure == nil {
		t.Fatalf("no failure: %v", r)
	}
	if r.Failure.Kind != kind || !strings.Contains(r.Failure.Error(), says) {
		t.Errorf("got %v, want %s with %q", r.Failure, kind, says)
	}
}

func TestMutex(t *testing.T) {
	all(t, "12 21", func(s *sched.S) string {
		var mu sync.Mutex
		out := ""
		for _, name := range []string{"1", "2"} {
			s.Go(name, func() { mu.Lock(); defer mu.Unlock(); out += name })
		}
		s.Join()
		return out
	})
	all(t, "true false", func(s *sched.S) string {
		var mu sync.Mutex
		ok := false
		s.Go("holder", func() { mu.Lock(); mu.Unlock() })
		s.Go("tryer", func() {
			if ok = mu.TryLock(); ok {
				mu.Unlock()
			}
		})
		s.Join()
		return fmt.Sprint(ok)
	})
	fails(t, "fatal error", "unlock of unlocked mutex", func(s *sched.S) { var mu sync.Mutex; mu.Unlock() })
	fails(t, "deadlock", "lock #0 at model_test.go", func(s *sched.S) { var mu sync.Mutex; mu.Lock(); mu.Lock() })
	fails(t, "deadlock", "2 a", func(s *sched.S) { // lock order
		var x, y sync.Mutex
		s.Go("b", func() { x.Lock(); y.Lock(); y.Unlock(); x.Unlock() })
		s.Go("a", func() { y.Lock(); x.Lock(); x.Unlock(); y.Unlock() })
		s.Join()
	})
}

func TestRWMutex(t *testing.T) {
	all(t, "00 01 10 11", func(s *sched.S) string {
		var mu sync.RWMutex
		n := 0
		var got [2]int
		s.Go("writer", func() { mu.Lock(); n++; mu.Unlock() })
		for i := range got {
			s.Go("reader", func() { mu.RLock(); got[i] = n; mu.RUnlock() })
		}
		s.Join()
		return fmt.Sprintf("%d%d", got[0], got[1])
	})
	fails(t, "deadlock", "read-lock", func(s *sched.S) { // a writer that waits keeps readers out
		var mu sync.RWMutex
		s.Go("reader", func() { mu.RLock(); mu.RLock(); mu.RUnlock(); mu.RUnlock() })
		s.Go("writer", func() { mu.Lock(); mu.Unlock() })
		s.Join()
	})
	all(t, "together", func(s *sched.S) string { // readers do not exclude each other
		var mu sync.RWMutex
		a, b := sched.MakeChan[int](1), sched.MakeChan[int](1)
		s.Go("a", func() { mu.RLock(); a.Send(1); b.Recv(); mu.RUnlock() })
		s.Go("b", func() { l := mu.RLocker(); l.Lock(); b.Send(1); a.Recv(); l.Unlock() })
		s.Join()
		return "together"
	})
	all(t, "tt ft tf", func(s *sched.S) string {
		var mu sync.RWMutex
		r, w := "f", "f"
		s.Go("reader", func() {
			if mu.TryRLock() {
				r = "t"
				mu.RUnlock()
			}
		})
		s.Go("writer", func() {
			if mu.TryLock() {
				w = "t"
				mu.Unlock()
			}
		})
		s.Join()
		return r + w
	})
	fails(t, "fatal error", "RUnlock of unlocked", func(s *sched.S) { var mu sync.RWMutex; mu.RUnlock() })
	fails(t, "fatal error", "Unlock of unlocked RWMutex", func(s *sched.S) { var mu sync.RWMutex; mu.Unlock() })
}

func TestChannels(t *testing.T) {
	all(t, "7true", func(s *sched.S) string { // unbuffered
		c := sched.MakeChan[int](0)
		s.Go("sender", func() { c.Send(7) })
		v, ok := c.Recv2()
		return fmt.Sprintf("%d%v", v, ok)
	})
	all(t, "123", func(s *sched.S) string { // buffered, in order, and then closed
		c := sched.MakeChan[int](2)
		s.Go("sender", func() {
			for i := range 3 {
				c.Send(i + 1)
			}
			c.Close()
		})
		out := ""
		for v := range c.All() {
			out += fmt.Sprint(v)
		}
		return out
	})
	all(t, "0 1 2", func(s *sched.S) string {
		c := sched.MakeChan[int](2)
		s.Go("sender", func() { c.Send(1); c.Send(1) })
		n := c.Len()
		if c.Cap() != 2 {
			return "cap"
		}
		return fmt.Sprint(n)
	})
	all(t, "12 21", func(s *sched.S) string { // several receivers
		c := sched.MakeChan[int](0)
		out := ""
		var mu sync.Mutex
		for _, name := range []string{"1", "2"} {
			s.Go(name, func() { c.Recv(); mu.Lock(); out += name; mu.Unlock() })
		}
		c.Send(0)
		c.Send(0)
		s.Join()
		return out
	})
	all(t, "sent default", func(s *sched.S) string { // only to one who waits
		c := sched.MakeChan[int](0)
		done := sched.MakeChan[struct{}](0)
		s.Go("receiver", func() {
			sched.Select(false, sched.RecvCase(c, nil, nil), sched.RecvCase(done, nil, nil))
		})
		out := "default"
		if sched.Select(true, sched.SendCase(c, 1)) == 0 {
			out = "sent"
		}
		done.Close()
		s.Join()
		return out
	})
	all(t, "a b", func(s *sched.S) string { // several cases are ready
		a, b := sched.MakeChan[int](1), sched.MakeChan[int](1)
		a.Send(1)
		b.Send(2)
		var v int
		var ok bool
		switch i := sched.Select(false, sched.RecvCase(a, &v, &ok), sched.RecvCase(b, &v, nil)); {
		case i == 0 && v == 1 && ok:
			return "a"
		case i == 1 && v == 2:
			return "b"
		}
		return "neither"
	})
	all(t, "01 10", func(s *sched.S) string { // two selects meet in either direction
		a, b := sched.MakeChan[int](0), sched.MakeChan[int](0)
		var i, j int
		s.Go("x", func() { i = sched.Select(false, sched.SendCase(a, 1), sched.RecvCase(b, nil, nil)) })
		s.Go("y", func() { j = sched.Select(false, sched.SendCase(b, 1), sched.RecvCase(a, nil, nil)) })
		s.Join()
		return fmt.Sprintf("%d%d", i, j)
	})
	var none *sched.Chan[int]
	fails(t, "deadlock", "receive at", func(s *sched.S) { none.Recv() })
	fails(t, "deadlock", "send at", func(s *sched.S) { none.Send(1) })
	fails(t, "deadlock", "select at", func(s *sched.S) { sched.Select(false, sched.RecvCase(none, nil, nil)) })
	fails(t, "deadlock", "select at", func(s *sched.S) { sched.Select(false) })
	fails(t, "panic", "close of nil channel", func(s *sched.S) { none.Close() })
	fails(t, "panic", "close of closed channel", func(s *sched.S) { c := sched.MakeChan[int](0); c.Close(); c.Close() })
	fails(t, "panic", "send on closed channel", func(s *sched.S) { c := sched.MakeChan[int](1); c.Close(); c.Send(1) })
	fails(t, "panic", "send on closed channel", func(s *sched.S) { // of one who waits
		c := sched.MakeChan[int](0)
		s.Go("sender", func() { c.Send(1) })
		c.Close()
		s.Join()
	})
	fails(t, "panic", "out of range", func(s *sched.S) { sched.MakeChan[int](-1) })
	if none.Len() != 0 || none.Cap() != 0 {
		t.Error("nil channel has a length")
	}
}

var closedBefore = func() *sched.Chan[int] { c := sched.MakeChan[int](0); c.Close(); return c }()

func TestPackageVariables(t *testing.T) {
	all(t, "0false", func(s *sched.S) string {
		v, ok := closedBefore.Recv2()
		return fmt.Sprintf("%d%v", v, ok)
	})
	c, d := sched.MakeChan[int](2), sched.MakeChan[struct{}](0) // each schedule finds them as they were made
	var once sync.Once
	var m sync.Map
	value := sync.OnceValue(func() int { return 5 })
	all(t, "15 25 125 215", func(s *sched.S) string {
		out, n := "", 0
		for i := range 2 {
			s.Go("", func() { c.Send(i + 1); once.Do(func() { n++ }); m.LoadOrStore(i, i) })
		}
		out += fmt.Sprint(c.Recv())
		if c.Len() > 0 {
			out += fmt.Sprint(c.Recv())
		}
		s.Join()
		d.Close()
		s.Check(n == 1, "done %d times", n)
		return out + fmt.Sprint(value())
	})
	var mu sync.Mutex // left locked by a schedule that failed
	fails(t, "deadlock", "lock", func(s *sched.S) { mu.Lock(); mu.Lock() })
	all(t, "ok", func(s *sched.S) string { mu.Lock(); mu.Unlock(); return "ok" })
	mu.Lock()
	mu.Unlock()
}

func TestCond(t *testing.T) {
	all(t, "1 2", func(s *sched.S) string { // Signal wakes either
		var mu sync.Mutex
		c := sync.NewCond(&mu)
		first, waiting := "", 0
		for _, name := range []string{"1", "2"} {
			s.Go(name, func() {
				mu.Lock()
				waiting++
				c.Wait()
				if first == "" {
					first = name
				}
				c.Signal()
				mu.Unlock()
			})
		}
		for n := 0; n < 2; runtime.Gosched() {
			mu.Lock()
			n = waiting
			mu.Unlock()
		}
		mu.Lock()
		c.Signal()
		mu.Unlock()
		s.Join()
		return first
	})
	all(t, "both", func(s *sched.S) string {
		var mu sync.Mutex
		c := sync.NewCond(&mu)
		open := false
		for range 2 {
			s.Go("waiter", func() {
				mu.Lock()
				for !open {
					c.Wait()
				}
				mu.Unlock()
			})
		}
		mu.Lock()
		open = true
		mu.Unlock()
		c.Broadcast()
		s.Join()
		return "both"
	})
}

func TestWaitGroupAndOnce(t *testing.T) {
	all(t, "2", func(s *sched.S) string {
		var wg sync.WaitGroup
		var n atomic.Int32
		for range 2 {
			wg.Go(func() { n.Add(1) })
		}
		wg.Wait()
		return fmt.Sprint(n.Load())
	})
	fails(t, "panic", "negative WaitGroup", func(s *sched.S) { var wg sync.WaitGroup; wg.Done() })
	all(t, "1", func(s *sched.S) string {
		var once sync.Once
		n := 0
		for range 2 {
			s.Go("", func() { once.Do(func() { n++ }); s.Check(n == 1, "returned before it was done") })
		}
		s.Join()
		return fmt.Sprint(n)
	})
	fails(t, "deadlock", "enter once", func(s *sched.S) {
		var once sync.Once
		once.Do(func() { once.Do(func() {}) })
	})
	all(t, "xx1", func(s *sched.S) string { // a panic counts, and comes again from OnceFunc
		n := 0
		f := sync.OnceFunc(func() { n++; panic("x") })
		out := ""
		for range 2 {
			func() {
				defer func() { out += fmt.Sprint(recover()) }()
				f()
			}()
		}
		return out + fmt.Sprint(n)
	})
	all(t, "3,4", func(s *sched.S) string {
		a, b := sync.OnceValues(func() (int, int) { return 3, 4 })()
		return fmt.Sprintf("%d,%d", a, b)
	})
}

func TestPoolAndMap(t *testing.T) {
	all(t, "old new", func(s *sched.S) string {
		p := sync.Pool{New: func() any { return "new" }}
		p.Put("old")
		p.Put(nil)
		return p.Get().(string)
	})
	all(t, "none", func(s *sched.S) string {
		var p sync.Pool
		if p.Get() == nil {
			return "none"
		}
		return "some"
	})
	all(t, "a1", func(s *sched.S) string {
		var m sync.Map
		m.Store("a", 1)
		m.LoadOrStore("b", 2)
		if v, loaded := m.Swap("b", 3); v != 2 || !loaded {
			return "swap"
		}
		if m.CompareAndSwap("b", 2, 4) || !m.CompareAndSwap("b", 3, 4) || m.CompareAndDelete("b", 3) || !m.CompareAndDelete("b", 4) {
			return "cas"
		}
		m.Store("c", 5)
		if v, ok := m.LoadAndDelete("c"); v != 5 || !ok {
			return "delete"
		}
		m.Delete("c")
		out := ""
		m.Range(func(k, v any) bool { out += fmt.Sprint(k, v); return true })
		m.Clear()
		if _, ok := m.Load("a"); ok {
			return "clear"
		}
		return strings.ReplaceAll(out, " ", "")
	})
	all(t, "1 2", func(s *sched.S) string {
		var m sync.Map
		for i := range 2 {
			s.Go("", func() { m.LoadOrStore("k", i+1) })
		}
		s.Join()
		v, _ := m.Load("k")
		return fmt.Sprint(v)
	})
}

func TestAtomics(t *testing.T) {
	all(t, "1 2", func(s *sched.S) string { // the lost update
		var n atomic.Int64
		for range 2 {
			s.Go("", func() { n.Store(n.Load() + 1) })
		}
		s.Join()
		return fmt.Sprint(n.Load())
	})
	all(t, "2", func(s *sched.S) string {
		var n int32
		for range 2 {
			s.Go("", func() { atomic.AddInt32(&n, 1) })
		}
		s.Join()
		return fmt.Sprint(atomic.LoadInt32(&n))
	})
	all(t, "ok", func(s *sched.S) string {
		var b atomic.Bool
		var u atomic.Uint32
		var v atomic.Value
		var p atomic.Pointer[int]
		x := 1
		v.Store("v")
		p.Store(&x)
		u.Or(6)
		u.And(3)
		var w uint64
		atomic.StoreUint64(&w, 9)
		if b.Swap(true) || !b.CompareAndSwap(true, false) || b.CompareAndSwap(true, false) || u.Load() != 2 ||
			v.Load() != "v" || p.Load() != &x || !atomic.CompareAndSwapUint64(&w, 9, 10) || atomic.CompareAndSwapUint64(&w, 9, 1) || atomic.SwapUint64(&w, 0) != 10 {
			return "wrong"
		}
		return "ok"
	})
}

func TestContext(t *testing.T) {
	cause := errors.New("because")
	all(t, "true/false true/true", func(s *sched.S) string {
		ctx, cancel := context.WithCancelCause(context.Background())
		child, stop := context.WithCancel(context.WithValue(ctx, "k", "v"))
		defer stop()
		ran := false
		halt := context.AfterFunc(child, func() { ran = true })
		s.Go("canceller", func() { cancel(cause) })
		s.Go("stopper", func() { halt() })
		child.Done().Recv()
		s.Join()
		ok := child.Err() == context.Canceled && context.Cause(child) == cause && child.Value("k") == "v" &&
			context.WithoutCancel(child).Err() == nil && context.WithoutCancel(child).Value("k") == "v"
		late, end := context.WithCancel(child)
		end()
		return fmt.Sprintf("%v/%v", ok && context.Cause(late) == cause, ran)
	})
	all(t, "canceled exceeded", func(s *sched.S) string {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		s.Go("canceller", cancel)
		ctx.Done().Recv()
		s.Join()
		if ctx.Err() == context.DeadlineExceeded {
			s.Check(context.Cause(ctx) == context.DeadlineExceeded, "cause")
			return "exceeded"
		}
		return "canceled"
	})
	all(t, "inner", func(s *sched.S) string { // the earlier deadline of the parent counts
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, cause)
		defer cancel()
		inner, stop := context.WithTimeout(ctx, time.Minute)
		defer stop()
		inner.Done().Recv()
		if inner.Err() != context.DeadlineExceeded || context.Cause(inner) != cause {
			return "wrong"
		}
		return "inner"
	})
	all(t, "foreign", func(s *sched.S) string { // a context of another type
		f := &foreign{done: sched.MakeChan[struct{}](0)}
		ctx, cancel := context.WithCancel(f)
		defer cancel()
		f.done.Close()
		ctx.Done().Recv()
		if ctx.Err() != context.Canceled {
			return "wrong"
		}
		return "foreign"
	})
	all(t, "past", func(s *sched.S) string {
		ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()
		if ctx.Err() != context.DeadlineExceeded {
			return "wrong"
		}
		return "past"
	})
}

type foreign struct {
	context.Context
	done *sched.Chan[struct{}]
}

func (f *foreign) Deadline() (time.Time, bool) { return time.Time{}, false }
func (f *foreign) Done() *sched.Chan[struct{}] { return f.done }
func (f *foreign) Value(any) any               { return nil }
func (f *foreign) Err() error {
	if sched.Select(true, sched.RecvCase(f.done, nil, nil)) == 0 {
		return context.Canceled
	}
	return nil
}

func TestTime(t *testing.T) {
	all(t, "12", func(s *sched.S) string { // in the order in which they are due
		out := ""
		two := time.NewTimer(2 * time.Second)
		one := time.NewTimer(time.Second)
		for range 2 {
			switch sched.Select(false, sched.RecvCase(one.C, nil, nil), sched.RecvCase(two.C, nil, nil)) {
			case 0:
				out += "1"
			case 1:
				out += "2"
			}
			if out == "2" || out == "21" {
				return "12" // both had fired before the select looked
			}
		}
		return out
	})
	all(t, "1s", func(s *sched.S) string {
		start := time.Now()
		time.Sleep(time.Second)
		time.Sleep(0)
		return time.Since(start).String()
	})
	all(t, "stopped fired", func(s *sched.S) string {
		fired := false
		tm := time.AfterFunc(time.Second, func() { fired = true })
		s.Go("", func() {})
		if tm.Stop() {
			s.Join()
			s.Check(!fired, "fired after Stop")
			return "stopped"
		}
		s.Join()
		s.Check(fired, "did not fire")
		return "fired"
	})
	all(t, "empty", func(s *sched.S) string { // nothing stale after Stop or Reset
		tm := time.NewTimer(time.Second)
		var n atomic.Int32
		n.Load()
		tm.Stop()
		if sched.Select(true, sched.RecvCase(tm.C, nil, nil)) == 0 {
			return "stale"
		}
		tm.Reset(time.Minute)
		tm.C.Recv()
		return "empty"
	})
	all(t, "2s", func(s *sched.S) string {
		start := time.Now()
		tick := time.NewTicker(time.Second)
		tick.C.Recv()
		tick.C.Recv()
		tick.Stop()
		s.Check(time.Until(start) < 0, "clock stands still")
		if d := time.Since(start); d >= 2*time.Second {
			return "2s"
		}
		return "early"
	})
	all(t, "timeout value", func(s *sched.S) string {
		c := sched.MakeChan[int](1)
		s.Go("", func() { c.Send(1) })
		if sched.Select(false, sched.RecvCase(c, nil, nil), sched.RecvCase(time.After(time.Second), nil, nil)) == 0 {
			return "value"
		}
		return "timeout"
	})
}

func TestSpinning(t *testing.T) {
	all(t, "seen", func(s *sched.S) string {
		var flag atomic.Bool
		s.Go("setter", func() { flag.Store(true) })
		for !flag.Load() {
			runtime.Gosched()
		}
		return "seen"
	})
	all(t, "gave-up seen", func(s *sched.S) string { // a bounded spin may give up
		var flag atomic.Bool
		s.Go("setter", func() { flag.Store(true) })
		for range 2 {
			if flag.Load() {
				return "seen"
			}
			sched.Yield()
		}
		return "gave-up"
	})
	fails(t, "livelock", "yield", func(s *sched.S) {
		var flag atomic.Bool
		for !flag.Load() {
			runtime.Gosched()
		}
	})
	fails(t, "livelock", "atomic add", func(s *sched.S) {
		for n := new(atomic.Int32); n.Add(1) > 0; {
		}
	})
}

// deepest gives the name of the outermost function on the stack, and how deep it
// is, asked for in small portions.
func deepest() (name string, n int) {
	var pcs [3]uintptr
	for skip := 1; ; skip += len(pcs) {
		k := runtime.Callers(skip, pcs[:])
		for frames := runtime.CallersFrames(pcs[:k]); k > 0; n++ {
			f, more := frames.Next()
			name = f.Function
			if !more {
				n++
				break
			}
		}
		if k < len(pcs) {
			return name, n
		}
	}
}

// A task does not see the stack of one that ended by Goexit on its worker.
func TestCallers(t *testing.T) {
	all(t, "2,true", func(s *sched.S) string {
		name, n := "", 0
		for range 3 {
			s.Go("", func() {
				defer runtime.Goexit()
				name, n = deepest()
			})
			s.Join()
		}
		_, file, line, ok := runtime.Caller(0)
		_, _, _, below := runtime.Caller(n + 100)
		return fmt.Sprintf("%d,%t", n, strings.Contains(name, "TestCallers") && strings.HasSuffix(file, "model_test.go") && line > 0 && ok && !below)
	})
}

func TestGoexitAndPanics(t *testing.T) {
	all(t, "nil,deferred", func(s *sched.S) string {
		var mu sync.Mutex
		out := ""
		s.Go("leaver", func() {
			mu.Lock()
			defer mu.Unlock()
			defer func() { out = fmt.Sprintf("%v,deferred", recover()) }()
			runtime.Goexit()
		})
		s.Join()
		mu.Lock()
		mu.Unlock()
		if out == "<nil>,deferred" {
			return "nil,deferred"
		}
		return out
	})
	fails(t, "panic", "boom (1 bomber at model_test.go:", func(s *sched.S) {
		s.Go("bomber", func() { panic("boom") })
		s.Join()
	})
	fails(t, "panic", "nil pointer dereference", func(s *sched.S) {
		var p *struct{ x int }
		p.x++
	})
	all(t, "recovered", func(s *sched.S) string {
		out := ""
		func() {
			defer func() { out = recover().(string) }()
			panic("recovered")
		}()
		return out
	})
	all(t, "1 2 3", func(s *sched.S) string { return fmt.Sprint(runtime.NumGoroutine() + s.Choose(3)) })
	fails(t, "misuse", "16 tasks", func(s *sched.S) {
		for range 17 {
			s.Go("", func() {})
		}
	})
	fails(t, "misuse", "n > 0", func(s *sched.S) { s.Choose(0) })
}

// A select that waits for several channels is compared with every event that
// may have decided it, also before one that it could not have come before.
func TestSelectAgainstEarlierEvents(t *testing.T) {
	for _, first := range []string{"taker", "selector"} {
		all(t, "b,0 c,1", func(s *sched.S) string {
			c, b := sched.MakeChan[int](1), sched.MakeChan[int](1)
			c.Send(7)
			out := ""
			taker := func() {
				sched.Select(true, sched.RecvCase(c, nil, nil))
				b.Send(8)
			}
			selector := func() {
				out = [...]string{"c", "b"}[sched.Select(false, sched.RecvCase(c, nil, nil), sched.RecvCase(b, nil, nil))]
			}
			if first == "taker" {
				s.Go(first, taker)
				s.Go("selector", selector)
			} else {
				s.Go(first, selector)
				s.Go("taker", taker)
			}
			s.Join()
			return fmt.Sprint(out, ",", b.Len())
		})
	}
}
