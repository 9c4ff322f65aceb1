package suites

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/onceconn/dial"
	"example.com/interlock/tools/bench"
)

// onceHangUp measures from a peer's close to the watch's call, and what a
// watched connection costs.
func onceHangUp(r *bench.Runner) error {
	ring, err := aio.New(nil)
	if err != nil {
		return err
	}
	defer ring.Close()
	var took []float64
	for range 201 {
		d, err := hangUp(ring)
		if err != nil {
			return err
		}
		took = append(took, float64(d.Nanoseconds())/1e3)
	}
	slices.Sort(took)
	r.Value("peer closes until the watch calls, median", bench.AtMost(50), "us", took[len(took)/2])
	return watchedMemory(r, ring)
}

func hangUp(ring *aio.Ring) (time.Duration, error) {
	near, far, err := connected()
	if err != nil {
		return 0, err
	}
	defer near.Close()
	dead := make(chan time.Time, 1)
	stop, err := dial.WatchConn(ring, near, dial.WatchOptions{}, func(error) { dead <- time.Now() })
	if err != nil {
		return 0, err
	}
	defer stop()
	start := time.Now()
	far.Close()
	return (<-dead).Sub(start), nil
}

// connected returns both ends of a TCP connection on loopback.
func connected() (near, far net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	far, err = l.Accept()
	return near, far, err
}

func watchedMemory(r *bench.Runner, ring *aio.Ring) error {
	const conns = 2000
	var near, far [conns]net.Conn
	for i := range near {
		var err error
		if near[i], far[i], err = connected(); err != nil {
			return err
		}
	}
	var stops []func()
	var failed error
	bytes := bench.LiveBytes(func() any {
		stops = make([]func(), 0, conns)
		for _, c := range near {
			stop, err := dial.WatchConn(ring, c, dial.WatchOptions{}, func(error) {})
			if err != nil {
				failed = err
				return nil
			}
			stops = append(stops, stop)
		}
		return stops
	})
	if failed != nil {
		return failed
	}
	r.Value("bytes per watched connection", bench.AtMost(128), "B", bytes/conns-8)
	for i := range near {
		stops[i]()
		near[i].Close()
		far[i].Close()
	}
	return nil
}

// onceDial compares the rate of dials, 64 in flight, with net.Dialer's.
func onceDial(r *bench.Runner) error {
	sinks, err := newSinks(8)
	if err != nil {
		return err
	}
	defer sinks.close()
	d := &dial.Dialer{}
	defer d.Close()
	std := &net.Dialer{}
	ours, err := sinks.addrs().rates(64, d.DialContext)
	if err != nil {
		return err
	}
	ref, err := sinks.addrs().rates(64, std.DialContext)
	if err != nil {
		return err
	}
	r.Versus("dials through onceconn/dial, 64 in flight", bench.AtLeast(1.25), "k/s", "net.Dialer", alternate(ours, ref))
	return nil
}

// sinks are listeners whose connections are accepted and kept until their
// clients leave.
type sinks struct {
	listeners []net.Listener
	wg        sync.WaitGroup
}

func newSinks(n int) (*sinks, error) {
	s := &sinks{}
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.close()
			return nil, err
		}
		s.listeners = append(s.listeners, l)
		s.wg.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				s.wg.Go(func() {
					c.Read(make([]byte, 1))
					c.Close()
				})
			}
		})
	}
	return s, nil
}

func (s *sinks) addrs() (t targets) {
	for _, l := range s.listeners {
		t = append(t, l.Addr().String())
	}
	return t
}

func (s *sinks) close() {
	for _, l := range s.listeners {
		l.Close()
	}
	s.wg.Wait()
}

// reset closes c so that no port is left behind that waits. Both sides of a
// pair must end their connections alike: those that wait make every later
// connect look longer for a free port.
func reset(c net.Conn) error {
	if own, ok := c.(*dial.Conn); ok {
		c = own.NetConn()
	}
	switch c := c.(type) {
	case *net.TCPConn:
		c.SetLinger(0)
		return c.Close()
	case *aio.Conn:
		return c.FD().Reset()
	}
	return fmt.Errorf("no way to reset a %T", c)
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dials is how many a sample takes.
const dials = 4000

// targets are the addresses that dials go to in turn.
type targets []string

// rates returns a function that makes the dials, inFlight at once, and gives
// thousands of dials a second. One dial is tried first.
func (t targets) rates(inFlight int, dial dialFunc) (func() float64, error) {
	one := func(i int) error {
		c, err := dial(context.Background(), "tcp", t[i%len(t)])
		if err != nil {
			return err
		}
		return reset(c)
	}
	if err := one(0); err != nil {
		return nil, err
	}
	return func() float64 {
		var failed atomic.Int64
		start := time.Now()
		spread(inFlight, dials, func(w, n int) {
			for i := range n {
				if one(w+i) != nil {
					failed.Add(1)
				}
			}
		})
		done := dials - failed.Load()
		return float64(done) / time.Since(start).Seconds() / 1e3
	}, nil
}
