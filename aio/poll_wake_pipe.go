package aio

import "example.com/interlock/aio/internal/sys"

// wakePipe wakes by a byte in a pipe: netbsd, openbsd.
type wakePipe struct {
	p      *kqueue
	rd, wr int
	one    [1]byte
}

func (w *wakePipe) open() (e sys.Errno) {
	if w.rd, w.wr, e = w.p.k.Pipe(); e != 0 {
		w.rd = -1
		return e
	}
	// If that fails the poller is closed, and the pipe with it.
	return w.p.set(w.rd, sys.EVFILT_READ, sys.EV_ADD|sys.EV_CLEAR, 0, 0)
}

// wake writes a byte. A full pipe is as good: it has not been read.
func (w *wakePipe) wake() {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	if !w.p.closed {
		w.p.k.Write(w.wr, w.one[:])
	}
}

func (w *wakePipe) drain() {
	var b [64]byte
	for {
		if n, e := w.p.k.Read(w.rd, b[:]); e != 0 || n < len(b) {
			return
		}
	}
}

func (w *wakePipe) close() {
	if w.rd < 0 {
		return
	}
	w.p.k.Close(w.rd)
	w.p.k.Close(w.wr)
}
