package dial_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/onceconn/dial"
)

// bell is the dead function of a test.
type bell struct {
	rings atomic.Int64
	first chan error
}

func newBell() *bell { return &bell{first: make(chan error, 1)} }

func (b *bell) ring(cause error) {
	if b.rings.Add(1) == 1 {
		b.first <- cause
	}
}

func (b *bell) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-b.first:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the death was not seen")
		return nil
	}
}

func watch(t testing.TB, r *aio.Ring, c net.Conn, o dial.WatchOptions, b *bell) (stop func()) {
	t.Helper()
	stop, err := dial.WatchConn(r, c, o, b.ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return stop
}

// quiet checks that nothing has rung although events had their time: another
// connection's death, which comes after, was seen.
func quiet(t *testing.T, r *aio.Ring, b *bell, when string) {
	t.Helper()
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other := newBell()
	stop, err := dial.WatchConn(r, c, dial.WatchOptions{}, other.ring)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s.conn(t, 0).Close()
	other.wait(t)
	if n := b.rings.Load(); n != 0 {
		t.Errorf("%s: dead was called %d times, with %v", when, n, <-b.first)
	}
}

// The ways in which a peer goes, over each kind of connection.
func TestWatchSeesDeath(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	d := newDialer(t, &dial.Dialer{Ring: r})
	std := func(t *testing.T, address string) net.Conn {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	over := func(t *testing.T, address string) net.Conn { return connect(t, d, "tcp", address) }
	for name, open := range map[string]func(*testing.T, string) net.Conn{"net": std, "dial": over} {
		t.Run(name, func(t *testing.T) {
			for how, kill := range map[string]struct {
				f    func(*net.TCPConn)
				want error
			}{
				"FIN":        {func(c *net.TCPConn) { c.Close() }, io.EOF},
				"RST":        {func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, syscall.ECONNRESET},
				"half close": {func(c *net.TCPConn) { c.CloseWrite() }, io.EOF},
				"data and FIN": {func(c *net.TCPConn) {
					c.Write([]byte("bye"))
					c.Close()
				}, io.EOF},
			} {
				t.Run(how, func(t *testing.T) {
					s := serve(t, "tcp4", "127.0.0.1:0", nil)
					b := newBell()
					stop := watch(t, r, open(t, s.addr()), dial.WatchOptions{}, b)
					quiet(t, r, b, "before")
					kill.f(s.conn(t, 0).(*net.TCPConn))
					if err := b.wait(t); !errors.Is(err, kill.want) {
						t.Errorf("cause %v, want %v", err, kill.want)
					}
					stop()
					stop()
					if n := b.rings.Load(); n != 1 {
						t.Errorf("dead was called %d times", n)
					}
				})
			}
		})
	}
}

// A peer that hung up before the watch began.
func TestWatchOfTheDead(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", func(c net.Conn) { c.Close() })
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	b := newBell()
	watch(t, r, c, dial.WatchOptions{}, b)
	b.wait(t)
}

func TestWatchUnix(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	path := socketPath(t)
	s := serve(t, "unix", path, nil)
	d := newDialer(t, &dial.Dialer{Ring: r})
	b := newBell()
	watch(t, r, connect(t, d, "unix", path), dial.WatchOptions{}, b)
	s.conn(t, 0).Close()
	if err := b.wait(t); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestWatchHalfClose(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	d := newDialer(t, &dial.Dialer{Ring: r})
	c := connect(t, d, "tcp", s.addr())
	b := newBell()
	watch(t, r, c, dial.WatchOptions{HalfCloseOK: true}, b)
	peer := s.conn(t, 0).(*net.TCPConn)
	peer.CloseWrite()
	quiet(t, r, b, "half closed")
	if _, err := c.Write([]byte("still heard")); err != nil {
		t.Error(err)
	}
	buf := make([]byte, 11)
	if _, err := io.ReadFull(peer, buf); err != nil {
		t.Error(err)
	}
	peer.SetLinger(0)
	peer.Close()
	if err := b.wait(t); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

func TestWatchUnsolicited(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	d := newDialer(t, &dial.Dialer{Ring: r})
	calm, strict := newBell(), newBell()
	c := connect(t, d, "tcp", s.addr())
	watch(t, r, c, dial.WatchOptions{}, calm)
	s.conn(t, 0).Write([]byte("x"))
	quiet(t, r, calm, "data on a connection that may get some")
	c2 := connect(t, d, "tcp", s.addr())
	watch(t, r, c2, dial.WatchOptions{EvictUnsolicited: true}, strict)
	s.conn(t, 1).Write([]byte("x"))
	if err := strict.wait(t); errors.Is(err, io.EOF) {
		t.Errorf("cause %v", err)
	}
	buf := make([]byte, 1)
	if _, err := c.Read(buf); err != nil || buf[0] != 'x' {
		t.Errorf("the watch took data away: %q, %v", buf, err)
	}
}

func TestWatchTLS(t *testing.T) {
	noLeak(t)
	web := httptest.NewTLSServer(http.NotFoundHandler())
	defer web.Close()
	r := newRing(t)
	d := newDialer(t, &dial.Dialer{Ring: r, TLS: &tls.Config{InsecureSkipVerify: true}})
	b := newBell()
	watch(t, r, connect(t, d, "tcp", web.Listener.Addr().String()), dial.WatchOptions{}, b)
	web.CloseClientConnections()
	b.wait(t)
}

func TestWatchRefuses(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	a, p := net.Pipe()
	defer a.Close()
	defer p.Close()
	b := newBell()
	if _, err := dial.WatchConn(r, a, dial.WatchOptions{}, b.ring); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a pipe: %v", err)
	}
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	stop := watch(t, r, c, dial.WatchOptions{}, b)
	if linux { // a kqueue takes the second for a change of the first
		if _, err := dial.WatchConn(r, c, dial.WatchOptions{}, b.ring); err == nil {
			t.Error("watched twice")
		}
	}
	stop()
	again := watch(t, r, c, dial.WatchOptions{}, b)
	again()
	c.Close()
	if _, err := dial.WatchConn(r, c, dial.WatchOptions{}, b.ring); err == nil {
		t.Error("watched a closed connection")
	}
	for _, f := range []func(){
		func() { dial.WatchConn(r, c, dial.WatchOptions{}, nil) },
		func() { dial.WatchConn(nil, c, dial.WatchOptions{}, b.ring) },
		func() { dial.WatchConn(r, nil, dial.WatchOptions{}, b.ring) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
	closed, err := aio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	c2, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c2.Close()
	if _, err := dial.WatchConn(closed, c2, dial.WatchOptions{}, b.ring); !errors.Is(err, net.ErrClosed) {
		t.Errorf("on a closed ring: %v", err)
	}
	if n := dial.WatchSets(); n != 0 {
		t.Errorf("%d sets are left", n)
	}
}

// The ring is closed under a watch: it ends, without a word.
func TestWatchRingClosed(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := newBell()
	stop := watch(t, r, c, dial.WatchOptions{}, b)
	r.Close()
	waitFor(t, "the end of the set", func() bool { return dial.WatchSets() == 0 })
	stop()
	if b.rings.Load() != 0 {
		t.Error("the ring's end was taken for the peer's")
	}
}

// Who stops a watch is told nothing more of it, although the death was seen together
// with the one that made him stop it. To stop twice is to stop once.
func TestWatchStoppedByAnother(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	busy, free := make(chan struct{}), make(chan struct{})
	var told atomic.Int64
	var stops [3]func()
	for i, dead := range []func(error){
		func(error) { close(busy); <-free }, // both others die meanwhile
		func(error) { told.Add(1); stops[2](); stops[2]() },
		func(error) { told.Add(1); stops[1](); stops[1]() },
	} {
		c, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s.conn(t, i)
		if stops[i], err = dial.WatchConn(r, c, dial.WatchOptions{}, dead); err != nil {
			t.Fatal(err)
		}
		defer stops[i]()
	}
	s.conn(t, 0).Close()
	<-busy
	s.conn(t, 1).Close()
	s.conn(t, 2).Close()
	close(free)
	waitFor(t, "a death", func() bool { return told.Load() > 0 })
	quiet(t, r, newBell(), "after")
	if n := told.Load(); n != 1 {
		t.Errorf("%d were told", n)
	}
	last := newBell()
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	watch(t, r, c, dial.WatchOptions{}, last)
	for range 3 { // more often than there are others
		stops[0]()
	}
	s.conn(t, 3).Close()
	last.wait(t)
}

// A ring that takes no operations any more: what is watched on it can still die once,
// nothing new is watched, and nothing is left.
func TestWatchDrainingRing(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	peer := s.conn(t, 0).(*net.TCPConn)
	leavesNothing(t, func() {
		b := newBell()
		stop := watch(t, r, c, dial.WatchOptions{}, b)
		ended, cancel := context.WithCancel(bg)
		cancel()
		if err := r.Drain(ended); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		peer.CloseWrite()
		b.wait(t)
		waitFor(t, "the end of the set", func() bool { return dial.WatchSets() == 0 })
		if _, err := dial.WatchConn(r, c, dial.WatchOptions{}, b.ring); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a watch on a ring that drains: %v", err)
		}
		stop()
	})
	if n := dial.WatchSets(); n != 0 {
		t.Errorf("%d sets are left", n)
	}
}

// The owner closes a connection that somebody else still has open, as a child would
// or a duplicate: the peer's end is no news any more.
func TestWatchClosedByItsOwner(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	c, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	b := newBell()
	watch(t, r, c, dial.WatchOptions{}, b)
	c.Close()
	number, err := os.Open(os.DevNull) // takes the number
	if err != nil {
		t.Fatal(err)
	}
	defer number.Close()
	s.conn(t, 0).Close()
	quiet(t, r, b, "closed by its owner")
}

// Of many who watch one connection at once one is let, and is told.
func TestWatchTwiceAtOnce(t *testing.T) {
	noLeak(t)
	if !linux {
		t.Skip("a kqueue takes the second for a change of the first")
	}
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	for i := range 100 {
		c, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		b := newBell()
		stops := make(chan func(), 8)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for range cap(stops) {
			wg.Go(func() {
				<-start
				if stop, err := dial.WatchConn(r, c, dial.WatchOptions{}, b.ring); err == nil {
					stops <- stop
				}
			})
		}
		close(start)
		wg.Wait()
		if n := len(stops); n != 1 {
			t.Fatalf("%d watch one connection", n)
		}
		s.conn(t, i).Close()
		b.wait(t)
		(<-stops)()
		c.Close()
	}
}

// A descriptor's number is used again, with the old watch stopped late or never:
// no stranger is ever reported, and none is missed.
func TestWatchReusedNumbers(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	rounds := 4_000 // each leaves a port in TIME_WAIT, and those are few
	if testing.Short() || raceEnabled {
		rounds = 500
	}
	number := func(c net.Conn) (n uintptr) {
		raw, _ := c.(syscall.Conn).SyscallConn()
		raw.Control(func(fd uintptr) { n = fd })
		return n
	}
	pair := func() (net.Conn, net.Conn) {
		c, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		peer := s.conn(t, 0)
		s.mu.Lock()
		s.conns = s.conns[:0]
		s.mu.Unlock()
		return c, peer
	}
	var late []func()
	numbers := map[uintptr]int{}
	for i := range rounds {
		c, peer := pair()
		old := newBell()
		stop, err := dial.WatchConn(r, c, dial.WatchOptions{}, old.ring)
		if err != nil {
			t.Fatal(err)
		}
		numbers[number(c)]++
		if i%3 == 0 {
			late = append(late, stop) // after the number has another owner
		}
		c.Close()
		peer.Close()
		if i%3 == 1 {
			stop()
		} else if i%3 == 2 {
			late = append(late, stop)
		}
		if i%16 != 0 {
			continue
		}
		c2, peer2 := pair()
		fresh := newBell()
		stop2, err := dial.WatchConn(r, c2, dial.WatchOptions{}, fresh.ring)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range late {
			f()
		}
		late = late[:0]
		if old.rings.Load() != 0 || fresh.rings.Load() != 0 {
			t.Fatalf("round %d: a stranger's death was reported", i)
		}
		peer2.Close()
		fresh.wait(t)
		stop2()
		c2.Close()
	}
	for _, f := range late {
		f()
	}
	if len(numbers) > rounds/4 {
		t.Errorf("%d numbers in %d rounds: nothing was used again", len(numbers), rounds)
	}
}

// Watches that begin, end and fire from many goroutines.
func TestWatchStorm(t *testing.T) {
	noLeak(t)
	r := newRing(t)
	s := serve(t, "tcp4", "127.0.0.1:0", func(c net.Conn) {
		var one [1]byte
		c.Read(one[:]) // hangs up when told to
		c.Close()
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 60 {
				c, err := net.Dial("tcp", s.addr())
				if err != nil {
					t.Error(err)
					return
				}
				b := newBell()
				stop, err := dial.WatchConn(r, c, dial.WatchOptions{}, b.ring)
				if err != nil {
					t.Error(err)
				}
				if i%2 == 0 {
					c.Write([]byte("x"))
					select {
					case <-b.first:
					case <-time.After(10 * time.Second):
						t.Error("a death was not seen")
					}
				}
				stop()
				c.Close()
				if i%2 == 1 && b.rings.Load() != 0 {
					t.Error("a living connection was reported")
				}
			}
		})
	}
	wg.Wait()
	if n := dial.WatchSets(); n != 0 {
		t.Errorf("%d sets are left", n)
	}
}

// A watch costs no goroutine and at most 128 bytes, and one descriptor for all.
func TestWatchCost(t *testing.T) {
	noLeak(t)
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	r := newRing(t)
	const n = 400
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	s.conn(t, n-1)
	b := newBell()
	dead := b.ring
	first := watch(t, r, conns[0], dial.WatchOptions{}, b)
	stops := make([]func(), n)
	stops[0] = first
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	routines, files, before := runtime.NumGoroutine(), descriptors(), heap()
	for i := 1; i < n; i++ {
		stop, err := dial.WatchConn(r, conns[i], dial.WatchOptions{}, dead)
		if err != nil {
			t.Fatal(err)
		}
		stops[i] = stop
	}
	each := (int64(heap()) - int64(before)) / (n - 1)
	t.Logf("%d bytes per watch", each)
	if each > 128 {
		t.Errorf("%d bytes per watch", each)
	}
	waitFor(t, "no goroutine more", func() bool { return runtime.NumGoroutine() <= routines })
	if now := settle(files); now > files {
		t.Errorf("%d descriptors more", now-files)
	}
	for _, stop := range stops {
		stop()
	}
	runtime.KeepAlive(conns)
}
