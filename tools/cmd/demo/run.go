package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"
)

// run does the demo and reports whether every figure was right.
func run(c config, out io.Writer) (ok bool, err error) {
	if c.redis && len(c.targets) == 0 {
		addr, stop, err := startRedis()
		if err != nil {
			return false, err
		}
		defer stop()
		fmt.Fprintf(out, "redis-server started on %s\n", addr)
		c.targets = []string{addr}
	}
	room := descriptorRoom(out)
	if len(c.targets) > 0 {
		return runAgainst(c, out)
	}
	if most := room / 3; c.keys > most { // connections, watches, and the servers' side beside them
		fmt.Fprintf(out, "the limit of open files is low: %d keys instead of %d\n", most, c.keys)
		c.keys = most
	}
	return runFarm(c, room/2, out)
}

// tally is what the hooks of a map count.
type tally struct {
	launched, failed atomic.Int64
}

func (t *tally) launchEnd(_ any, _ int, _ time.Duration, err error) {
	if err != nil {
		t.failed.Add(1)
	} else {
		t.launched.Add(1)
	}
}

// runFarm lets three crowds loose on servers of the demo's own.
func runFarm(c config, room int, out io.Writer) (ok bool, err error) {
	farm, err := startFarm(c.keys)
	if err != nil {
		return false, err
	}
	defer farm.stop()
	f := planFaults(c.seed, c.keys, c.spread)
	fmt.Fprintf(out, "%d callers, %d keys; %d servers refuse at first, %.0f %% of the callers give up in mid-launch, one server is killed and restarted\n",
		c.callers, c.keys, len(f.down), 100*gaveUpShare)

	var count tally
	tr := newTracer(farm.addrs)
	hooks := tr.hooks(&count)
	crowds := []*crowd{newCrowd(c, "onceconn", newShared(ownEcho, hooks), farm.addrs)}
	if !c.alone {
		crowds = append(crowds,
			newCrowd(c, "naive dial", newNaive(ownEcho, room), farm.addrs),
			newCrowd(c, "singleflight", newFlight(ownEcho), farm.addrs))
	}
	var results []result
	for i, one := range crowds {
		res, err := stage(one, farm, f, tr, i == 0, out)
		if err != nil {
			return false, err
		}
		results = append(results, res)
	}
	writeTable(out, results)
	checks := checkFarm(results[0], &count, c.keys, f.killed)
	return conclude(c, tr, checks, out)
}

func newCrowd(c config, name string, s source, keys []string) *crowd {
	return &crowd{
		name: name, source: s, proto: ownEcho, keys: keys, callers: c.callers, seed: c.seed, spread: c.spread,
		waiting: make([]atomic.Int32, len(keys)), errors: make(map[string]int),
	}
}

// result is what a crowd came to.
type result struct {
	*crowd
	accepts                         []int
	took                            time.Duration
	goroutines, descriptors         int // at the end, after the source was closed
	goroutinesWere, descriptorsWere int
}

// stage runs one crowd with the faults and counts at the servers.
func stage(one *crowd, farm *farm, f faults, tr *tracer, traced bool, out io.Writer) (result, error) {
	res := result{crowd: one}
	if err := f.prepare(farm); err != nil {
		return res, err
	}
	res.goroutinesWere, res.descriptorsWere = runtime.NumGoroutine(), descriptors()
	injected := make(chan error, 1)
	go func() { injected <- f.inject(farm) }()
	watchLive(one, tr, traced, out, &res.took)
	if err := <-injected; err != nil {
		return res, err
	}
	var err error
	if res.accepts, err = farm.accepts(); err != nil {
		return res, err
	}
	if err := one.source.close(); err != nil {
		return res, fmt.Errorf("%s: close: %w", one.name, err)
	}
	res.goroutines, res.descriptors = settle(res.goroutinesWere, res.descriptorsWere)
	return res, nil
}

// watchLive runs the crowd and says each second how far it is.
func watchLive(one *crowd, tr *tracer, traced bool, out io.Writer, took *time.Duration) {
	done := make(chan struct{})
	start := time.Now()
	go func() {
		defer close(done)
		one.run()
	}()
	line, sample := time.NewTicker(time.Second), time.NewTicker(10*time.Millisecond)
	defer line.Stop()
	defer sample.Stop()
	for {
		select {
		case <-done:
			*took = time.Since(start)
			fmt.Fprintf(out, "%-12s %s\n", one.name, one.progress(*took))
			return
		case <-line.C:
			fmt.Fprintf(out, "%-12s %s\n", one.name, one.progress(time.Since(start)))
		case <-sample.C:
			if traced {
				tr.sample(one.waiting)
			}
		}
	}
}

func (c *crowd) progress(at time.Duration) string {
	return fmt.Sprintf("%4.1fs  %6d of %d ended  %6d answered  %4d gave up  %5d retries",
		at.Seconds(), c.ended(), c.callers, c.answered.Load(), c.gaveUp.Load(), c.retries.Load())
}

// settle waits until goroutines and descriptors are back where they were, or
// ten seconds have passed, and returns their numbers.
func settle(goroutines, fds int) (int, int) {
	for range 1000 {
		if runtime.NumGoroutine() <= goroutines && descriptors() <= fds {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return runtime.NumGoroutine(), descriptors()
}

// runAgainst lets the onceconn crowd loose on servers that run already.
func runAgainst(c config, out io.Writer) (ok bool, err error) {
	proto := plainEcho
	if c.redis {
		proto = resp
	}
	fmt.Fprintf(out, "%d callers, %d keys: %v\n", c.callers, len(c.targets), c.targets)
	var count tally
	tr := newTracer(c.targets)
	one := newCrowd(c, "onceconn", newShared(proto, tr.hooks(&count)), c.targets)
	one.proto = proto
	res := result{crowd: one, goroutinesWere: runtime.NumGoroutine(), descriptorsWere: descriptors()}
	watchLive(one, tr, true, out, &res.took)
	if err := one.source.close(); err != nil {
		return false, err
	}
	res.goroutines, res.descriptors = settle(res.goroutinesWere, res.descriptorsWere)
	writeTable(out, []result{res})
	return conclude(c, tr, checkTargets(res, &count), out)
}

// conclude writes the checks and the timeline.
func conclude(c config, tr *tracer, checks []check, out io.Writer) (ok bool, err error) {
	ok = writeChecks(out, checks)
	if c.trace == "" {
		return ok, nil
	}
	file, err := os.Create(c.trace)
	if err != nil {
		return ok, err
	}
	err = tr.writeSVG(file)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		fmt.Fprintln(out, "timeline:", c.trace)
	}
	return ok, err
}

// startRedis starts a redis-server that keeps nothing.
func startRedis() (addr string, stop func(), err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, fmt.Errorf("-redis without an address needs an installed redis-server: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no")
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() }
	addr = "127.0.0.1:" + port
	if err := awaitListener(addr); err != nil {
		stop()
		return "", nil, err
	}
	return addr, stop, nil
}
