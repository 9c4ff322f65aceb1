package aio

import (
	"net/netip"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"example.com/interlock/aio/internal/sys"
)

// An Op is one operation in completion style: prepare it, start it, and a
// handler gets it back when it is done. The zero value is ready to be
// prepared. The Op belongs to the caller, who may embed it in a struct of his
// own and use it again after each completion; between Start and the call of
// the handler it, and the buffer that it was prepared with, belong to the
// ring and must stay where they are. An Op must not be copied.
//
//	op.PrepRead(fd, buf)
//	op.Start(h) // h.Complete(op) will be called once
//
// One goroutine at a time prepares, starts and reads an Op. Cancel and
// Pending may be called by any goroutine at any time. What Start does
// synchronizes before the call of the handler.
//
// An Op takes 120 bytes and an operation allocates nothing, but that the
// first accept or message of an Op makes room for an address, and so do the
// first connect to a unix socket and each to an IPv6 address.
type Op struct {
	on         atomic.Pointer[FD] // what it is for; the ring's own descriptor if nothing
	h          Handler
	next, prev *Op   // in a direction's FIFO, in a list of completions, in a Queue
	buf        *byte // with size, the caller's buffer
	size       int   //
	n          int   // the result, and progress on the way to it
	err        error //
	when       int64 // the operation's own deadline on the ring's clock, 0: none
	extra      *opExtra
	from       *Buf // a pool read's: its buffer, or the pool's none
	state      atomic.Uint32
	heap       int32 // place in the ring's deadlines
	kind       opKind
	flags      opFlags
	tries      uint8 // how often it was put off by a shortage
	ask        Interest
	arg        int32 // flags of recv and send; of a connect the port and what tells the form of the address
}

// opExtra is what only some kinds need. An Op keeps it once it has one.
type opExtra struct {
	accepted *FD
	addr     sys.Addr // where to connect or send to; where a connection or a message came from
	oob      []byte   // control data
	rflags   int32    // of a received message
	slow     bool     // a worker runs it: calls may block; the runner's, else under the descriptor's mu
	inCrew   bool     // in the workers' queue; with the links, under its mu
	crewNext *Op
	crewPrev *Op
	fn       func() error // what a call calls
	process  *os.Process
	exit     *os.ProcessState
	off      int64 // in a file
	left     int64 // of a transfer between descriptors
	src      *FD   // of it
}

// The states of an Op. A prepared Op, a completed one and a new one are all
// idle: what tells them apart is on.
const (
	opIdle uint32 = iota
	opBusy        // it belongs to the ring
	opDone        // its result stands; its handler has not been called yet
)

// opFlags are guarded by the mu of the Op's descriptor while the Op is busy.
type opFlags uint8

const (
	opBlocking opFlags = 1 << iota // a goroutine waits for it: no handler, no budget
	opQueued                       // in a FIFO or in the wait list
	opCounted                      // counted in ring.pending
	opCancel                       // Cancel waits for the end of the running call
	opRetry                        // its time in the heap is that of a retry
	opTimed                        // in the ring's deadlines
	opSlow                         // with the workers: in their queue, or taken from it just now
)

// Handler gets operations that are done. A handler runs on the ring's
// goroutine, or in Poll, with no lock held; the ring runs one at a time. It
// should not block: all of the ring's operations wait for it. In Complete the
// Op may be prepared and started again.
type Handler interface{ Complete(op *Op) }

// HandlerFunc makes a function a Handler.
type HandlerFunc func(*Op)

// Complete calls f.
func (f HandlerFunc) Complete(op *Op) { f(op) }

// prep makes op ready for an operation of a kind on f.
func (op *Op) prep(kind opKind, f *FD, p []byte) {
	if op.state.Load() != opIdle {
		panic("aio: Op prepared while pending")
	}
	if f == nil {
		panic("aio: Op prepared for a nil FD")
	}
	if op.on.Load() != f { // a late Cancel may be reading it
		op.on.Store(f)
	}
	op.kind = kind
	op.buf, op.size = unsafe.SliceData(p), len(p)
	op.n, op.err, op.when, op.arg, op.ask, op.from = 0, nil, 0, 0, 0, nil
	if x := op.extra; x != nil {
		*x = opExtra{}
	}
}

// more returns op's extra, made at first use.
func (op *Op) more() *opExtra {
	if op.extra == nil {
		op.extra = new(opExtra)
	}
	return op.extra
}

// bytes is the buffer, or what an operation that goes on has left of it.
func (op *Op) bytes() []byte { return unsafe.Slice(op.buf, op.size) }

// PrepRead prepares to read what there is, up to len(p) bytes. At the end of
// a stream the result is 0, io.EOF.
func (op *Op) PrepRead(f *FD, p []byte) { op.prep(kindRead, f, p) }

// PrepReadFull prepares to read exactly len(p) bytes. A stream that ends
// first gives io.ErrUnexpectedEOF with the count, or io.EOF when there was
// nothing.
func (op *Op) PrepReadFull(f *FD, p []byte) { op.prep(kindReadFull, f, p) }

// PrepWrite prepares to write; the result may be less than len(p).
func (op *Op) PrepWrite(f *FD, p []byte) { op.prep(kindWrite, f, p) }

// PrepWriteAll prepares to write all of p. Nothing else that is written to f
// comes in between. With an error the result is what the system took.
func (op *Op) PrepWriteAll(f *FD, p []byte) { op.prep(kindWriteAll, f, p) }

// PrepRecv prepares to receive with the system's MSG_ flags.
func (op *Op) PrepRecv(f *FD, p []byte, flags int) {
	op.prep(kindRead, f, p)
	op.arg = int32(flags)
}

// PrepSend prepares to send with the system's MSG_ flags; the result may be
// less than len(p).
func (op *Op) PrepSend(f *FD, p []byte, flags int) {
	op.prep(kindWrite, f, p)
	op.arg = int32(flags)
}

// PrepAccept prepares to accept one connection; see Accepted and From.
func (op *Op) PrepAccept(f *FD) {
	op.prep(kindAccept, f, nil)
	op.more()
}

// PrepWait prepares to wait until at least one of the asked states holds. The
// number in the result is the bits that do.
func (op *Op) PrepWait(f *FD, ask Interest) {
	if ask == 0 || ask&^(Readable|Writable|Priority|HangUp) != 0 {
		panic("aio: wait for no known Interest")
	}
	op.prep(kindWait, f, nil)
	op.ask = ask
}

// SetDeadline gives the operation that is prepared, not yet started, a time
// after which it fails with os.ErrDeadlineExceeded; the zero time means none,
// a past one means at once. The next Prep forgets it.
func (op *Op) SetDeadline(t time.Time) {
	if op.on.Load() == nil {
		panic("aio: SetDeadline before the Op was prepared")
	}
	if op.state.Load() != opIdle {
		panic("aio: SetDeadline of a pending Op")
	}
	op.when = 0
	if !t.IsZero() {
		op.when = op.on.Load().ring.k.When(t)
	}
}

// Start gives the operation to the ring. h.Complete(op) will be called exactly
// once, never from within Start, whatever happens: what goes wrong arrives
// there. Starting a completed Op again repeats the same operation. It panics
// when h is nil or the Op is pending or was never prepared.
func (op *Op) Start(h Handler) {
	if op.begin(h, opCounted) {
		op.on.Load().ring.post(op)
	}
}

// Try is Start, but that an operation which ends at once is not handed to h:
// Try returns true and the result is in op.
func (op *Op) Try(h Handler) (done bool) {
	if !op.begin(h, 0) {
		return false
	}
	op.h = nil
	op.state.Store(opIdle)
	return true
}

// begin starts op. true: it is done, nobody knows of it but the caller.
func (op *Op) begin(h Handler, mode opFlags) (done bool) {
	if h == nil {
		panic("aio: Op started with a nil Handler")
	}
	f := op.on.Load()
	if f == nil {
		panic("aio: Op started before it was prepared")
	}
	if !op.state.CompareAndSwap(opIdle, opBusy) {
		panic("aio: Op started while pending")
	}
	if mode&opCounted != 0 {
		f.ring.pending.Add(1)
	}
	op.h, op.n, op.err, op.tries = h, 0, nil, 0
	switch op.kind {
	case kindTimeout:
		op.when = 0 // of the last time
	case kindConnect:
		op.arg &^= peerBegun
	case kindReadPool, kindRecvPool:
		op.setPooled(nil)
	}
	if op.extra != nil {
		op.extra.reset(op.receives())
		op.idle()
	}
	if q, ok := h.(*Queue); ok {
		q.serve(f.ring)
	}
	if op.kind != kindProcess {
		return f.submit(op, mode)
	}
	if op.begins(f.ring, mode) {
		return true
	}
	if done = op.on.Load().submit(op, mode); done {
		op.ends()
	}
	return done
}

// Result is the number and the error with which the operation ended. It
// panics while the operation is pending.
func (op *Op) Result() (int, error) {
	op.settled("Result")
	return op.n, op.err
}

// Accepted is the connection that an accept gave, nil if it failed.
func (op *Op) Accepted() *FD {
	op.settled("Accepted")
	if op.extra == nil {
		return nil
	}
	return op.extra.accepted
}

// From is where an accepted connection or a received message came from; it is
// invalid for unix sockets.
func (op *Op) From() netip.AddrPort {
	op.settled("From")
	if op.extra == nil || !op.receives() {
		return netip.AddrPort{}
	}
	return op.extra.addr.IP
}

// msgOOB is MSG_OOB, the same on every system.
const msgOOB = 1

// flagged says that op receives with flags.
func (op *Op) flagged() bool {
	return op.arg != 0 && (op.kind == kindRead || op.kind == kindRecvMsg)
}

// receives says that the address in extra is a result.
func (op *Op) receives() bool {
	return op.kind == kindAccept || op.kind == kindRecvMsg || op.kind == kindRecvPool
}

// reset forgets the results of the last time.
func (x *opExtra) reset(addr bool) {
	x.accepted, x.rflags = nil, 0
	if addr {
		x.addr = sys.Addr{}
	}
}

// FD is the descriptor that op was last prepared for; nil for none, as with a
// timeout.
func (op *Op) FD() *FD {
	if f := op.on.Load(); f != nil && f.sysfd >= 0 {
		return f
	}
	return nil
}

func (op *Op) settled(what string) {
	if op.state.Load() != opIdle {
		panic("aio: " + what + " of a pending Op")
	}
}

// Pending says whether the operation was started and its handler has not been
// called yet.
func (op *Op) Pending() bool { return op.state.Load() != opIdle }
