//go:build unix

package dial_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/onceconn/dial"
)

// BenchmarkDial64 is dialling with 64 dials in flight, against net.Dialer with the
// same options. Connections are closed with a reset, so that ports are not used up.
func BenchmarkDial64(b *testing.B) {
	s := serve(b, "tcp4", "127.0.0.1:0", nil)
	d := newDialer(b, nil)
	nd := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	each := func(name string, dial func(context.Context, string, string) (net.Conn, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			work := make(chan struct{})
			var wg sync.WaitGroup
			for range 64 {
				wg.Go(func() {
					for range work {
						c, err := dial(bg, "tcp4", s.addr())
						if err != nil {
							b.Error(err)
							return
						}
						raw, _ := c.(syscall.Conn).SyscallConn()
						raw.Control(func(fd uintptr) {
							syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
						})
						c.Close()
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			s.mu.Lock()
			for _, c := range s.conns {
				c.Close()
			}
			s.conns = nil
			s.mu.Unlock()
		})
	}
	each("dial", d.DialContext)
	each("net", nd.DialContext)
}

// BenchmarkWatchLatency is the time from the peer's close to the call of dead.
func BenchmarkWatchLatency(b *testing.B) {
	r := newRing(b)
	s := serve(b, "tcp4", "127.0.0.1:0", nil)
	var took []time.Duration
	for range 300 {
		c, err := net.Dial("tcp", s.addr())
		if err != nil {
			b.Fatal(err)
		}
		peer := s.conn(b, 0)
		s.mu.Lock()
		s.conns = s.conns[:0]
		s.mu.Unlock()
		seen := make(chan time.Time, 1)
		stop, err := dial.WatchConn(r, c, dial.WatchOptions{}, func(error) { seen <- time.Now() })
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		peer.Close()
		took = append(took, (<-seen).Sub(began))
		stop()
		c.Close()
	}
	slices.Sort(took)
	for b.Loop() { // the figure is the median
	}
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "ns/death")
}
