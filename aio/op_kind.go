package aio

import (
	"io"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// opKind is what an operation does.
type opKind uint8

const (
	kindNone opKind = iota
	kindRead
	kindReadFull
	kindWrite
	kindWriteAll
	kindAccept
	kindConnect
	kindWait
	kindReadPool
	kindTimeout
	kindReadv
	kindWritev
	kindRecvMsg
	kindSendMsg
	kindRecvPool
	kindCall
	kindDisk
	kindSendFile
	kindSpliceIn
	kindSpliceOut
	kindProcess
	kindReadAt
	kindWriteAt
)

// lane is where operations of a kind wait for their turn.
type lane uint8

const (
	laneRead  lane = iota // reads and accepts
	laneWrite             // writes and connects
	laneWait              // the wait list: no order, no turn
)

// kinds is one row for each opKind.
var kinds = [...]struct {
	name string
	lane lane
}{
	kindNone:      {"none", laneWait},
	kindRead:      {"read", laneRead},
	kindReadFull:  {"read", laneRead},
	kindWrite:     {"write", laneWrite},
	kindWriteAll:  {"write", laneWrite},
	kindAccept:    {"accept", laneRead},
	kindConnect:   {"connect", laneWrite},
	kindWait:      {"wait", laneWait},
	kindReadPool:  {"read", laneRead},
	kindTimeout:   {"timeout", laneWait},
	kindReadv:     {"read", laneRead},
	kindWritev:    {"write", laneWrite},
	kindRecvMsg:   {"recvfrom", laneRead},
	kindSendMsg:   {"sendto", laneWrite},
	kindRecvPool:  {"recvfrom", laneRead},
	kindCall:      {"call", laneWait},
	kindSendFile:  {"sendfile", laneWrite},
	kindSpliceIn:  {"splice", laneRead},
	kindSpliceOut: {"splice", laneWrite},
	kindDisk:      {"disk", laneWait},
	kindProcess:   {"wait", laneWait},
	kindReadAt:    {"read", laneWait},
	kindWriteAt:   {"write", laneWait},
}

// verdict is what a system call came to.
type verdict uint8

const (
	done    verdict = iota // the result is in the Op
	dry                    // done, and the call took all that there was
	more                   // progress: call again
	again                  // it would block: wait for an edge
	later                  // the system is short of something: try again after a while
	starved                // the pool is: wait for a buffer
	slow                   // it may block: a worker has to make the call
)

// run makes the operation's system call once. The caller runs the Op's
// direction and holds no lock.
func (op *Op) run(f *FD) verdict {
	if f.kind == KindFile {
		if v, ok := op.runFile(f); ok {
			return v
		}
	}
	switch op.kind {
	case kindRead:
		return op.runRead(f)
	case kindReadFull:
		return op.runReadFull(f)
	case kindReadPool, kindRecvPool:
		return op.runReadPool(f)
	case kindReadv:
		return op.runReadv(f)
	case kindWritev:
		return op.runWritev(f)
	case kindRecvMsg:
		return op.runRecvMsg(f)
	case kindSendMsg:
		return op.runSendMsg(f)
	case kindWrite:
		return op.runWrite(f)
	case kindWriteAll:
		return op.runWriteAll(f)
	case kindAccept:
		return op.runAccept(f)
	case kindConnect:
		return op.runConnect(f)
	case kindReadAt, kindWriteAt:
		return op.runAt(f)
	case kindSendFile:
		return op.runSendFile(f)
	case kindSpliceIn, kindSpliceOut:
		return op.runSplice(f)
	case kindDisk:
		op.err = op.extra.fn()
		return done
	}
	panic("aio: internal error: operation of no kind")
}

func (op *Op) runRead(f *FD) verdict {
	n, e := f.recv(op.bytes(), int(op.arg))
	switch {
	case e != 0:
		return op.fail(f, e)
	case n == 0 && f.is(traitEOF):
		op.err = io.EOF
		return done
	}
	op.n = n
	if n < op.size && op.arg == 0 {
		return dry
	}
	return done
}

func (op *Op) runReadFull(f *FD) verdict {
	n, e := f.recv(op.bytes()[op.n:], 0)
	switch {
	case e != 0:
		return op.fail(f, e)
	case n == 0:
		op.err = io.ErrUnexpectedEOF
		if op.n == 0 {
			op.err = io.EOF
		}
		return done
	}
	if op.n += n; op.n < op.size {
		return more
	}
	return done
}

func (op *Op) runWrite(f *FD) verdict {
	n, e := f.send(op.bytes(), int(op.arg))
	if e != 0 {
		return op.fail(f, e)
	}
	op.n = n
	return done
}

func (op *Op) runWriteAll(f *FD) verdict {
	n, e := f.send(op.bytes()[op.n:], 0)
	if e != 0 {
		return op.fail(f, e)
	}
	if op.n += n; op.n < op.size {
		return more
	}
	return done
}

func (op *Op) runAccept(f *FD) verdict {
	r := f.ring
	n, from, e := r.k.Accept(int(f.sysfd))
	if e != 0 {
		if passing(e) {
			return more
		}
		return op.fail(f, e)
	}
	kind := KindStream
	if f.is(traitSeq) {
		kind = KindPacket
	}
	c, err := r.newFD(n, kind, sys.Info{Socket: true, Inet6: f.is(traitInet6), Unix: f.is(traitUnix), Seq: f.is(traitSeq)})
	if err != nil {
		op.err = err
		return done
	}
	op.extra.accepted, op.extra.addr = c, from
	return done
}

func (op *Op) runConnect(f *FD) verdict {
	k, fd := f.ring.k, int(f.sysfd)
	if op.arg&peerBegun != 0 {
		// The descriptor has become writable, or so it was said. The
		// error goes first: it is lost when it is not fetched now.
		if e := k.SockError(fd); e != 0 {
			return op.fail(f, e)
		}
		if k.Connected(fd) {
			return done
		}
		return again
	}
	switch e := k.Connect(fd, op.peer(), f.is(traitInet6)); e {
	case 0, syscall.EISCONN:
		return done
	case syscall.EINPROGRESS, syscall.EALREADY:
		op.arg |= peerBegun
		// To a neighbour the handshake is often over by now: a look
		// costs less than a registration and an event.
		if !f.is(traitUnix) && k.Connected(fd) {
			return done
		}
		return again
	case syscall.EAGAIN:
		if f.is(traitUnix) {
			return op.shortage(f, e) // the backlog is full and no event will say when it is not
		}
		op.err = &OpError{"connect", op.peerName(), e}
		return done
	default:
		return op.fail(f, e)
	}
}

// fail sorts an error number: wait for an edge, wait for better times, or
// give up.
func (op *Op) fail(f *FD, e sys.Errno) verdict {
	switch e {
	case syscall.EAGAIN:
		return again
	case syscall.ENOBUFS, syscall.ENOMEM:
		return op.shortage(f, e)
	case syscall.EMFILE, syscall.ENFILE:
		if op.kind == kindAccept {
			return op.shortage(f, e)
		}
	}
	op.err = &OpError{kinds[op.kind].name, op.peerName(), e}
	return done
}

// peerName is with whom op failed, if it was to be anybody.
func (op *Op) peerName() string {
	if op.kind != kindConnect && op.kind != kindSendMsg {
		return ""
	}
	return addrName(op.peer())
}

// shortage puts op off. The error is kept for the trace alone.
func (op *Op) shortage(f *FD, e sys.Errno) verdict {
	f.short(e, backoff(op.tries))
	return later
}

// short tells of a shortage, and how long it is waited out.
func (f *FD) short(e sys.Errno, wait int64) {
	if t := f.ring.trace; t != nil && t.Retry != nil {
		t.Retry(int(f.sysfd), e, wait)
	}
	f.ring.stats.retries.Add(1)
}

// backoff is how long the n-th repetition waits, in nanoseconds: from a
// millisecond to a tenth of a second.
func backoff(n uint8) int64 {
	const least, most = int64(1e6), int64(100e6)
	return min(least<<min(n, 10), most)
}

// passing are errors of accept that concern a connection which is gone
// already, not the listener.
func passing(e sys.Errno) bool {
	switch e {
	case syscall.ECONNABORTED, syscall.EPROTO, syscall.ENETDOWN, syscall.ENETUNREACH, sys.EHOSTDOWN, syscall.EHOSTUNREACH:
		return true
	}
	return false
}
