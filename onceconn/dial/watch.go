package dial

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"example.com/interlock/aio"
)

// WatchOptions says what besides a reset and a full close counts as the death of
// a watched connection. The zero value suits protocols where the peer closes once.
// It may be copied.
type WatchOptions struct {
	// HalfCloseOK: a peer that has shut its sending side down may still read. The
	// connection dies when it is broken or shut down in both directions. (A peer that
	// has closed altogether looks the same until something is sent to it.)
	HalfCloseOK bool

	// EvictUnsolicited: anything that arrives is the death. For connections that are
	// watched only while they are idle, in protocols where the peer never speaks first:
	// HTTP/1, RESP without push.
	EvictUnsolicited bool
}

// WatchConn calls dead once, on the ring's goroutine and without locks, when the
// peer of c hangs up or the connection breaks. dead must not block. If that has
// happened already dead is called soon.
//
// It costs no goroutine and no descriptor, but one descriptor for all that is
// watched on a ring. c may be any net.Conn with a socket below, of package net, aio
// or this one, or TLS over one; others give an error that Is errors.ErrUnsupported,
// and so do systems without aio. Reading and writing go on as ever.
//
// stop ends the watch, and must be called, in the best case before c is closed. It
// may be called more than once. A call of dead that has begun may still run when
// stop returns. If c is closed first nothing is reported any more, and if its
// descriptor's number is used for another connection that one is not affected: not
// by the watch and not by stop. The watch also ends when the ring is closed.
func WatchConn(r *aio.Ring, c net.Conn, opts WatchOptions, dead func(cause error)) (stop func(), err error) {
	if dead == nil {
		panic("dial: WatchConn with a nil function")
	}
	if r == nil || c == nil {
		panic("dial: WatchConn without ring or connection")
	}
	socket := bottom(c)
	if socket == nil {
		return nil, fmt.Errorf("dial: watch of a %T: %w", c, errors.ErrUnsupported)
	}
	s, err := sets.join(r)
	if err != nil {
		return nil, err
	}
	w := &watcher{set: s, socket: socket, opts: opts, dead: dead}
	if err := w.add(); err != nil {
		sets.leave(s)
		return nil, err
	}
	return w.stop, nil
}

// A watcher is one watched connection.
type watcher struct {
	set    *watchSet
	socket syscall.Conn
	dead   func(error)
	fd     int32 // as long as the socket is open
	serial int32 // tells apart the watchers that have had one number
	opts   WatchOptions
	over   atomic.Bool // dead was called, or stop
	out    atomic.Bool // stop was called
}

// A watchSet is the kernel's list of the sockets that are watched on a ring: an
// epoll set or a kqueue of its own, itself watched by the ring. Sockets are in it
// under their own descriptors. So the kernel takes out what is closed, and whoever
// wants to take one out reaches the descriptor through its owner, who knows whether
// it is still open. No number is ever used for what it was before.
//
//	W1  An entry of watchers and the kernel's are made together, under mu, and the
//	    kernel tells the serial with each event: an event of an older entry for the
//	    same number finds another serial and is dropped.
//	W2  The kernel's entry is changed only inside RawConn.Control of its socket.
//	W3  Nothing is reported of a socket whose owner has closed it, although the
//	    kernel's entry lives on while another process or a duplicate has it open.
//
// Lock order: sets, watchSet. dead is called under neither.
type watchSet struct {
	ring  *aio.Ring
	fd    *aio.FD
	raw   syscall.RawConn // of fd
	op    aio.Op
	users int // sets.mu protects it

	mu       sync.Mutex // protects the fields below
	watchers map[int32]*watcher
	serial   int32
}

// sets has the set of each ring on which something is watched now.
var sets = watchSets{of: make(map[*aio.Ring]*watchSet)}

type watchSets struct {
	mu sync.Mutex // protects of, and users of each set
	of map[*aio.Ring]*watchSet
}

// join returns the set of r, made if nothing is watched there.
func (ss *watchSets) join(r *aio.Ring) (*watchSet, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.of[r]
	if s == nil {
		var err error
		if s, err = newWatchSet(r); err != nil {
			return nil, err
		}
		if err = s.wait(); err != nil {
			s.fd.Close()
			return nil, err
		}
		ss.of[r] = s
	}
	s.users++
	return s, nil
}

// leave gives a set up when nothing is watched there any more.
func (ss *watchSets) leave(s *watchSet) {
	ss.mu.Lock()
	s.users--
	last := s.users == 0
	if last && ss.of[s.ring] == s {
		delete(ss.of, s.ring)
	}
	ss.mu.Unlock()
	if last {
		s.fd.Close() // ends the wait; Complete sees to nothing more
	}
}

// drop forgets a set whose ring takes no operations any more.
func (ss *watchSets) drop(s *watchSet) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.of[s.ring] == s {
		delete(ss.of, s.ring)
	}
}

// wait makes the ring tell when something happens in the set.
func (s *watchSet) wait() error {
	s.op.PrepWait(s.fd, aio.Readable)
	if !s.op.Try(s) {
		return nil
	}
	_, err := s.op.Result() // a new set has nothing to tell: it has failed
	return err
}

// Complete is called by the ring when something has happened in the set.
func (s *watchSet) Complete(op *aio.Op) {
	if _, err := op.Result(); err != nil {
		sets.drop(s)
		return
	}
	for _, h := range s.collect() {
		if !h.w.over.Swap(true) {
			h.w.dead(h.cause)
		}
	}
	op.PrepWait(s.fd, aio.Readable)
	op.Start(s)
}

// hit is an event that is a death.
type hit struct {
	w     *watcher
	cause error
}

// add puts the watcher into its set.
func (w *watcher) add() error {
	s := w.set
	return w.control(func(fd, set int) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.serial++
		w.fd, w.serial = int32(fd), s.serial
		err := w.register(set)
		if err == nil {
			s.watchers[w.fd] = w
		}
		return err
	})
}

// stop takes the watcher out of its set. If the socket was closed before, the
// kernel has done that.
func (w *watcher) stop() {
	if w.out.Swap(true) {
		return
	}
	w.over.Store(true)
	s := w.set
	w.control(func(_, set int) error { w.unregister(set); return nil })
	s.mu.Lock()
	if s.watchers[w.fd] == w {
		delete(s.watchers, w.fd)
	}
	s.mu.Unlock()
	sets.leave(s)
}

// control calls f with the descriptors of socket and set, both of which stay open
// meanwhile.
func (w *watcher) control(f func(fd, set int) error) error {
	raw, err := w.socket.SyscallConn()
	if err != nil {
		return err
	}
	var inner, result error
	err = raw.Control(func(fd uintptr) {
		inner = w.set.raw.Control(func(set uintptr) { result = f(int(fd), int(set)) })
	})
	return cmp.Or(err, inner, result)
}
