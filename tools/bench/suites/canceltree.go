package suites

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/canceltree"
	"example.com/interlock/tools/bench"
)

func cancelTree(r *bench.Runner) error {
	treeCreate(r)
	treeMemory(r)
	treeErr(r)
	treeCallbacks(r)
	treeHotParent(r)
	treeWide(r)
	treeStall(r)
	treeContexts(r)
	return treeDeep(r)
}

func treeCreate(r *bench.Runner) {
	root := canceltree.New()
	defer root.Release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	create := func(with string) {
		r.Pair("child create + release"+with, bench.AtMost(0.35), bench.Side{Name: "canceltree", Run: func(n int) {
			for range n {
				root.Child().Release()
			}
		}}, bench.Side{Name: "context.WithCancel + cancel", Run: func(n int) {
			for range n {
				_, cancel := context.WithCancel(ctx)
				cancel()
			}
		}})
	}
	create("")
	onProcs(1, func() { create(" (GOMAXPROCS 1)") })
	onProcs(8, func() { create(" (GOMAXPROCS 8)") })
	r.Pair("Done of a new child, and release", bench.Bound{}, bench.Side{Name: "canceltree", Run: func(n int) {
		for range n {
			t := root.Child()
			t.Done()
			t.Release()
		}
	}}, bench.Side{Name: "context", Run: func(n int) {
		for range n {
			child, cancel := context.WithCancel(ctx)
			child.Done()
			cancel()
		}
	}})
	r.Value("allocations of child create + release", bench.AtMost(1), "allocs", testing.AllocsPerRun(1000, func() { root.Child().Release() }))
}

// onProcs calls f with GOMAXPROCS k.
func onProcs(k int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(k))
	f()
}

// children makes n children of one root and returns all that keeps them.
func children(n int, each func(*canceltree.Token)) (*canceltree.Token, []*canceltree.Token) {
	root := canceltree.New()
	list := make([]*canceltree.Token, n)
	for i := range list {
		list[i] = root.Child()
		if each != nil {
			each(list[i])
		}
	}
	return root, list
}

// contexts is children in package context.
func contexts(n int, each func(context.Context)) (context.CancelFunc, []context.CancelFunc) {
	root, cancel := context.WithCancel(context.Background())
	list := make([]context.CancelFunc, n)
	for i := range list {
		var child context.Context
		child, list[i] = context.WithCancel(root)
		if each != nil {
			each(child)
		}
	}
	return cancel, list
}

func treeMemory(r *bench.Runner) {
	const slots = 8 // the pointer in the list that keeps the children
	tokens := func(each func(*canceltree.Token)) float64 {
		return bench.LiveBytes(func() any { root, list := children(million, each); return []any{root, list} })/million - slots
	}
	r.Value("live bytes per child, 1,000,000 children", bench.AtMost(64.5), "B", tokens(nil))
	asked := tokens(func(t *canceltree.Token) { t.Done() })
	std := bench.LiveBytes(func() any {
		cancel, list := contexts(million, func(c context.Context) { c.Done() })
		return []any{cancel, list}
	})/million - slots
	r.Samples("live bytes per child once Done was asked", bench.AtMost(1.1), "B", "context", []float64{asked}, []float64{std}, []float64{asked / std})

	root := canceltree.New()
	retained := bench.LiveBytes(func() any {
		list := make([]*canceltree.Token, million)
		for i := range list {
			list[i] = root.Child()
		}
		for _, t := range list {
			t.Release()
		}
		return root
	})
	r.Value("bytes retained per released child", bench.AtMost(0.5), "B", max(0, retained/million))
	runtime.KeepAlive(root)
}

func treeErr(r *bench.Runner) {
	boom := errors.New("boom")
	live, dead := canceltree.New(), canceltree.New()
	dead.Cancel(boom)
	stdLive, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	stdDead, kill := context.WithCancelCause(context.Background())
	kill(boom)
	// Each loop calls its own type: a call through a func value would cost
	// both sides as much as what is measured.
	token := func(t *canceltree.Token, k int) bench.Side {
		return bench.Side{Name: "canceltree", Run: func(n int) {
			spread(k, n, func(_, n int) {
				for range n {
					t.Err()
				}
			})
		}}
	}
	std := func(c context.Context, k int) bench.Side {
		return bench.Side{Name: "context", Run: func(n int) {
			spread(k, n, func(_, n int) {
				for range n {
					c.Err()
				}
			})
		}}
	}
	for _, k := range []int{1, 2, 8} {
		with := " (" + string(rune('0'+k)) + " goroutines)"
		onProcs(k, func() {
			r.Pair("Err, live"+with, bench.AtMost(0.8), token(live, k), std(stdLive, k))
			r.Pair("Err, cancelled"+with, bench.AtMost(0.4), token(dead, k), std(stdDead, k))
		})
	}
}

func treeCallbacks(r *bench.Runner) {
	root := canceltree.New()
	defer root.Release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := func() {}
	r.Pair("AfterFunc register + stop", bench.AtMost(0.7), bench.Side{Name: "canceltree", Run: func(n int) {
		for range n {
			root.AfterFunc(f)()
		}
	}}, bench.Side{Name: "context.AfterFunc", Run: func(n int) {
		for range n {
			context.AfterFunc(ctx, f)()
		}
	}})
	g := func(error) {}
	r.Pair("OnCancel register + stop", bench.Bound{}, bench.Side{Name: "canceltree", Run: func(n int) {
		for range n {
			root.OnCancel(g).Stop()
		}
	}}, bench.Side{Name: "context.AfterFunc", Run: func(n int) {
		for range n {
			context.AfterFunc(ctx, f)()
		}
	}})
}

func treeHotParent(r *bench.Runner) {
	root := canceltree.New()
	defer root.Release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.Pair("children of one hot parent, 2 goroutines", bench.AtMost(0.4), bench.Side{Name: "canceltree", Run: func(n int) {
		spread(2, n, func(_, n int) {
			for range n {
				root.Child().Release()
			}
		})
	}}, bench.Side{Name: "context", Run: func(n int) {
		spread(2, n, func(_, n int) {
			for range n {
				_, cancel := context.WithCancel(ctx)
				cancel()
			}
		})
	}})
}

// wideRounds is how often a million children are made and cancelled.
func wideRounds(quick bool) int {
	if quick {
		return 3
	}
	return 9
}

func treeWide(r *bench.Runner) {
	r.VersusN(wideRounds(r.Quick), "cancel 1,000,000 wide, in order", bench.AtMost(0.15), "ms", "context", func(int) (a, b float64) {
		root, list := children(million, nil)
		runtime.GC()
		a = us(func() { root.Cancel(nil) }) / 1e3
		runtime.KeepAlive(list)
		cancel, others := contexts(million, nil)
		runtime.GC()
		b = us(cancel) / 1e3
		runtime.KeepAlive(others)
		return a, b
	})
	r.VersusN(wideRounds(r.Quick), "cancel 1,000,000 wide, after random churn", bench.AtMost(0.8), "ms", "context", func(round int) (a, b float64) {
		root, list := children(million, nil)
		churn(round, func(i int) { list[i].Release(); list[i] = root.Child() })
		runtime.GC()
		a = us(func() { root.Cancel(nil) }) / 1e3
		runtime.KeepAlive(list)

		ctx, cancel := context.WithCancel(context.Background())
		others := make([]context.CancelFunc, million)
		for i := range others {
			_, others[i] = context.WithCancel(ctx)
		}
		churn(round, func(i int) { others[i](); _, others[i] = context.WithCancel(ctx) })
		runtime.GC()
		b = us(cancel) / 1e3
		runtime.KeepAlive(others)
		return a, b
	})
}

// churn replaces twice as many children as there are, at random places.
func churn(seed int, replace func(i int)) {
	x := uint64(seed)*2 + 0x9e3779b97f4a7c15
	for range 2 * million {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		replace(int(x % million))
	}
}

// treeStall measures how long Child on the root takes at most while its
// million children are being cancelled.
func treeStall(r *bench.Runner) {
	worst := func(child func(), cancel func()) float64 {
		var done atomic.Bool
		var longest time.Duration
		var wg sync.WaitGroup
		ready := make(chan struct{})
		wg.Go(func() {
			close(ready)
			for !done.Load() {
				start := time.Now()
				child()
				longest = max(longest, time.Since(start))
			}
		})
		<-ready
		cancel()
		done.Store(true)
		wg.Wait()
		return float64(longest.Microseconds()) / 1e3
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's own pauses are not the tree's
	var ours, ref, ratios []float64
	for range wideRounds(r.Quick) {
		root, list := children(million, nil)
		a := worst(func() { root.Child().Release() }, func() { root.Cancel(nil) })
		runtime.KeepAlive(list)
		ctx, cancel := context.WithCancel(context.Background())
		others := make([]context.CancelFunc, million)
		for i := range others {
			_, others[i] = context.WithCancel(ctx)
		}
		b := worst(func() { _, c := context.WithCancel(ctx); c() }, cancel)
		runtime.KeepAlive(others)
		runtime.GC()
		ours, ref, ratios = append(ours, a), append(ref, b), append(ratios, a/b)
	}
	r.Samples("longest stall of Child on the root while 1,000,000 children are cancelled", bench.Bound{}, "ms", "context", ours, ref, ratios)
	r.Value("the same, absolute", bench.AtMost(1), "ms", r.Rows()[len(r.Rows())-1].Ours)
}

func treeContexts(r *bench.Runner) {
	root := canceltree.New()
	before := runtime.NumGoroutine()
	var stops []func() bool
	for range 1000 {
		ctx, cancel := context.WithCancel(root)
		_ = cancel
		stops = append(stops, context.AfterFunc(ctx, func() {}))
		root.OnCancel(func(error) {})
	}
	r.Value("goroutines of 1,000 OnCancel and context children", bench.AtMost(0), "", float64(runtime.NumGoroutine()-before))
	for _, stop := range stops {
		stop()
	}
	root.Cancel(nil)
}

// deepEnv tells the child process to cancel a deep tree and exit.
const deepEnv = "INTERLOCK_BENCH_DEEP"

// treeDeep cancels a chain of 10 million under a stack of 1 MiB in a process
// of its own, since a program that overflows its stack is gone.
func treeDeep(r *bench.Runner) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), deepEnv+"=1")
	ok := 1.0
	if err := cmd.Run(); err != nil {
		ok = 0
	}
	r.Value("cancel 10,000,000 deep under a stack of 1 MiB (1 = works)", bench.AtLeast(1), "", ok)
	return nil
}

// Deep does the deep cancel if this process was started for it, and reports
// whether it was.
func Deep() bool {
	if os.Getenv(deepEnv) == "" {
		return false
	}
	debug.SetMaxStack(1 << 20)
	root := canceltree.New()
	leaf := root
	for range 10 * million {
		leaf = leaf.Child()
	}
	root.Cancel(nil)
	if leaf.Err() == nil {
		os.Exit(1)
	}
	return true
}
