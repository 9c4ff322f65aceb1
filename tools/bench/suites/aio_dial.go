package suites

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/tools/bench"
	"example.com/interlock/tools/bench/echo"
)

// aioDial compares rates of dials with net.Dialer's: to listeners in this
// process, with every processor, and to another process with one, as the C
// program has that dials over epoll.
func aioDial(r *bench.Runner) error {
	ring, err := aio.New(nil)
	if err != nil {
		return err
	}
	defer ring.Close()
	s, err := newSinks(8)
	if err != nil {
		return err
	}
	defer s.close()
	if err := aioDialTo(r, ring, s.addrs(), ""); err != nil {
		return err
	}
	server, err := echo.Start("net")
	if err != nil {
		return err
	}
	defer server.Stop()
	onProcs(1, func() { err = aioDialTo(r, ring, targets{server.Addr}, ", one processor") })
	if err != nil {
		return err
	}
	return aioDialC(r, ring, server.Addr)
}

func aioDialTo(r *bench.Runner, ring *aio.Ring, to targets, where string) error {
	flight, err := to.flight(ring, 64)
	if err != nil {
		return err
	}
	blocking, err := to.rates(1, func(ctx context.Context, network, address string) (net.Conn, error) {
		fd, err := ring.Dial(ctx, network, netip.MustParseAddrPort(address))
		if err != nil {
			return nil, err
		}
		return aio.NewConn(fd), nil
	})
	if err != nil {
		return err
	}
	std := &net.Dialer{}
	std64, err := to.rates(64, std.DialContext)
	if err != nil {
		return err
	}
	std1, err := to.rates(1, std.DialContext)
	if err != nil {
		return err
	}
	r.Versus("dials, 64 in flight, completion style"+where, bench.AtLeast(1.30), "k/s", "net.Dialer", alternate(flight, std64))
	r.Versus("dials, one at a time, blocking style"+where, bench.AtLeast(1.10), "k/s", "net.Dialer", alternate(blocking, std1))
	return nil
}

func aioDialC(r *bench.Runner, ring *aio.Ring, addr string) error {
	c, err := echo.StartDialer(addr, dials, 64)
	if err != nil {
		fmt.Fprintln(r.Log, "aio: no row of dials against C:", err)
		return nil
	}
	defer c.Stop()
	flight, err := targets{addr}.flight(ring, 64)
	if err != nil {
		return err
	}
	onProcs(1, func() {
		r.Versus("dials, 64 in flight, completion style, one processor", bench.AtLeast(0.95), "k/s", "C epoll", alternate(flight, func() float64 {
			took, failed := c.Run()
			if failed != nil {
				err = failed
			}
			return dials / took.Seconds() / 1e3
		}))
	})
	return err
}

// A flyer dials again and again in completion style.
type flyer struct {
	op    aio.Op
	fd    *aio.FD
	next  func() (*aio.FD, netip.AddrPort, bool)
	ended func(error)
}

func (f *flyer) Complete(*aio.Op) {
	_, err := f.op.Result()
	f.fd.Reset()
	if err != nil {
		f.ended(err)
		return
	}
	f.launch()
}

func (f *flyer) launch() {
	fd, to, ok := f.next()
	if !ok {
		f.ended(nil)
		return
	}
	f.fd = fd
	f.op.PrepConnect(fd, to)
	f.op.Start(f)
}

// flight returns a function that makes the dials with inFlight operations and no
// goroutine a dial, and gives thousands of dials a second.
func (t targets) flight(ring *aio.Ring, inFlight int) (func() float64, error) {
	var addrs []netip.AddrPort
	for _, addr := range t {
		addrs = append(addrs, netip.MustParseAddrPort(addr))
	}
	run := func() (float64, error) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		var failed error
		left := dials
		next := func() (*aio.FD, netip.AddrPort, bool) {
			mu.Lock()
			defer mu.Unlock()
			if left == 0 || failed != nil {
				return nil, netip.AddrPort{}, false
			}
			left--
			fd, err := ring.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
			if err != nil {
				failed = err
				return nil, netip.AddrPort{}, false
			}
			return fd, addrs[left%len(addrs)], true
		}
		ended := func(err error) {
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
			wg.Done()
		}
		start := time.Now()
		wg.Add(inFlight)
		for range inFlight {
			f := &flyer{next: next, ended: ended}
			f.launch()
		}
		wg.Wait()
		return dials / time.Since(start).Seconds() / 1e3, failed
	}
	if _, err := run(); err != nil {
		return nil, fmt.Errorf("dials in flight: %w", err)
	}
	return func() float64 {
		rate, err := run()
		if err != nil {
			return 0
		}
		return rate
	}, nil
}

// aioPendingDials measures what a dial that waits costs: connects to a
// listener whose backlog is full.
func aioPendingDials(r *bench.Runner) error {
	const pending = 1000
	ring, err := aio.New(nil)
	if err != nil {
		return err
	}
	defer ring.Close()
	full, to, err := fullListener()
	if err != nil {
		return err
	}
	defer full()
	goroutines := runtime.NumGoroutine()
	var failed error
	ops := make([]*aio.Op, 0, pending)
	bytes := bench.LiveBytes(func() any {
		for range pending {
			fd, err := ring.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
			if err != nil {
				failed = err
				return nil
			}
			op := new(aio.Op)
			op.PrepConnect(fd, to)
			op.Start(aio.HandlerFunc(func(*aio.Op) {}))
			ops = append(ops, op)
		}
		return nil
	})
	if failed != nil {
		return failed
	}
	waiting := 0
	for _, op := range ops {
		if op.Pending() {
			waiting++
		}
	}
	if waiting < pending/2 {
		return fmt.Errorf("only %d of %d dials are pending: the backlog is not full", waiting, pending)
	}
	r.Value("bytes per pending dial", bench.AtMost(256), "B", bytes/pending)
	r.Value("goroutines of 1,000 pending dials", bench.AtMost(0), "", float64(max(0, runtime.NumGoroutine()-goroutines)))
	return nil
}

// fullListener is a listener that accepts nothing more.
func fullListener() (close func(), to netip.AddrPort, err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, to, err
	}
	if err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		syscall.Close(fd)
		return nil, to, err
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		syscall.Close(fd)
		return nil, to, err
	}
	to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(sa.(*syscall.SockaddrInet4).Port))
	return func() { syscall.Close(fd) }, to, nil
}

// aioIdle counts the wake-ups of a ring that has only idle connections.
func aioIdle(r *bench.Runner) error {
	ring, err := aio.New(nil)
	if err != nil {
		return err
	}
	defer ring.Close()
	for range 10 {
		rd, wr, err := ring.Pipe()
		if err != nil {
			return err
		}
		defer wr.Close()
		op := new(aio.Op)
		op.PrepRead(rd, make([]byte, 1))
		op.Start(aio.HandlerFunc(func(*aio.Op) {}))
	}
	time.Sleep(50 * time.Millisecond) // what is to be armed is armed
	before := ring.Stats().Waits
	time.Sleep(time.Second)
	r.Value("wake-ups of an idle ring in a second", bench.AtMost(0), "", float64(ring.Stats().Waits-before))
	return nil
}
