package suites

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"example.com/interlock/aio"
	"example.com/interlock/tools/bench"
	"example.com/interlock/tools/bench/echo"
)

func aioCore(r *bench.Runner) error {
	for _, measure := range []func(*bench.Runner) error{aioEcho, aioMemory, aioSyscalls, aioDial, aioPendingDials, aioIdle, aioBreadth} {
		if err := measure(r); err != nil {
			return err
		}
	}
	r.Value("size of an FD", bench.AtMost(120), "B", float64(unsafe.Sizeof(aio.FD{})))
	r.Value("size of an Op", bench.AtMost(120), "B", float64(unsafe.Sizeof(aio.Op{})))
	return nil
}

// A cell is one load: messages of a size over a number of connections.
type cell struct {
	size, conns  int
	net, c, best bench.Bound // CPU per request of completion style against each
	blocking     bench.Bound // CPU per request of blocking style against net
}

func (c cell) String() string { return fmt.Sprintf("%d B × %d", c.size, c.conns) }

var cells = []cell{
	{size: 64, conns: 1, net: bench.AtMost(0.85), best: bench.AtMost(0.85)},
	{size: 64, conns: 100, net: bench.AtMost(0.74), c: bench.AtMost(1.05), best: bench.AtMost(0.85), blocking: bench.AtMost(1)},
	{size: 64, conns: 1000, net: bench.AtMost(0.70), c: bench.AtMost(1.05), best: bench.AtMost(0.85), blocking: bench.AtMost(1)},
	{size: 4096, conns: 100, net: bench.AtMost(0.80), best: bench.AtMost(0.85)},
	{size: 4096, conns: 1000, net: bench.AtMost(0.80), best: bench.AtMost(0.85)},
}

// aioEcho runs all servers at once, idle but for the one under load, and lets
// each have its turn in every round.
func aioEcho(r *bench.Runner) error {
	names := append([]string{"aio", "net", "aio blocking", "C epoll"}, echo.Peers()...)
	var running []*echo.Process
	for _, name := range names {
		p, err := echo.Start(name)
		if err != nil {
			if name == "C epoll" {
				fmt.Fprintln(r.Log, "aio: no row against C:", err)
				continue
			}
			return err
		}
		defer p.Stop()
		running = append(running, p)
	}
	for _, c := range cells {
		if r.Quick && c.size > 64 {
			continue
		}
		cost, err := echoCell(r, c, running)
		if err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
		echoRows(r, c, cost)
	}
	return nil
}

// echoCell returns the CPU time per request of every server, in microseconds,
// one sample a round.
func echoCell(r *bench.Runner, c cell, servers []*echo.Process) (map[string][]float64, error) {
	rounds, span := 7, 400*time.Millisecond
	if r.Quick {
		rounds, span = 3, 200*time.Millisecond
	}
	cost := make(map[string][]float64)
	for round := range rounds {
		for i := range servers {
			p := servers[(i+round)%len(servers)]
			v, err := cpuPerRequest(p, c, span)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.Name, err)
			}
			cost[p.Name] = append(cost[p.Name], v)
		}
	}
	return cost, nil
}

func cpuPerRequest(p *echo.Process, c cell, span time.Duration) (float64, error) {
	load, err := echo.Dial(p.Addr, c.conns, c.size)
	if err != nil {
		return 0, err
	}
	defer load.Close()
	if _, err := load.Run(span / 8); err != nil { // every connection is accepted and warm
		return 0, err
	}
	before, err := p.CPU()
	if err != nil {
		return 0, err
	}
	requests, err := load.Run(span)
	if err != nil {
		return 0, err
	}
	after, err := p.CPU()
	return float64(after-before) / float64(requests) / 1e3, err
}

func echoRows(r *bench.Runner, c cell, cost map[string][]float64) {
	against := func(style, other string, b bench.Bound) {
		if cost[other] == nil {
			return
		}
		r.Samples(fmt.Sprintf("echo %v, %s, CPU per request", c, style), b, "us", other, cost[style], cost[other], ratios(cost[style], cost[other]))
	}
	against("aio", "net", c.net)
	against("aio", "C epoll", c.c)
	best := math.Inf(1)
	peer := ""
	for _, name := range echo.Peers() {
		if m := median(cost[name]); m < best {
			best, peer = m, name
		}
	}
	against("aio", peer, c.best)
	r.Note("the best of %s", strings.Join(echo.Peers(), ", "))
	against("aio blocking", "net", c.blocking)
}

func ratios(a, b []float64) []float64 {
	q := make([]float64, len(a))
	for i := range a {
		q[i] = a[i] / b[i]
	}
	return q
}

// idleConns is how many connections memory is measured over: both ends live
// on this machine, under the usual limit of open files.
const idleConns = 8000

// aioMemory measures what a server's process holds for each idle connection
// that has echoed once, and what it allocates for each echo.
func aioMemory(r *bench.Runner) error {
	perConn, mallocs := map[string]float64{}, map[string]float64{}
	for _, name := range []string{"aio", "aio blocking", "net"} {
		var err error
		if perConn[name], mallocs[name], err = idleCost(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	r.Value("user memory per idle connection, completion style", bench.AtMost(256), "B", perConn["aio"])
	a, b := perConn["aio blocking"], perConn["net"]
	r.Samples("user memory per idle connection, blocking style", bench.AtMost(0.35), "B", "net", []float64{a}, []float64{b}, []float64{a / b})
	r.Value("allocations per echo, completion style", bench.AtMost(0.01), "allocs", mallocs["aio"])
	r.Value("allocations per echo, blocking style", bench.AtMost(0.01), "allocs", mallocs["aio blocking"])
	return nil
}

func idleCost(name string) (perConn, mallocs float64, err error) {
	p, err := echo.Start(name)
	if err != nil {
		return 0, 0, err
	}
	defer p.Stop()
	empty, _, err := p.Memory()
	if err != nil {
		return 0, 0, err
	}
	load, err := echo.Dial(p.Addr, idleConns, 64)
	if err != nil {
		return 0, 0, err
	}
	defer load.Close()
	if _, err := load.Run(0); err != nil {
		return 0, 0, err
	}
	full, before, err := p.Memory()
	if err != nil {
		return 0, 0, err
	}
	requests, err := load.Run(500 * time.Millisecond)
	if err != nil {
		return 0, 0, err
	}
	_, after, err := p.Memory()
	return (full - empty) / idleConns, (after - before) / float64(requests), err
}

// aioSyscalls counts system calls under strace.
func aioSyscalls(r *bench.Runner) error {
	strace, err := exec.LookPath("strace")
	if err != nil {
		fmt.Fprintln(r.Log, "aio: no row of system calls: strace is not installed")
		return nil
	}
	dir, err := os.MkdirTemp("", "interlock-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	counts := filepath.Join(dir, "counts")
	p, err := echo.Start("aio", strace, "-f", "-c", "-o", counts)
	if err != nil {
		return err
	}
	load, err := echo.Dial(p.Addr, 100, 64)
	if err != nil {
		return err
	}
	requests, err := load.Run(3 * time.Second)
	load.Close()
	p.Stop()
	if err != nil {
		return err
	}
	table, err := os.ReadFile(counts)
	if err != nil {
		return err
	}
	r.Value("system calls per echo, 100 connections", bench.AtMost(2.02), "", ioCalls(string(table))/float64(requests))
	r.Note("read, write, epoll_wait, epoll_ctl; the runtime's own sleeps and futexes left out")
	return nil
}

// ioCalls adds up the calls of strace's table that belong to I/O.
func ioCalls(table string) (total float64) {
	counted := map[string]bool{}
	for _, name := range strings.Fields("read write readv writev recvfrom sendto recvmsg sendmsg epoll_wait epoll_pwait epoll_pwait2 epoll_ctl") {
		counted[name] = true
	}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) >= 5 && counted[f[len(f)-1]] {
			n, _ := strconv.ParseFloat(f[3], 64)
			total += n
		}
	}
	return total
}
