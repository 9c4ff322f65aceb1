package sched_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/context"
	"example.com/interlock/tools/sched/internal/core"
	"example.com/interlock/tools/sched/runtime"
	"example.com/interlock/tools/sched/sync"
	clock "example.com/interlock/tools/sched/time"
)

var crossN = flag.Int("cross", 3000, "random programs to compare")
var crossSeed = flag.Uint64("crossseed", 1, "seed of the first program")

// A world is what a random program works on, fresh in each execution.
type world struct {
	mu    [2]sync.Mutex
	rw    sync.RWMutex
	at    [2]atomic.Int32
	un    [2]*sched.Chan[int] // unbuffered
	bu    *sched.Chan[int]
	done  *sched.Chan[struct{}]
	cmu   sync.Mutex
	cond  *sync.Cond
	flag  bool
	once  sync.Once
	wg    sync.WaitGroup
	pool  sync.Pool
	m     sync.Map
	ctx   context.Context
	stop  func()
	tm    *clock.Timer
	raw   int64 // used by atomic functions
	plain int   // guarded by rw
	logs  [8][]byte
}

func newWorld() *world {
	w := &world{bu: sched.MakeChan[int](1), done: sched.MakeChan[struct{}](0)}
	w.un[0], w.un[1] = sched.MakeChan[int](0), sched.MakeChan[int](0)
	w.cond = sync.NewCond(&w.cmu)
	return w
}

// An instr is one instruction; a program is a list of them for each task.
type instr struct{ op, a, b int }

var ops = []string{
	"lock", "rlock", "wlock", "load", "store", "add", "cas", "send", "recv", "trysend", "tryrecv",
	"bsend", "brecv", "close", "waitdone", "bclose", "uclose", "condwait", "condset", "signal", "once", "done", "wgwait",
	"select", "select2", "select3", "cancel", "ctxwait", "err", "trylock", "choose", "get", "put", "mapstore", "mapload",
	"timer", "timerwait", "now", "spin", "rawadd", "len", "afterfunc", "go", "child", "selsend", "exit", "tryrlock", "sleep", "timeout", "stop", "selectu", "rrlock", "trywlock",
}

func (w *world) log(id int, format string, args ...any) {
	w.logs[id] = fmt.Appendf(w.logs[id], format+";", args...)
}

// do performs one instruction as task id.
func (w *world) do(id int, in instr) {
	v := id*10 + in.b
	switch ops[in.op] {
	case "lock":
		w.mu[in.a].Lock()
		w.at[in.b].Add(1)
		w.mu[in.a].Unlock()
	case "rlock":
		w.rw.RLock()
		w.log(id, "r%d", w.plain)
		w.rw.RUnlock()
	case "wlock":
		w.rw.Lock()
		w.plain++
		w.rw.Unlock()
	case "load":
		w.log(id, "l%d", w.at[in.a].Load())
	case "store":
		w.at[in.a].Store(int32(v))
	case "add":
		w.log(id, "a%d", w.at[in.a].Add(1))
	case "cas":
		w.log(id, "c%v", w.at[in.a].CompareAndSwap(int32(in.b), int32(v)))
	case "send":
		w.un[in.a].Send(v)
	case "recv":
		x, ok := w.un[in.a].Recv2()
		w.log(id, "u%d%v", x, ok)
	case "trysend":
		w.log(id, "s%d", sched.Select(true, sched.SendCase(w.un[in.a], v)))
	case "tryrecv":
		var x int
		w.log(id, "t%d:%d", sched.Select(true, sched.RecvCase(w.un[in.a], &x, nil)), x)
	case "bsend":
		w.bu.Send(v)
	case "brecv":
		x, ok := w.bu.Recv2()
		w.log(id, "b%d%v", x, ok)
	case "close":
		w.done.Close()
	case "waitdone":
		w.done.Recv()
		w.log(id, "d")
	case "bclose":
		w.bu.Close()
	case "uclose":
		w.un[in.a].Close()
	case "condwait":
		w.cmu.Lock()
		for i := 0; !w.flag && i < 2; i++ {
			w.cond.Wait()
		}
		w.log(id, "w%v", w.flag)
		w.cmu.Unlock()
	case "condset":
		w.cmu.Lock()
		w.flag = true
		if in.a == 0 {
			w.cond.Signal()
		} else {
			w.cond.Broadcast()
		}
		w.cmu.Unlock()
	case "signal":
		w.cond.Signal()
	case "once":
		w.once.Do(func() { w.log(id, "o%d", w.at[in.a].Load()) })
	case "done":
		w.wg.Done()
	case "wgwait":
		w.wg.Wait()
		w.log(id, "g%d", w.at[in.a].Load())
	case "select":
		var x int
		i := sched.Select(in.b == 0, sched.RecvCase(w.bu, &x, nil), sched.RecvCase(w.done, nil, nil), sched.RecvCase(w.un[in.a], &x, nil))
		w.log(id, "S%d:%d", i, x)
	case "select2":
		var x int
		i := sched.Select(in.b == 0, sched.RecvCase(w.un[0], &x, nil), sched.SendCase(w.un[1], v), sched.RecvCase(w.done, nil, nil))
		w.log(id, "T%d:%d", i, x)
	case "select3":
		i := sched.Select(false, sched.RecvCase(w.ctx.Done(), nil, nil), sched.RecvCase(w.done, nil, nil), sched.SendCase(w.bu, v))
		w.log(id, "U%d", i)
	case "selsend":
		i := sched.Select(in.b == 0, sched.SendCase(w.un[1-in.a], v), sched.SendCase(w.bu, v))
		w.log(id, "V%d", i)
	case "selectu":
		var x int
		i := sched.Select(false, sched.RecvCase(w.un[0], &x, nil), sched.RecvCase(w.done, nil, nil), sched.RecvCase(w.un[1], &x, nil))
		w.log(id, "X%d:%d", i, x)
	case "rrlock":
		w.rw.RLock()
		w.at[in.b].Add(1)
		w.log(id, "P%d", w.plain)
		w.rw.RLock()
		w.rw.RUnlock()
		w.rw.RUnlock()
	case "trywlock":
		if w.rw.TryLock() {
			w.plain += 10
			w.rw.Unlock()
		} else {
			w.log(id, "F")
		}
	case "cancel":
		w.stop()
	case "ctxwait":
		w.ctx.Done().Recv()
		w.log(id, "x")
	case "err":
		w.log(id, "e%v", w.ctx.Err() != nil)
	case "trylock":
		if w.mu[in.a].TryLock() {
			w.log(id, "y")
			w.at[in.b].Add(1)
			w.mu[in.a].Unlock()
		} else {
			w.log(id, "n")
		}
	case "tryrlock":
		if w.rw.TryRLock() {
			w.log(id, "Y%d", w.plain)
			w.at[in.b].Add(1)
			w.rw.RUnlock()
		} else {
			w.log(id, "N")
		}
	case "choose":
		w.log(id, "C%d", core.Now().Choose(2))
	case "get":
		x, _ := w.pool.Get().(int)
		w.log(id, "p%d", x)
	case "put":
		w.pool.Put(v)
	case "mapstore":
		w.m.LoadOrStore(in.a, v)
	case "mapload":
		x, ok := w.m.Load(in.a)
		w.log(id, "m%v%v", x, ok)
	case "timer":
		w.tm.Reset(clock.Second * clock.Duration(in.b+1))
	case "stop":
		w.log(id, "z%v", w.tm.Stop())
	case "timerwait":
		i := sched.Select(false, sched.RecvCase(w.tm.C, nil, nil), sched.RecvCase(w.done, nil, nil))
		w.log(id, "W%d", i)
	case "now":
		w.log(id, "q%v", clock.Since(core.Epoch))
	case "sleep":
		clock.Sleep(clock.Second * clock.Duration(in.b+1))
	case "timeout":
		ctx, cancel := context.WithTimeout(w.ctx, clock.Second*2)
		i := sched.Select(false, sched.RecvCase(ctx.Done(), nil, nil), sched.RecvCase(w.done, nil, nil))
		w.log(id, "O%d%v", i, ctx.Err())
		cancel()
	case "spin":
		for w.at[in.a].Load() == 0 {
			runtime.Gosched()
		}
		w.log(id, "k%d", w.at[in.a].Load())
	case "rawadd":
		w.log(id, "R%d", atomic.AddInt64(&w.raw, 1))
	case "len":
		w.log(id, "L%d", w.bu.Len())
	case "afterfunc":
		stop := context.AfterFunc(w.ctx, func() { w.at[in.a].Add(1) })
		if in.b == 0 {
			w.log(id, "B%v", stop())
		}
	case "go":
		sched.Go(func() { w.at[in.a].Add(1) })
	case "child":
		ctx, cancel := context.WithCancelCause(w.ctx)
		cancel(nil)
		w.log(id, "K%v", context.Cause(ctx))
	case "exit":
		defer w.at[in.a].Add(1)
		runtime.Goexit()
	}
}

func (p program) String() string {
	var b strings.Builder
	for i, task := range p {
		fmt.Fprintf(&b, "task %d:", i)
		for _, in := range task {
			fmt.Fprintf(&b, " %s(%d,%d)", ops[in.op], in.a, in.b)
		}
		b.WriteString("\n")
	}
	return b.String()
}

type program [][]instr

// themes are instructions that get into each other's way.
var themes = []string{
	"select select2 selsend send recv close",
	"selectu send tryrecv close recv",
	"rlock wlock tryrlock rrlock trywlock",
	"done wgwait load add",
	"condwait condset signal store load",
	"timeout cancel timer timerwait stop now",
	"select3 cancel brecv close bsend err",
}

func randomProgram(r *rand.Rand) program {
	// A few kinds of instructions per program, so that they meet.
	var menu []int
	if theme := r.IntN(2 * len(themes)); theme < len(themes) {
		for i, o := range ops {
			if slices.Contains(strings.Fields(themes[theme]), o) {
				menu = append(menu, i)
			}
		}
	} else {
		for range 2 + r.IntN(4) {
			menu = append(menu, r.IntN(len(ops)))
		}
	}
	// Some only make sense together.
	pairs := map[string][]string{
		"waitdone": {"close"}, "brecv": {"bsend"}, "recv": {"send"}, "condwait": {"condset"}, "wgwait": {"done"}, "ctxwait": {"cancel"},
		"select": {"close", "bsend", "send"}, "select2": {"send", "recv", "selsend"}, "select3": {"cancel", "brecv"}, "tryrecv": {"send"}, "trysend": {"recv"},
		"timerwait": {"timer"}, "get": {"put"}, "mapload": {"mapstore"}, "spin": {"store"}, "err": {"cancel"}, "afterfunc": {"cancel"}, "tryrlock": {"wlock"}, "rlock": {"wlock"}, "trylock": {"lock"},
		"timeout": {"cancel"}, "stop": {"timer"}, "selsend": {"recv", "brecv"}, "now": {"timer"}, "signal": {"condwait"},
	}
	for _, m := range menu {
		for _, name := range pairs[ops[m]] {
			for i, o := range ops {
				if o == name {
					menu = append(menu, i)
				}
			}
		}
	}
	p := make(program, 2+r.IntN(2))
	for i := range p {
		for range 1 + r.IntN(4-len(p)/2) {
			p[i] = append(p[i], instr{menu[r.IntN(len(menu))], r.IntN(2), r.IntN(2)})
		}
	}
	return p
}

// outcomes gives everything that p can come to.
func outcomes(p program, search core.Search, limit int) (map[string]bool, core.Result) {
	set := make(map[string]bool)
	var w *world
	o := core.Options{Search: search, MaxSteps: 500, MaxSchedules: limit, MaxTime: 20 * time.Second, Spins: 1, Bound: 1 << 14}
	o.Each = func(f *core.Failure) {
		if f != nil && f.Kind != core.KindOfDeadlock {
			set[f.Kind+f.Text()] = true
			return
		}
		var b strings.Builder
		for _, l := range w.logs {
			b.Write(l)
			b.WriteByte('|')
		}
		fmt.Fprintf(&b, "%d,%d,%d", w.at[0].Load(), w.at[1].Load(), w.raw)
		if f != nil {
			b.WriteString(" deadlock")
		}
		set[b.String()] = true
	}
	r := core.Run(o, func(t *core.Task) {
		w = newWorld()
		w.ctx, w.stop = context.WithCancel(context.Background())
		w.wg.Add(2)
		w.tm = clock.NewTimer(clock.Second * 2)
		w.tm.Stop()
		for i, list := range p {
			t.Go("", func() {
				for _, in := range list {
					w.do(i, in)
				}
			})
		}
		t.Join()
	})
	return set, r
}

// TestReductionIsExact compares the reduced search with the plain one on random
// programs: the same outcomes, deadlocks and panics included.
func TestReductionIsExact(t *testing.T) {
	var reduced, plain, compared, deadlocks, skipped int
	start := time.Now()
	for i := range *crossN {
		if time.Since(start) > 8*time.Second && *crossN == 3000 && compared > 500 {
			break
		}
		seed := *crossSeed + uint64(i)
		p := randomProgram(rand.New(rand.NewPCG(seed, 7)))
		full, fr := outcomes(p, core.Full, 4000)
		if !fr.Complete {
			skipped++
			continue
		}
		small, sr := outcomes(p, core.DPOR, 1<<30)
		if !sr.Complete {
			t.Fatalf("program %d: not complete: %v\n%v", seed, sr.Limit, p)
		}
		compared++
		reduced += sr.Schedules + sr.Cut
		plain += fr.Schedules
		for o := range full {
			if strings.HasSuffix(o, "deadlock") {
				deadlocks++
				break
			}
		}
		if d := diff(full, small); d != "" {
			t.Fatalf("program %d:\n%v%s\nplain %d schedules, reduced %d", seed, p, d, fr.Schedules, sr.Schedules)
		}
	}
	t.Logf("%d programs (%d with deadlocks, %d too large): %d executions instead of %d, %v", compared, deadlocks, skipped, reduced, plain, time.Since(start))
	if compared < 500 && *crossN >= 1000 {
		t.Errorf("only %d programs compared", compared)
	}
}

// diff compares the outcomes. A panic is the end of a search, and what an
// execution would have come to after it is unknown: if the plain search finds
// one, the reduced one has to find one too, and the rest is not compared.
func diff(full, small map[string]bool) string {
	var out []string
	fails := 0
	for o := range full {
		if strings.HasPrefix(o, core.KindOfPanic) {
			fails++
		}
	}
	for o := range small {
		if strings.HasPrefix(o, core.KindOfPanic) {
			fails = -1
			break
		}
	}
	if fails > 0 {
		out = append(out, "missed:   every panic")
	}
	for o := range full {
		if fails == 0 && !small[o] {
			out = append(out, "missed:   "+o)
		}
	}
	for o := range small {
		if !full[o] {
			out = append(out, "invented: "+o)
		}
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}
