package sched_test

//lint:file-ignore SA2001 locking and unlocking is what is tested

import (
	"errors"
	"fmt"
	realruntime "runtime"
	"testing"
	realtime "time"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/context"
	"example.com/interlock/tools/sched/runtime"
	"example.com/interlock/tools/sched/sync"
	"example.com/interlock/tools/sched/time"
)

// Outside an exploration the modelled packages are the real ones.

func TestOutsideChannels(t *testing.T) {
	c := sched.MakeChan[int](1)
	c.Send(1)
	if c.Len() != 1 || c.Cap() != 1 || c.Recv() != 1 {
		t.Error("buffered channel")
	}
	if sched.Select(true, sched.RecvCase(c, nil, nil)) != -1 {
		t.Error("default")
	}
	u := sched.MakeChan[int](0)
	sched.Go(func() {
		for i := range 3 {
			u.Send(i)
		}
		u.Close()
	})
	sum := 0
	for v := range u.All() {
		sum += v
	}
	if sum != 3 {
		t.Errorf("received %d", sum)
	}
	var v int
	ok := true
	if i := sched.Select(false, sched.RecvCase[int](nil, nil, nil), sched.RecvCase(u, &v, &ok)); i != 1 || ok {
		t.Errorf("select on a closed channel: %d, %v", i, ok)
	}
	if i := sched.Select(false, sched.SendCase(c, 7)); i != 0 || c.Recv() != 7 {
		t.Error("send by select")
	}
	e := sched.MakeChan[error](1)
	e.Send(nil)
	var err error = errors.New("x")
	if sched.Select(false, sched.RecvCase(e, &err, nil)) != 0 || err != nil {
		t.Errorf("a nil interface came as %v", err)
	}
	sched.Yield()
}

// L may be another one each time, as long as nobody waits.
func TestOutsideCondChangesL(t *testing.T) {
	var cond sync.Cond
	for range 2 {
		var mu sync.Mutex
		cond.L = &mu
		mu.Lock()
		woken := false
		go func() {
			mu.Lock()
			woken = true
			mu.Unlock()
			cond.Signal()
		}()
		for !woken {
			cond.Wait() // unlocks mu: with another L it would fail
		}
		mu.Unlock()
	}
}

func TestOutsideSync(t *testing.T) {
	var mu sync.Mutex
	var rw sync.RWMutex
	var wg sync.WaitGroup
	var once sync.Once
	cond := sync.NewCond(&mu)
	n, calls, open := 0, 0, false
	for range 8 {
		wg.Go(func() {
			mu.Lock()
			for !open {
				cond.Wait()
			}
			n++
			mu.Unlock()
			rw.RLock()
			rw.RUnlock()
			once.Do(func() { calls++ })
		})
	}
	mu.Lock()
	if mu.TryLock() {
		t.Error("TryLock of a locked mutex")
	}
	open = true
	cond.Signal()
	cond.Broadcast()
	mu.Unlock()
	wg.Wait()
	rw.Lock()
	if rw.TryRLock() || rw.TryLock() {
		t.Error("TryLock of a locked RWMutex")
	}
	rw.Unlock()
	if n != 8 || calls != 1 {
		t.Errorf("n is %d, calls %d", n, calls)
	}
	p := sync.Pool{New: func() any { return 1 }}
	p.Put(1)
	if p.Get() != 1 {
		t.Error("pool")
	}
	var m sync.Map
	m.Store(1, 2)
	m.LoadOrStore(1, 3)
	m.Swap(1, 4)
	m.CompareAndSwap(1, 4, 5)
	m.Range(func(k, v any) bool {
		if v != 5 {
			t.Errorf("value %v", v)
		}
		return true
	})
	if v, _ := m.LoadAndDelete(1); v != 5 || m.CompareAndDelete(1, 5) {
		t.Error("map")
	}
	m.Clear()
	// A Once done outside stays done in an exploration.
	if r := sched.Run(nil, func(s *sched.S) { once.Do(func() { s.Fatalf("done twice") }) }); r.Failure != nil {
		t.Error(r.Failure)
	}
	var a atomic.Int64
	var b int64
	a.Add(2)
	atomic.AddInt64(&b, a.Load())
	if !a.CompareAndSwap(2, 3) || atomic.CompareAndSwapInt64(&b, 1, 2) {
		t.Error("atomics")
	}
}

func TestOutsideContext(t *testing.T) {
	cause := errors.New("because")
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), 1, 2))
	child, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	ran := make(chan bool)
	context.AfterFunc(child, func() { close(ran) })
	halt := context.AfterFunc(child, func() { t.Error("ran after stop") })
	if !halt() || halt() {
		t.Error("stop")
	}
	if child.Err() != nil {
		t.Error("cancelled too early")
	}
	cancel(cause)
	child.Done().Recv()
	<-ran
	if child.Err() != context.Canceled || context.Cause(child) != cause || child.Value(1) != 2 {
		t.Errorf("%v, %v", child.Err(), context.Cause(child))
	}
	short, stop2 := context.WithTimeoutCause(context.Background(), time.Millisecond, cause)
	defer stop2()
	short.Done().Recv()
	if short.Err() != context.DeadlineExceeded || context.Cause(short) != cause {
		t.Errorf("%v, %v", short.Err(), context.Cause(short))
	}
	f := &foreign{done: sched.MakeChan[struct{}](0)}
	under, stop3 := context.WithCancel(f)
	defer stop3()
	f.done.Close()
	under.Done().Recv()
	if fmt.Sprint(context.Background(), context.TODO()) != "context.Background context.TODO" {
		t.Error("names")
	}
}

func TestOutsideTime(t *testing.T) {
	start := time.Now()
	time.Sleep(time.Millisecond)
	tm := time.NewTimer(time.Millisecond)
	tm.C.Recv()
	if tm.Stop() || tm.Reset(time.Hour) || !tm.Stop() {
		t.Error("timer")
	}
	called := make(chan bool)
	time.AfterFunc(time.Millisecond, func() { close(called) })
	<-called
	<-realtime.After(time.Millisecond)
	time.After(time.Millisecond).Recv()
	tick := time.NewTicker(time.Millisecond)
	tick.C.Recv()
	tick.C.Recv()
	tick.Reset(2 * time.Millisecond)
	tick.C.Recv()
	tick.Stop()
	if time.Since(start) < 6*time.Millisecond || time.Until(start) >= 0 {
		t.Errorf("%v", time.Since(start))
	}
}

func TestOutsideRuntime(t *testing.T) {
	runtime.Gosched()
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.Goexit()
	}()
	<-done
	if runtime.NumGoroutine() < 1 || runtime.GOOS != realruntime.GOOS {
		t.Error("runtime")
	}
	_, file, _, _ := runtime.Caller(0)
	_, real, _, _ := realruntime.Caller(0)
	if file != real {
		t.Errorf("Caller: %s", file)
	}
	runtime.LockOSThread()
	runtime.UnlockOSThread()
	x := new(int)
	runtime.AddCleanup(x, func(int) {}, 1).Stop()
	runtime.SetFinalizer(x, nil)
}
