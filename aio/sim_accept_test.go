//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
	"pgregory.net/rapid"
)

// The property, for any history of connects and accepts on a kernel that is
// short of descriptors, aborts connections and takes its time: each operation
// completes once; every connection that was made is accepted by exactly one
// accept, or in the queue, or was given up by its client; once the shortage is
// over no accept waits while a connection does; and no descriptor is lost.
func TestPropConnections(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		rapid.Check(t, func(t *rapid.T) {
			h := newDials(t, m)
			t.Repeat(map[string]func(*rapid.T){
				"accept":  h.accept,
				"connect": h.connect,
				"cancel":  h.cancel,
				"leave":   h.leave,
				"turn":    func(*rapid.T) { h.s.turn() },
				"time":    func(t *rapid.T) { h.s.k.Advance(time.Duration(rapid.IntRange(1, 1e9).Draw(t, "ns"))) },
			})
			h.end()
		})
	})
}

// dials is a ring with a listener and the operations that were started.
type dials struct {
	t        *rapid.T
	s        *simRing
	l        *aio.FD
	at       sys.Addr
	accepts  []*dial
	connects []*dial
}

// dial is an accept or a connect.
type dial struct {
	h         *dials
	op        aio.Op
	fd        *aio.FD // the client's
	completed int
	canceled  bool
	left      bool // the client has closed
	err       error
	got       *aio.FD
}

func newDials(t *rapid.T, m simkernel.Manners) *dials {
	chance := func(name string) float64 { return []float64{0, 0.1, 0.5}[rapid.IntRange(0, 2).Draw(t, name)] }
	h := &dials{t: t, s: newSimRing(t, simkernel.Config{
		Manners: m,
		Seed:    rapid.Uint64().Draw(t, "seed"),
		Latency: rapid.SampledFrom([]int64{0, 1e6}).Draw(t, "latency"),
		Files:   rapid.SampledFrom([]int{16, 1000}).Draw(t, "files"),
		Chance:  simkernel.Chance{Abort: chance("abort"), NoFiles: chance("nofiles"), Interrupt: chance("interrupt"), Spurious: chance("spurious"), Stale: chance("stale")},
	})}
	network, address := "tcp", "127.0.0.1:80"
	h.at = sys.Addr{IP: netip.MustParseAddrPort(address)}
	if rapid.Bool().Draw(t, "unix") {
		network, address = "unix", "/l"
		h.at = sys.Addr{Path: address, Unix: true}
	}
	l, err := h.s.Listen(network, address, &aio.ListenOptions{Backlog: rapid.IntRange(1, 4).Draw(t, "backlog")})
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	h.l = l
	return h
}

// Complete is called by the ring.
func (d *dial) Complete(op *aio.Op) {
	d.completed++
	_, d.err = op.Result()
	d.got = op.Accepted()
	if d.canceled != (d.err == aio.ErrCanceled) {
		d.h.t.Errorf("Cancel said %v, the operation ended with %v", d.canceled, d.err)
	}
	if d.err != nil && d.got != nil {
		d.h.t.Errorf("an accept that failed has a connection")
	}
}

func (h *dials) accept(*rapid.T) {
	d := &dial{h: h}
	h.accepts = append(h.accepts, d)
	d.op.PrepAccept(h.l)
	d.op.Start(d)
}

func (h *dials) connect(t *rapid.T) {
	domain := syscall.AF_INET
	if h.at.Unix {
		domain = syscall.AF_UNIX
	}
	fd, err := h.s.Socket(domain, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Skip("no descriptor is left")
	}
	d := &dial{h: h, fd: fd}
	h.connects = append(h.connects, d)
	if h.at.Unix {
		d.op.PrepConnectUnix(fd, h.at.Path)
	} else {
		d.op.PrepConnect(fd, h.at.IP)
	}
	d.op.Start(d)
}

func (h *dials) cancel(t *rapid.T) {
	all := append(append([]*dial(nil), h.accepts...), h.connects...)
	if len(all) == 0 {
		t.Skip("nothing was started")
	}
	if d := rapid.SampledFrom(all).Draw(t, "operation"); d.op.Cancel() {
		d.canceled = true
	}
}

func (h *dials) leave(t *rapid.T) {
	if len(h.connects) == 0 {
		t.Skip("no client")
	}
	d := rapid.SampledFrom(h.connects).Draw(t, "client")
	if d.fd.Close() == nil {
		d.left = true
	}
}

func (h *dials) end() {
	h.s.k.Heal()
	h.rest()
	waiting := 0
	for _, d := range h.accepts {
		if d.op.Pending() {
			waiting++
		}
	}
	accepted := h.drain(waiting > 0)
	made, left := 0, 0
	for _, d := range h.connects {
		switch {
		case d.left:
			left++
		case d.completed > 0 && d.err == nil:
			made++
		}
	}
	if accepted < made || accepted > made+left+h.givenUp() {
		h.t.Errorf("%d connections accepted, %d made, %d left", accepted, made, left)
	}
	h.s.finish()
	for _, d := range append(h.accepts, h.connects...) {
		if d.completed != 1 {
			h.t.Errorf("an operation completed %d times", d.completed)
		}
	}
}

// rest lets everything happen that can: not settle, because a connect to a full
// backlog tries for ever.
func (h *dials) rest() {
	for range 100 {
		h.s.turn()
		h.s.k.Advance(50 * time.Millisecond)
	}
}

// givenUp counts the connects that were canceled: the handshake may have been
// over.
func (h *dials) givenUp() (n int) {
	for _, d := range h.connects {
		if d.canceled && !d.left {
			n++
		}
	}
	return n
}

// drain closes what was accepted, so that there are descriptors, and accepts
// what is left in the queue, until the listener has no more.
func (h *dials) drain(waiting bool) (accepted int) {
	for i := 0; ; i++ {
		for _, d := range h.accepts {
			if d.got != nil {
				accepted++
				_ = d.got.Close()
				d.got = nil
			}
		}
		h.rest()
		r, _ := h.s.k.Poll(h.l.Sysfd(), sys.Readable)
		idle := h.accepts[max(len(h.accepts)-1, 0):]
		switch {
		case h.anyGot(): // close them first: they hold the descriptors that the rest need
		case r != 0 && len(idle) > 0 && idle[0].op.Pending():
			h.t.Errorf("an accept hangs while a connection waits")
			return accepted
		case r == 0:
			return accepted
		case i > 1000:
			h.t.Fatalf("the queue does not end")
		}
		if r != 0 && !h.anyGot() {
			h.accept(nil)
			h.rest()
		}
	}
}

func (h *dials) anyGot() bool {
	for _, d := range h.accepts {
		if d.got != nil {
			return true
		}
	}
	return false
}

// Rings with a goroutine of their own, in a bubble: several goroutines read,
// write, cancel and close at once, and whoever waits is woken by the deadline
// at the latest. The kernel's time is the bubble's.
func TestSimThread(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		for seed := range uint64(8) {
			synctest.Test(t, func(t *testing.T) { echo(t, m, seed) })
		}
	})
}

func echo(t *testing.T, m simkernel.Manners, seed uint64) {
	k := simkernel.New(simkernel.Config{
		Manners: m, Seed: seed, Clock: simkernel.Flowing, Latency: int64(seed) * 1e5, Buffer: 64,
		Chance: simkernel.Chance{Short: 0.2, Interrupt: 0.1, Spurious: 0.2, Stale: 0.2, NoFiles: 0.2, Abort: 0.2},
	})
	mode := aio.Thread
	if m.Nests {
		mode = aio.Nested
	}
	r := must(aio.NewOn(k, &aio.Options{Poller: mode}))
	l := must(r.Listen("tcp", "127.0.0.1:7", nil))
	ctx := context.Background()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 3 {
			c, _, err := l.Accept(ctx)
			if err != nil {
				t.Errorf("accept: %v", err)
				return
			}
			wg.Go(func() { serve(t, c) })
		}
	})
	for i := range 3 {
		wg.Go(func() { ask(t, r, byte(i)) })
	}
	wg.Wait()
	// A read that nothing will ever end but its deadline, and one that the
	// ring's end does.
	rd, _, err := r.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_ = rd.SetReadDeadline(start.Add(time.Minute))
	_, err = rd.Read(ctx, make([]byte, 1))
	if d := time.Since(start); outcome(0, err) != "deadline" || d != time.Minute {
		t.Errorf("read: %v after %v", err, d)
	}
	_ = rd.SetReadDeadline(time.Time{})
	wg.Go(func() {
		if _, err := rd.Read(ctx, make([]byte, 1)); err != aio.ErrClosed {
			t.Errorf("read across the ring's end: %v", err)
		}
	})
	synctest.Wait()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if fds := k.Open(); len(fds) > 0 {
		t.Errorf("descriptors left open: %v", fds)
	}
	if bad := k.Misuse(); len(bad) > 0 {
		t.Errorf("calls on closed descriptors: %v", bad)
	}
}

// serve sends everything back.
func serve(t *testing.T, c *aio.FD) {
	buf := make([]byte, 50)
	for {
		n, err := c.Read(context.Background(), buf)
		if err != nil {
			if outcome(0, err) != "EOF" {
				t.Errorf("server's read: %v", err)
			}
			_ = c.Close()
			return
		}
		if _, err := c.WriteAll(context.Background(), buf[:n]); err != nil {
			t.Errorf("server's write: %v", err)
		}
	}
}

// ask is a client that wants its bytes back.
func ask(t *testing.T, r *aio.Ring, b byte) {
	ctx := context.Background()
	c, err := r.Dial(ctx, "tcp", netip.MustParseAddrPort("127.0.0.1:7"))
	if err != nil {
		t.Errorf("dial: %v", err)
		return
	}
	out, in := make([]byte, 1000), make([]byte, 1000)
	for i := range out {
		out[i] = b + byte(i)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := c.WriteAll(ctx, out); err != nil {
			t.Errorf("client's write: %v", err)
		}
	})
	if n, err := c.ReadFull(ctx, in); err != nil || string(in) != string(out) {
		t.Errorf("client's read: %d bytes, %v, equal %v", n, err, string(in) == string(out))
	}
	wg.Wait()
	if err := c.Close(); err != nil {
		t.Errorf("client's close: %v", err)
	}
}
