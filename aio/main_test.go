//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// patience is how long a test waits for what must happen. It is generous: the
// binary also runs on slow virtual machines.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if role := os.Getenv("AIO_TEST_ROLE"); role != "" {
		os.Exit(child(role))
	}
	// The runtime's poller, and where systems want it the source of random
	// numbers, have descriptors of their own from here on.
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	rand.Read(make([]byte, 1))
	code := m.Run()
	if code == 0 {
		if left := strayGoroutines(); left != "" {
			fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
			code = 1
		}
	}
	os.Exit(code)
}

// strayGoroutines are the stacks of goroutines of this package's making that
// do not end.
func strayGoroutines() string {
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		var left []string
		for i, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if i > 0 && strings.Contains(g, "interlock/aio") {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}

// openFDs counts the descriptors of the process by asking for each number.
func openFDs() (n int) {
	for fd := 0; fd < 4096; fd++ {
		if _, err := fcntlGetFD(fd); err == nil {
			n++
		}
	}
	return n
}

// modes are those of this machine: a kqueue cannot be nested.
var modes = func() []aio.PollerMode {
	if sys.Host().Poller() == sys.Kqueue {
		return []aio.PollerMode{aio.Thread, aio.Manual}
	}
	return []aio.PollerMode{aio.Nested, aio.Thread, aio.Manual}
}()

// drivenModes are those whose ring has a goroutine of its own.
var drivenModes = modes[:len(modes)-1]

// newRing makes a ring that is closed when the test ends, with everything back
// where it was: descriptors, operations, goroutines. A Manual ring is driven
// by a goroutine until then.
func newRing(t testing.TB, mode aio.PollerMode, k ...sys.Kernel) *aio.Ring {
	t.Helper()
	before := openFDs()
	kernel := sys.Host()
	if len(k) > 0 {
		kernel = k[0]
	}
	r, err := aio.NewOn(kernel, &aio.Options{Poller: mode})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	if mode == aio.Manual {
		go func() {
			defer close(ended)
			for {
				if _, err := r.Poll(context.Background(), 64); err != nil {
					return
				}
			}
		}()
	} else {
		close(ended)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		<-ended
		if n := r.Stats().Pending; n != 0 {
			t.Errorf("%d operations are left", n)
		}
		until(t, "descriptors are back", func() bool { return openFDs() <= before })
	})
	return r
}

// each runs a test on a ring of every mode.
func each(t *testing.T, test func(t *testing.T, r *aio.Ring)) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) { test(t, newRing(t, mode)) })
	}
}

// manual is a Manual ring that nobody drives but the test.
func manual(t testing.TB, k ...sys.Kernel) *aio.Ring {
	t.Helper()
	kernel := sys.Host()
	if len(k) > 0 {
		kernel = k[0]
	}
	r, err := aio.NewOn(kernel, &aio.Options{Poller: aio.Manual})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// soon is a context for what must not take long.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a condition that other goroutines bring about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// pending waits until the ring has n operations that wait.
func pending(t testing.TB, r *aio.Ring, n int64) {
	t.Helper()
	until(t, fmt.Sprintf("%d pending operations (now %d)", n, r.Stats().Pending), func() bool { return r.Stats().Pending == n })
}

// arrived waits until the system says that f is ready: what goes over the
// loopback of a network may be on its way for a while.
func arrived(t testing.TB, f *aio.FD, what sys.Ready) {
	t.Helper()
	until(t, "arrival", func() bool { got, _ := sys.Host().Poll(f.Sysfd(), what); return got&what != 0 })
}

// must is for calls that cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// shortDir is a new folder for sockets, whose paths have to be short, which
// those of t.TempDir are not.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "aio")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// collect is a Handler that keeps completions for the test's goroutine.
type collect chan *aio.Op

func (c collect) Complete(op *aio.Op) { c <- op }

// next is the next completion.
func (c collect) next(t testing.TB) *aio.Op {
	t.Helper()
	select {
	case op := <-c:
		return op
	case <-time.After(patience):
		t.Fatal("no completion")
		return nil
	}
}

// tcpPair is a connection: one end on the ring, the other in package net.
func tcpPair(t testing.TB, r *aio.Ring) (*aio.FD, *net.TCPConn) {
	t.Helper()
	l := must(r.Listen("tcp", "127.0.0.1:0", nil))
	defer l.Close()
	peer := must(net.Dial("tcp", l.LocalAddr().String())).(*net.TCPConn)
	t.Cleanup(func() { peer.Close() })
	f, from, err := l.Accept(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if from.String() != peer.LocalAddr().String() {
		t.Fatalf("accepted from %v, want %v", from, peer.LocalAddr())
	}
	return f, peer
}

// rawPair is a connection over a network, with the peer as a blocking number.
// Nobody has to drive the ring.
func rawPair(t testing.TB, r *aio.Ring) (*aio.FD, int) {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	peer := must(net.Dial("tcp", l.Addr().String())).(*net.TCPConn)
	defer peer.Close()
	conn := must(l.Accept()).(*net.TCPConn)
	defer conn.Close()
	file := must(peer.File())
	t.Cleanup(func() { file.Close() })
	return must(r.AdoptConn(conn)), int(file.Fd())
}

// unixPair is a pair of unix sockets, of which one is the ring's. The other is
// blocking.
func unixPair(t testing.TB, r *aio.Ring, typ int) (*aio.FD, int) {
	t.Helper()
	p := must(syscall.Socketpair(syscall.AF_UNIX, typ, 0))
	f := must(r.Adopt(p[0], aio.KindAuto))
	t.Cleanup(func() { syscall.Close(p[1]) })
	return f, p[1]
}
