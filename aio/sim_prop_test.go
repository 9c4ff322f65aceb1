//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
	"pgregory.net/rapid"
)

// The property, for any history of operations on any kernel:
//
//   - every operation completes exactly once, also across its descriptor's
//     close and the ring's;
//   - what the reads of a stream got, in the order in which they were started,
//     is what the writes to it wrote, in the order in which they were started;
//   - when nothing moves any more, whoever is first in line waits for
//     something that the kernel does not have;
//   - a canceled operation says so and leaves its buffer alone;
//   - no deadline is early, and none is forgotten;
//   - who waits for a hang-up hears of that of his own peer only;
//   - no descriptor is left open, none is used after its close.
func TestPropStreams(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		rapid.Check(t, func(t *rapid.T) {
			h := newHistory(t, m)
			for range rapid.IntRange(1, 3).Draw(t, "connections") {
				h.connect(rapid.SampledFrom([]string{"tcp", "unix", "pipe"}).Draw(t, "kind"))
			}
			t.Repeat(map[string]func(*rapid.T){
				"connect":  h.another,
				"read":     h.startRead,
				"write":    h.startWrite,
				"wait":     h.startWait,
				"cancel":   h.cancel,
				"shutdown": h.shutdown,
				"close":    h.closeEnd,
				"turn":     func(*rapid.T) { h.s.turn() },
				"time":     func(t *rapid.T) { h.s.k.Advance(time.Duration(rapid.IntRange(1, 1e6).Draw(t, "ns"))) },
				"settle":   func(*rapid.T) { h.settle() },
				"":         h.check,
			})
			h.end()
		})
	})
}

// history is a ring with connections and all operations that were started.
type history struct {
	t     *rapid.T
	s     *simRing
	ends  []*end
	tasks []*task
	byte  byte
}

// end is one end of a connection.
type end struct {
	fd     *aio.FD
	peer   *end
	reads  []*task // in the order in which they were started
	writes []*task
	closed bool
	shut   bool // it has said that it will send no more
	in     bool // it can be read: not the end of a pipe that is written to
	out    bool
}

// task is one operation.
type task struct {
	h         *history
	op        aio.Op
	end       *end
	what      string
	buf, was  []byte // was: the buffer when Cancel returned true
	when      int64  // the deadline, 0: none
	completed int
	again     bool // start another one in the handler
	n         int
	err       error
	canceled  bool
}

func newHistory(t *rapid.T, m simkernel.Manners) *history {
	chance := func(name string) float64 { return []float64{0, 0, 0.1, 0.5}[rapid.IntRange(0, 3).Draw(t, name)] }
	c := simkernel.Config{
		Manners:    m,
		Seed:       rapid.Uint64().Draw(t, "seed"),
		Buffer:     rapid.SampledFrom([]int{16, 100, 4000}).Draw(t, "buffer"),
		PipeBuffer: rapid.SampledFrom([]int{16, 100, 4000}).Draw(t, "pipe"),
		Latency:    rapid.SampledFrom([]int64{0, 5000, 1e6}).Draw(t, "latency"),
		Chance: simkernel.Chance{
			Short: chance("short"), Interrupt: chance("interrupt"), Spurious: chance("spurious"), Stale: chance("stale"), NoBuffers: chance("nobuffers"),
		},
	}
	return &history{t: t, s: newSimRing(t, c)}
}

func (h *history) connect(kind string) {
	x, y := h.s.pairOf(kind)
	a, b := &end{fd: x, in: true, out: kind != "pipe"}, &end{fd: y, in: kind != "pipe", out: true}
	a.peer, b.peer = b, a
	h.ends = append(h.ends, a, b)
}

// another makes a connection that has the numbers of one that is closed.
func (h *history) another(t *rapid.T) {
	h.anEnd(t, func(e *end) bool { return e.closed && len(h.ends) < 12 })
	h.connect(rapid.SampledFrom([]string{"tcp", "unix", "pipe"}).Draw(t, "kind"))
}

func (h *history) anEnd(t *rapid.T, can func(*end) bool) *end {
	var fit []*end
	for _, e := range h.ends {
		if can(e) {
			fit = append(fit, e)
		}
	}
	if len(fit) == 0 {
		t.Skip("no end for this")
	}
	return rapid.SampledFrom(fit).Draw(t, "end")
}

// start starts a prepared task, one way or the other.
func (h *history) start(t *rapid.T, k *task) {
	if rapid.IntRange(0, 3).Draw(t, "deadline") == 0 {
		d := time.Duration(rapid.IntRange(-1000, 1e6).Draw(t, "in"))
		at := h.s.k.Time().Add(d)
		k.when = h.s.k.When(at)
		k.op.SetDeadline(at)
	}
	h.tasks = append(h.tasks, k)
	if rapid.Bool().Draw(t, "try") {
		if k.op.Try(k) {
			k.done()
		}
		return
	}
	k.op.Start(k)
}

// Complete is called by the ring.
func (k *task) Complete(op *aio.Op) {
	if op != &k.op {
		k.h.t.Errorf("the handler of one operation got another")
	}
	k.done()
	if k.again && k.err == nil && !k.end.closed {
		k.again = false
		k.h.read(k.end, len(k.buf), true).op.Start(k.h.tasks[len(k.h.tasks)-1])
	}
}

func (k *task) done() {
	k.completed++
	k.n, k.err = k.op.Result()
	if k.err == os.ErrDeadlineExceeded && (k.when == 0 || k.h.s.k.Now() < k.when) {
		k.h.t.Errorf("a deadline at %d passed at %d", k.when, k.h.s.k.Now())
	}
	if e := k.end; k.what == "wait" && k.err == nil && aio.Interest(k.n)&aio.HangUp != 0 && !e.closed && !e.peer.closed && !e.peer.shut {
		k.h.t.Errorf("a hang-up of a peer that is there")
	}
	if k.canceled != (k.err == aio.ErrCanceled) {
		k.h.t.Errorf("Cancel said %v, the operation ended with %v", k.canceled, k.err)
	}
}

func (h *history) read(e *end, size int, again bool) *task {
	k := &task{h: h, end: e, what: "read", buf: bytes.Repeat([]byte{0xee}, size), again: again}
	k.op.PrepRead(e.fd, k.buf)
	e.reads = append(e.reads, k)
	if again {
		h.tasks = append(h.tasks, k)
	}
	return k
}

func (h *history) startRead(t *rapid.T) {
	e := h.anEnd(t, func(e *end) bool { return e.in })
	k := h.read(e, rapid.SampledFrom([]int{1, 7, 50, 5000}).Draw(t, "size"), false)
	if rapid.Bool().Draw(t, "full") {
		k.op.PrepReadFull(e.fd, k.buf)
	}
	k.again = rapid.Bool().Draw(t, "again")
	h.start(t, k)
}

func (h *history) startWrite(t *rapid.T) {
	e := h.anEnd(t, func(e *end) bool { return e.out })
	k := &task{h: h, end: e, what: "write", buf: make([]byte, rapid.SampledFrom([]int{1, 5, 60, 9000}).Draw(t, "size"))}
	for i := range k.buf {
		h.byte++
		k.buf[i] = h.byte
	}
	if rapid.Bool().Draw(t, "all") {
		k.op.PrepWriteAll(e.fd, k.buf)
	} else {
		k.op.PrepWrite(e.fd, k.buf)
	}
	e.writes = append(e.writes, k)
	h.start(t, k)
}

func (h *history) startWait(t *rapid.T) {
	e := h.anEnd(t, func(e *end) bool { return true })
	ask := []aio.Interest{aio.HangUp}
	if e.in {
		ask = append(ask, aio.Readable)
	}
	if e.out {
		ask = append(ask, aio.Writable)
	}
	k := &task{h: h, end: e, what: "wait"}
	k.op.PrepWait(e.fd, rapid.SampledFrom(ask).Draw(t, "ask"))
	h.start(t, k)
}

func (h *history) cancel(t *rapid.T) {
	var fit []*task
	for _, k := range h.tasks {
		if k.op.Pending() {
			fit = append(fit, k)
		}
	}
	if len(fit) == 0 {
		t.Skip("nothing is pending")
	}
	k := rapid.SampledFrom(fit).Draw(t, "task")
	if k.op.Cancel() {
		k.canceled, k.again = true, false
		k.was = bytes.Clone(k.buf)
	}
}

func (h *history) shutdown(t *rapid.T) {
	e := h.anEnd(t, func(e *end) bool { return e.in && e.out && !e.closed })
	if e.fd.Shutdown(1) == nil {
		e.shut = true
	}
}

func (h *history) closeEnd(t *rapid.T) {
	e := h.anEnd(t, func(e *end) bool { return !e.closed })
	if rapid.IntRange(0, 9).Draw(t, "really") > 2 {
		t.Skip("histories with closed ends are short")
	}
	e.closed = true
	how := e.fd.Close
	if e.in && e.out && rapid.Bool().Draw(t, "reset") {
		how = e.fd.Reset
	}
	if err := how(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := e.fd.Close(); err != aio.ErrClosed {
		t.Errorf("second close: %v", err)
	}
}

func (h *history) check(t *rapid.T) {
	for _, k := range h.tasks {
		if k.completed > 1 {
			t.Fatalf("a %s completed %d times", k.what, k.completed)
		}
	}
}

// settle lets everything happen that can, and looks at who still waits.
func (h *history) settle() {
	h.s.settle()
	for _, e := range h.ends {
		h.idle(e, e.reads, sys.Readable)
		h.idle(e, e.writes, sys.Writable)
	}
	for _, k := range h.tasks {
		if k.op.Pending() && k.when != 0 {
			h.t.Errorf("a %s is pending after its deadline", k.what)
		}
		if k.op.Pending() && k.completed > 0 {
			h.t.Errorf("a %s is pending after its completion", k.what)
		}
	}
}

// idle checks that the first pending operation of a direction waits for what
// the kernel does not have.
func (h *history) idle(e *end, line []*task, what sys.Ready) {
	for _, k := range line {
		if !k.op.Pending() {
			continue
		}
		if e.closed {
			h.t.Errorf("a %s is pending on a closed descriptor", k.what)
			return
		}
		if got, errno := h.s.k.Poll(e.fd.Sysfd(), what); got != 0 || errno != 0 {
			h.t.Errorf("a %s of %d bytes hangs, the descriptor is ready", k.what, len(k.buf))
		}
		return
	}
}

// end reads what is left, closes the ring and compares.
func (h *history) end() {
	h.s.k.Heal()
	for _, e := range h.ends {
		if e.in && !e.closed {
			h.read(e, 5000, true).op.Start(h.tasks[len(h.tasks)-1])
		}
	}
	h.settle()
	h.s.finish()
	for _, k := range h.tasks {
		if k.completed != 1 {
			h.t.Errorf("a %s completed %d times", k.what, k.completed)
		}
		if k.canceled && !bytes.Equal(k.was, k.buf) {
			h.t.Errorf("the buffer of a canceled %s has changed", k.what)
		}
	}
	for _, e := range h.ends {
		h.compare(e)
	}
}

// compare compares what e has received with what its peer has sent.
func (h *history) compare(e *end) {
	var got, sent []byte
	for _, k := range e.reads {
		got = append(got, k.buf[:k.n]...)
	}
	for _, k := range e.peer.writes {
		sent = append(sent, k.buf[:k.n]...)
	}
	if !bytes.HasPrefix(sent, got) {
		h.t.Errorf("%d bytes received are not what was sent", len(got))
	}
	if !e.closed && !e.peer.closed && len(got) != len(sent) {
		h.t.Errorf("%d bytes received, %d sent", len(got), len(sent))
	}
}

// An event of a descriptor's past is not one of whoever has its number now.
func TestSimStaleEvent(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		s := newSimRing(t, simkernel.Config{Manners: m, Seed: 1, Chance: simkernel.Chance{Stale: 1}})
		a, b := s.pairOf("unix")
		var op aio.Op
		done := false
		wait := func(f *aio.FD) {
			op.PrepWait(f, aio.HangUp)
			op.Start(aio.HandlerFunc(func(*aio.Op) { done = true }))
		}
		wait(a)
		n := a.Sysfd()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		for !done {
			s.turn()
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		for again := false; !again; {
			a, b = s.pairOf("unix")
			if b.Sysfd() == n {
				a = b
			}
			again = a.Sysfd() == n
		}
		done = false
		wait(a)
		for range 50 {
			s.turn()
		}
		if done {
			t.Error("a hang-up of the descriptor that had the number before")
		}
		if s.Stats().Stale == 0 {
			t.Error("no stale event was seen")
		}
		s.finish()
	})
}
