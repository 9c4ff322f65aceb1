package simkernel

import (
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// pipe is a pipe: two files, one for each end.
type pipe struct {
	data     []byte
	rd, wr   *file // nil once closed
	filled   bool  // a write found no room since there was some: tell the writer
	capacity int
	atomic   int  // a write of at most so many bytes is not split
	unopened bool // a FIFO that nobody has opened to write yet: an end, but no hang-up
}

type (
	readEnd  struct{ *pipe }
	writeEnd struct{ *pipe }
)

// Pipe makes a pipe.
func (k *Kernel) Pipe() (rd, wr int, e sys.Errno) {
	e = k.enter(CallPipe, -1)
	defer func() { k.leave(CallPipe, rd, wr, e) }()
	if e != 0 {
		return -1, -1, e
	}
	if k.open+2 > k.cfg.Files {
		return -1, -1, syscall.EMFILE
	}
	p := &pipe{capacity: k.cfg.PipeBuffer, atomic: k.cfg.PipeAtomic}
	p.rd, p.wr = &file{node: readEnd{p}}, &file{node: writeEnd{p}}
	rd, _ = k.give(p.rd)
	wr, _ = k.give(p.wr)
	return rd, wr, 0
}

func (p *pipe) info() sys.Info { return sys.Info{Shape: sys.ShapePipe} }

func (p *pipe) room() int { return p.capacity - len(p.data) }

func (p *pipe) writable() bool { return p.room() >= p.atomic }

func (e readEnd) read(k *Kernel, b []byte, _ bool) (int, sys.Errno) {
	switch {
	case len(b) == 0:
		return 0, 0
	case len(e.data) > 0:
		n := copy(b, e.data)
		e.data = e.data[n:]
		if e.filled && e.writable() || k.m.PipeEdges {
			e.filled = e.filled && !e.writable()
			e.wr.wake(k, writing)
		}
		if k.m.PipeEdges {
			e.rd.wake(k, reading)
		}
		return n, 0
	case e.wr == nil && !(e.unopened && k.m.FIFOWaits):
		return 0, 0
	}
	return 0, syscall.EAGAIN
}

func (e readEnd) write(*Kernel, []byte) (int, sys.Errno) { return 0, syscall.EBADF }

func (e readEnd) mask(*Kernel) (m uint32) {
	if len(e.data) > 0 {
		m |= sys.EPOLLIN
	}
	if e.wr == nil && !e.unopened {
		m |= sys.EPOLLHUP
	}
	return m
}

func (e readEnd) note(_ *Kernel, filter int) note {
	if filter != sys.EVFILT_READ {
		return note{refuse: syscall.EINVAL}
	}
	over := e.wr == nil && !e.unopened
	return note{fires: len(e.data) > 0 || over, eof: over, data: int64(len(e.data))}
}

func (e readEnd) close(k *Kernel) {
	e.rd = nil
	e.wr.wake(k, both)
}

func (e writeEnd) read(*Kernel, []byte, bool) (int, sys.Errno) { return 0, syscall.EBADF }

func (e writeEnd) write(k *Kernel, b []byte) (int, sys.Errno) {
	n := min(len(b), e.room())
	switch {
	case len(b) == 0:
		return 0, 0
	case e.rd == nil:
		return 0, syscall.EPIPE
	case n == 0 || n < len(b) && len(b) <= e.atomic:
		e.filled = true
		return 0, syscall.EAGAIN
	}
	e.filled = e.filled || n < len(b) || !e.writable()
	e.data = append(e.data, b[:n]...)
	e.rd.wake(k, reading)
	if k.m.PipeEdges {
		e.wr.wake(k, writing)
	}
	return n, 0
}

func (e writeEnd) mask(*Kernel) (m uint32) {
	if e.writable() {
		m |= sys.EPOLLOUT
	}
	if e.rd == nil {
		m |= sys.EPOLLERR
	}
	return m
}

func (e writeEnd) note(k *Kernel, filter int) note {
	gone := e.rd == nil
	switch {
	case filter == sys.EVFILT_WRITE && gone && k.m.PipeGoneOnRead:
		return note{}
	case filter == sys.EVFILT_WRITE:
		n := note{fires: e.writable() || gone, eof: gone, data: int64(e.room())}
		if gone {
			n.once, n.refuse = k.m.PipeOneshot, k.m.PipeBroken
		}
		return n
	case k.m.PipeGoneOnRead:
		return note{fires: gone, eof: gone}
	}
	return note{refuse: syscall.EINVAL}
}

func (e writeEnd) close(k *Kernel) {
	e.wr = nil
	e.rd.wake(k, both)
}
