package aio

import (
	"sync"

	"example.com/interlock/aio/internal/sys"
)

// FD is a descriptor that belongs to a [Ring]: a socket, a pipe, a listener.
// Rings make them: Adopt, Dial, Listen, Pipe and so on, or an accept. All
// methods may be called by any number of goroutines at once. It must not be
// copied, and lives until Close or Release, or its ring's Close: an FD that
// is merely forgotten stays open.
//
// Reads (and accepts) queue up in the order in which they came, and so do
// writes (and connects); the two directions do not wait for each other.
//
// How it keeps its promises:
//
//  1. At most one goroutine runs a direction, and only the direction's head.
//  2. A direction with a head is running, or armed (registered, and drained),
//     or on the ring's ready list, or stalled with a retry in the deadlines.
//  3. The runner reads tick before its call and, after EAGAIN, compares under
//     mu: an edge that came in between is never lost.
//  4. drained is set on registered descriptors only, with seen: an event that
//     was fetched later is about what came since, so that nobody who waits
//     for it has to ask the system whether it is still true.
//  5. close(2) comes when the FD is out of the table and nobody runs or holds
//     it, so the number is not reused under a call.
//  6. Who unlinks a busy Op completes it, and nobody else.
//
// An FD takes 112 bytes.
type FD struct {
	ring  *Ring
	sysfd int32
	gen   uint32 // never given twice by a ring: events name number and gen

	mu       sync.Mutex // protects all below but what is constant; after ring.mu
	rd, wr   dir
	waits    *Op    // the wait list, linked both ways
	rdl, wdl int64  // deadlines of the two directions on the ring's clock, 0: none
	ready    *FD    // next in the ring's ready list; guarded by the ring's queue lock
	seen     uint16 // the ring's count of fetches when rd was drained
	holds    int16  // calls outside of the two directions that use sysfd now
	armed    uint8  // what the poller reports: armRead, armWrite, armPri
	bits     fdBits

	kind   Kind // kind and traits are constant
	traits trait
}

// trait is what else is known of a descriptor.
type trait uint8

const (
	traitEOF    trait = 1 << iota // zero bytes are the end of the stream
	traitSocket                   // it has the calls of sockets
	traitInet6                    // it takes IPv4 addresses as 4-in-6
	traitUnix
	traitSeq // packets in a stream: SOCK_SEQPACKET
)

func (f *FD) is(t trait) bool { return f.traits&t != 0 }

// traitsOf sums up what the system said.
func traitsOf(kind Kind, in sys.Info) (t trait) {
	for _, x := range [...]struct {
		on bool
		t  trait
	}{
		{kind != KindPacket || in.Seq, traitEOF}, {in.Socket, traitSocket},
		{in.Inet6, traitInet6}, {in.Unix, traitUnix}, {in.Seq, traitSeq},
	} {
		if x.on {
			t |= x.t
		}
	}
	return t
}

// fdBits are guarded by FD.mu.
type fdBits uint8

const (
	fdClosed   fdBits = 1 << iota // Close, Reset or Release was called
	fdGone                        // the number is closed or given away
	fdReleased                    // by Release: the number is given away, not closed
	fdReady                       // in the ring's ready list
	fdHup                         // the peer will send no more, or the connection is dead
	fdAwaited                     // Drain waits until nobody is in a call
)

// What a poller can be asked to report.
const (
	armRead uint8 = 1 << iota
	armWrite
	armPri
)

// dir is one direction of a descriptor.
type dir struct {
	head, tail *Op
	tick       uint32 // counts edges
	turn       uint16 // the ring's turn that used counts for
	used       uint8  // of the budget
	bits       dirBits
}

type dirBits uint8

const (
	dirRunning dirBits = 1 << iota // somebody makes a call without mu, for head
	dirDirect                      // or, with this, for himself: he has no Op
	dirDrained                     // the last call found or left nothing, and no edge came since
	dirStalled                     // head waits for its retry
	dirSticky                      // an end or an error was seen: calls do not block any more
	dirUrgent                      // urgent data was seen, or asked for: a read ends at its mark
)

// ring, sysfd and the constant fields never change, so these need no lock.

// Ring is the ring that f belongs to.
func (f *FD) Ring() *Ring { return f.ring }

// Kind is what f was adopted as or found to be.
func (f *FD) Kind() Kind { return f.kind }

// newFD is enter for a descriptor that the ring has made. When the ring is closed
// it is closed too.
func (r *Ring) newFD(n int, kind Kind, in sys.Info) (*FD, error) {
	f, err := r.enter(n, kind, in)
	if err == ErrClosed {
		r.k.Close(n)
	}
	return f, err
}

// enter makes the FD of a descriptor that is non-blocking already.
func (r *Ring) enter(n int, kind Kind, in sys.Info) (*FD, error) {
	f := &FD{ring: r, sysfd: int32(n), kind: kind, traits: traitsOf(kind, in)}
	r.mu.Lock()
	r.gen++
	if r.gen == 0 { // the poller's own
		r.gen++
	}
	f.gen = r.gen
	closed := r.state.Load() == ringClosed
	entered := !closed && r.table.put(f)
	r.mu.Unlock()
	if entered {
		return f, nil
	}
	if closed {
		return nil, ErrClosed
	}
	return nil, errTaken
}

func (f *FD) recv(p []byte, flags int) (int, sys.Errno) {
	if f.is(traitSocket) {
		return f.ring.k.Recv(int(f.sysfd), p, flags)
	}
	return f.ring.k.Read(int(f.sysfd), p)
}

func (f *FD) send(p []byte, flags int) (int, sys.Errno) {
	if f.is(traitSocket) {
		return f.ring.k.Send(int(f.sysfd), p, flags)
	}
	return f.ring.k.Write(int(f.sysfd), p)
}

// hold keeps the number from being closed until unhold; false: it is closed.
func (f *FD) hold() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bits&fdClosed != 0 {
		return false
	}
	f.holds++
	return true
}

func (f *FD) unhold() {
	f.mu.Lock()
	f.holds--
	last := f.leave()
	f.mu.Unlock()
	if last {
		_ = f.shut()
	}
}
