package canceltree_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"example.com/interlock/canceltree"
)

// Each benchmark has the halves "tree" and "context", which do the same with this
// package and with package context.

func BenchmarkChild(b *testing.B) {
	b.Run("tree", func(b *testing.B) {
		root := canceltree.New()
		b.ReportAllocs()
		for b.Loop() {
			root.Child().Release()
		}
	})
	b.Run("context", func(b *testing.B) {
		root, cancel := context.WithCancel(context.Background())
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			_, cancel := context.WithCancel(root)
			cancel()
		}
	})
}

func BenchmarkChildDone(b *testing.B) {
	b.Run("tree", func(b *testing.B) {
		root := canceltree.New()
		b.ReportAllocs()
		for b.Loop() {
			k := root.Child()
			k.Done()
			k.Release()
		}
	})
	b.Run("context", func(b *testing.B) {
		root, cancel := context.WithCancel(context.Background())
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := context.WithCancel(root)
			ctx.Done()
			cancel()
		}
	})
}

func BenchmarkErr(b *testing.B) {
	for _, state := range []string{"live", "cancelled"} {
		k := canceltree.New().Child()
		ctx, cancel := context.WithCancel(context.Background())
		if state == "cancelled" {
			k.Cancel(nil)
			cancel()
		}
		for _, half := range []struct {
			name string
			ctx  context.Context
		}{{"tree", k}, {"context", ctx}} {
			b.Run(state+"/"+half.name, func(b *testing.B) {
				b.RunParallel(func(pb *testing.PB) {
					ctx := half.ctx
					for pb.Next() {
						ctx.Err()
					}
				})
			})
		}
		cancel()
	}
}

func BenchmarkAfterFunc(b *testing.B) {
	f := func() {}
	b.Run("tree", func(b *testing.B) {
		k := canceltree.New()
		b.ReportAllocs()
		for b.Loop() {
			k.AfterFunc(f)()
		}
	})
	b.Run("context", func(b *testing.B) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			context.AfterFunc(ctx, f)()
		}
	})
}

func BenchmarkHotParent(b *testing.B) {
	b.Run("tree", func(b *testing.B) {
		root := canceltree.New()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				root.Child().Release()
			}
		})
	})
	b.Run("context", func(b *testing.B) {
		root, cancel := context.WithCancel(context.Background())
		defer cancel()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, cancel := context.WithCancel(root)
				cancel()
			}
		})
	})
}

// BenchmarkContextOnTop makes a context of package context on one that is live.
func BenchmarkContextOnTop(b *testing.B) {
	k := canceltree.New()
	std, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, half := range []struct {
		name string
		ctx  context.Context
	}{{"tree", k}, {"context", std}} {
		b.Run(half.name, func(b *testing.B) {
			ctx := context.WithValue(half.ctx, key(1), 1)
			b.ReportAllocs()
			for b.Loop() {
				_, cancel := context.WithCancel(ctx)
				cancel()
			}
		})
	}
}

// BenchmarkFromContext makes a child of a context of package context.
func BenchmarkFromContext(b *testing.B) {
	std, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.Run("tree", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			canceltree.FromContext(std).Release()
		}
	})
	b.Run("context", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, cancel := context.WithCancel(std)
			cancel()
		}
	})
}

// BenchmarkTimeout makes a child with a deadline.
func BenchmarkTimeout(b *testing.B) {
	b.Run("tree", func(b *testing.B) {
		root := canceltree.New()
		b.ReportAllocs()
		for b.Loop() {
			root.ChildTimeout(time.Hour).Release()
		}
	})
	b.Run("context", func(b *testing.B) {
		root, cancel := context.WithCancel(context.Background())
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			_, cancel := context.WithTimeout(root, time.Hour)
			cancel()
		}
	})
}

// BenchmarkWide cancels a parent of n children, made in order or with each
// replaced by another at random twice over. The figure is for one child.
func BenchmarkWide(b *testing.B) {
	for _, n := range []int{10, 1000, 1_000_000} {
		for _, churned := range []bool{false, true} {
			name := fmt.Sprintf("n=%d/churned=%v", n, churned)
			order := []int{}
			if churned {
				r := rand.New(rand.NewPCG(1, 2))
				for range 2 * n {
					order = append(order, r.IntN(n))
				}
			}
			b.Run(name+"/tree", func(b *testing.B) {
				kids := make([]*canceltree.Token, n)
				wide(b, n, func() func() {
					root := canceltree.New()
					for i := range kids {
						kids[i] = root.Child()
					}
					for _, i := range order {
						kids[i].Release()
						kids[i] = root.Child()
					}
					return func() { root.Cancel(nil) }
				})
			})
			b.Run(name+"/context", func(b *testing.B) {
				kids := make([]context.CancelFunc, n)
				wide(b, n, func() func() {
					root, cancel := context.WithCancel(context.Background())
					for i := range kids {
						_, kids[i] = context.WithCancel(root)
					}
					for _, i := range order {
						kids[i]()
						_, kids[i] = context.WithCancel(root)
					}
					return cancel
				})
			})
		}
	}
}

// wide times what build returns and reports it for one of n.
func wide(b *testing.B, n int, build func() func()) {
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		cancel := build()
		if n > 1000 {
			runtime.GC()
		}
		b.StartTimer()
		start := time.Now()
		cancel()
		spent += time.Since(start)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/float64(n), "ns/child")
}

// BenchmarkDeep cancels a chain. Package context recurses, and dies at 3,000,000.
func BenchmarkDeep(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("n=%d/tree", n), func(b *testing.B) {
			wide(b, n, func() func() {
				root := canceltree.New()
				k := root
				for range n {
					k = k.Child()
				}
				return func() { root.Cancel(nil) }
			})
		})
		b.Run(fmt.Sprintf("n=%d/context", n), func(b *testing.B) {
			wide(b, n, func() func() {
				root, cancel := context.WithCancel(context.Background())
				for ctx, i := root, 0; i < n; i++ {
					next, unused := context.WithCancel(ctx) // the root's cancel ends all
					_ = unused
					ctx = next
				}
				return cancel
			})
		})
	}
}

// BenchmarkStall reports the longest time that making a child of the root takes
// while a Cancel below it walks over 1,000,000 children.
func BenchmarkStall(b *testing.B) {
	const n = 1_000_000
	b.Run("tree", func(b *testing.B) {
		stall(b, func() (cancel, child func()) {
			root := canceltree.New()
			for range n {
				root.Child()
			}
			return func() { root.Cancel(nil) }, func() { root.Child() }
		})
	})
	b.Run("context", func(b *testing.B) {
		stall(b, func() (cancel, child func()) {
			root, stop := context.WithCancel(context.Background())
			for range n {
				_, unused := context.WithCancel(root) // the root's cancel ends all
				_ = unused
			}
			return stop, func() {
				_, cancel := context.WithCancel(root)
				cancel()
			}
		})
	})
}

func stall(b *testing.B, build func() (cancel, child func())) {
	var worst time.Duration
	for b.Loop() {
		b.StopTimer()
		cancel, child := build()
		runtime.GC()
		b.StartTimer()
		done := make(chan bool)
		go func() {
			cancel()
			close(done)
		}()
		for over := false; !over; {
			start := time.Now()
			child()
			worst = max(worst, time.Since(start))
			select {
			case <-done:
				over = true
			default:
			}
		}
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
}
