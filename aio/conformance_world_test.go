//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

// world is a Manual ring on a kernel, the machine's or a simulated one, and a
// peer: descriptors that are used by calls on the same kernel.
type world struct {
	t      testing.TB
	k      sys.Kernel
	sim    *simkernel.Kernel // nil on the machine's kernel
	r      *aio.Ring
	system string
	dir    string
	alarm  *aio.FD // of a simulated kernel: see driveSim
	raw    map[int]bool
}

// simWorld and hostWorld make the two kinds.
func simWorld(t testing.TB, m simkernel.Manners) *world {
	w := &world{t: t, system: m.Name, dir: "/", raw: map[int]bool{}}
	w.sim = simkernel.New(simkernel.Config{Manners: m, Seed: 1})
	w.k = simkernel.NewDisk(w.sim, 0.5)
	w.open()
	w.alarm, _ = w.pair("pipe")
	return w
}

func hostWorld(t testing.TB) *world {
	return (&world{t: t, system: runtime.GOOS, dir: shortDir(t), k: sys.Host(), raw: map[int]bool{}}).open()
}

func (w *world) open() *world {
	w.r = must(aio.NewOn(w.k, &aio.Options{Poller: aio.Manual}))
	w.t.Cleanup(func() {
		if err := w.r.Close(); err != nil {
			w.t.Errorf("Close: %v", err)
		}
		for fd := range w.raw {
			w.k.Close(fd)
		}
		if w.sim == nil {
			return
		}
		if fds := w.sim.Open(); len(fds) > 0 {
			w.t.Errorf("descriptors left open: %v", fds)
		}
		if bad := w.sim.Misuse(); len(bad) > 0 {
			w.t.Errorf("calls on closed descriptors: %v", bad)
		}
	})
	return w
}

// kernel says that a call which must not fail has failed.
func (w *world) ok(e sys.Errno) {
	w.t.Helper()
	if e != 0 {
		w.t.Fatalf("unexpected: %v", e)
	}
}

// own keeps a raw descriptor until the end.
func (w *world) own(fd int, e sys.Errno) int {
	w.t.Helper()
	w.ok(e)
	w.raw[fd] = true
	return fd
}

func (w *world) close(fd int) {
	w.t.Helper()
	delete(w.raw, fd)
	w.ok(w.k.Close(fd))
}

// reset closes a raw tcp socket with RST.
func (w *world) reset(fd int) {
	w.t.Helper()
	w.ok(w.k.SetOption(fd, sys.OptReset, 1))
	w.close(fd)
}

// adopt gives a raw descriptor to the ring.
func (w *world) adopt(fd int) *aio.FD {
	w.t.Helper()
	delete(w.raw, fd)
	return must(w.r.Adopt(fd, aio.KindAuto))
}

// await looks again and again until something holds. It drives the ring too.
func (w *world) await(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		w.turn()
		if w.sim != nil {
			w.sim.Advance(time.Millisecond)
		} else {
			runtime.Gosched()
		}
		if time.Now().After(end) {
			w.t.Fatalf("did not happen: %s", what)
		}
	}
}

// turn polls without waiting.
func (w *world) turn() {
	w.t.Helper()
	w.settle()
	w.r.Wake()
	if _, err := w.r.Poll(context.Background(), 64); err != nil {
		w.t.Fatalf("Poll: %v", err)
	}
}

// drive polls until something holds; false: it did not within the time, which
// a simulated kernel's clock jumps through.
func (w *world) drive(limit time.Duration, holds func() bool) bool {
	w.t.Helper()
	if w.sim != nil {
		return w.driveSim(limit, holds)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for !holds() {
		if _, err := w.r.Poll(ctx, 64); ctx.Err() != nil {
			w.turn() // if we are late, what has come counts all the same
			return holds()
		} else if err != nil {
			w.t.Fatalf("Poll: %v", err)
		}
	}
	return true
}

// settle lets the ring's workers finish what they have, on a simulated kernel:
// its clock does not wait for them.
func (w *world) settle() {
	for w.sim != nil && w.r.Workers() > 0 {
		runtime.Gosched()
	}
}

// driveSim has a read of nothing with a deadline for its alarm clock.
func (w *world) driveSim(limit time.Duration, holds func() bool) bool {
	w.t.Helper()
	var alarm aio.Op
	alarm.PrepRead(w.alarm, make([]byte, 1))
	alarm.SetDeadline(w.sim.Time().Add(limit))
	rung := false
	alarm.Start(aio.HandlerFunc(func(*aio.Op) { rung = true }))
	for w.settle(); !holds() && !rung; w.settle() {
		if _, err := w.r.Poll(context.Background(), 64); err != nil {
			w.t.Fatalf("Poll: %v", err)
		}
	}
	alarm.Cancel()
	for !rung {
		w.turn()
	}
	return holds()
}

// job is an operation of the ring.
type job struct {
	w    *world
	op   aio.Op
	over bool
	buf  []byte
	n    int
	err  error
}

// start starts what prep has prepared.
func (w *world) start(prep func(op *aio.Op)) *job {
	j := &job{w: w}
	prep(&j.op)
	j.op.Start(j)
	return j
}

// Complete is called by the ring.
func (j *job) Complete(op *aio.Op) {
	if j.over {
		j.w.t.Error("completed twice")
	}
	j.over = true
	j.n, j.err = op.Result()
}

// result is the outcome, which must come. The time it has is for slow machines.
func (j *job) result() string {
	j.w.t.Helper()
	if !j.w.drive(patience, func() bool { return j.over }) {
		return "hangs"
	}
	return outcome(j.n, j.err)
}

// waits is "waits" if there is no outcome for a while, else the outcome.
func (j *job) waits() string {
	j.w.t.Helper()
	if !j.w.drive(20*time.Millisecond, func() bool { return j.over }) {
		return "waits"
	}
	return outcome(j.n, j.err)
}

// text is the outcome of a read, with what it has read.
func (j *job) text() string {
	j.w.t.Helper()
	s := j.result()
	if j.err == nil && j.n > 0 {
		return string(j.buf[:j.n])
	}
	return s
}

func (w *world) read(f *aio.FD, n int) *job {
	p := make([]byte, n)
	j := w.start(func(op *aio.Op) { op.PrepRead(f, p) })
	j.buf = p
	return j
}

func (w *world) write(f *aio.FD, p string) *job {
	return w.start(func(op *aio.Op) { op.PrepWrite(f, []byte(p)) })
}

func (w *world) writeAll(f *aio.FD, n int) *job {
	p := []byte(strings.Repeat("0123456789", n/10))
	return w.start(func(op *aio.Op) { op.PrepWriteAll(f, p) })
}

func (w *world) accept(f *aio.FD) *job {
	return w.start(func(op *aio.Op) { op.PrepAccept(f) })
}

func (w *world) wait(f *aio.FD, ask aio.Interest) *job {
	return w.start(func(op *aio.Op) { op.PrepWait(f, ask) })
}

func (w *world) connect(f *aio.FD, to sys.Addr) *job {
	return w.start(func(op *aio.Op) {
		if to.Unix {
			op.PrepConnectUnix(f, to.Path)
			return
		}
		op.PrepConnect(f, to.IP)
	})
}

// datagram is a socket of udp with an address.
func (w *world) datagram() *aio.FD {
	w.t.Helper()
	return must(w.r.ListenPacket("udp", loopback.IP.String(), nil))
}

func (w *world) recvFrom(f *aio.FD, n int) *job {
	p := make([]byte, n)
	j := w.start(func(op *aio.Op) { op.PrepRecvFrom(f, p) })
	j.buf = p
	return j
}

func (w *world) sendTo(f *aio.FD, p string, to netip.AddrPort) *job {
	return w.start(func(op *aio.Op) { op.PrepSendTo(f, []byte(p), to) })
}

// The peer's side.

func (w *world) socket(unix bool) int {
	w.t.Helper()
	if unix {
		return w.own(w.k.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
	}
	return w.own(w.k.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
}

var loopback = sys.Addr{IP: netip.MustParseAddrPort("127.0.0.1:0")}

// listen makes a raw listener and tells its address.
func (w *world) listen(unix bool, backlog int) (fd int, at sys.Addr) {
	w.t.Helper()
	fd, at = w.socket(unix), loopback
	if unix {
		at = w.path("listen")
	}
	w.ok(w.k.Bind(fd, at, false))
	w.ok(w.k.Listen(fd, backlog))
	at, e := w.k.SockName(fd)
	w.ok(e)
	return fd, at
}

func (w *world) path(name string) sys.Addr {
	p := filepath.Join(w.dir, name)
	if w.sim == nil {
		os.Remove(p)
	} else {
		w.sim.Unlink(p)
	}
	return sys.Addr{Path: p, Unix: true}
}

// dial connects a raw socket and waits until it is connected.
func (w *world) dial(to sys.Addr) int {
	w.t.Helper()
	fd := w.socket(to.Unix)
	if e := w.k.Connect(fd, to, false); e != syscall.EINPROGRESS {
		w.ok(e)
	}
	w.await("connect", func() bool { return w.k.Connected(fd) })
	return fd
}

// take accepts on a raw listener.
func (w *world) take(l int) (fd int) {
	w.t.Helper()
	w.await("accept", func() bool {
		n, _, e := w.k.Accept(l)
		if e == syscall.EAGAIN {
			return false
		}
		fd = w.own(n, e)
		return true
	})
	return fd
}

// pair is a connection of a kind: the first end on the ring, the other raw.
// The first end of a pipe is the one to read, of "writer" the one to write.
func (w *world) pair(kind string) (*aio.FD, int) {
	w.t.Helper()
	switch kind {
	case "pipe", "writer":
		rd, wr, e := w.k.Pipe()
		w.own(rd, e)
		w.own(wr, e)
		if kind == "pipe" {
			return w.adopt(rd), wr
		}
		return w.adopt(wr), rd
	}
	l, at := w.listen(kind == "unix", 4)
	c := w.dial(at)
	s := w.take(l)
	w.close(l)
	return w.adopt(c), s
}

// say writes from the peer.
func (w *world) say(fd int, s string) {
	w.t.Helper()
	n, e := w.k.Write(fd, []byte(s))
	if e != 0 || n != len(s) {
		w.t.Fatalf("the peer's write of %d bytes: %d, %v", len(s), n, e)
	}
}

// hear reads at the peer, as soon as there is something.
func (w *world) hear(fd, size int) (s string) {
	w.t.Helper()
	w.await("the peer's read", func() bool {
		p := make([]byte, size)
		n, e := w.k.Read(fd, p)
		switch {
		case e == syscall.EAGAIN:
			return false
		case e != 0:
			s = errnoName(e)
		case n == 0:
			s = "EOF"
		default:
			s = string(p[:n])
		}
		return true
	})
	return s
}

// fill writes from f until it waits, and returns the operation that does.
func (w *world) fill(f *aio.FD) *job {
	w.t.Helper()
	j := w.writeAll(f, 32<<20)
	if s := j.waits(); s != "waits" {
		w.t.Fatalf("32 MiB fit into a buffer: %s", s)
	}
	return j
}
