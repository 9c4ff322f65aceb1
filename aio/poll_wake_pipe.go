package aio

import "example.com/interlock/aio/internal/sys"

// wakePipe wakes by a byte in a pipe: netbsd, openbsd.
type wakePipe struct {
	p      *kqueue
	rd, wr int
}

func (w *wakePipe) open() (e sys.Errno) {
	if w.rd, w.wr, e = w.p.k.Pipe(); e != 0 {
		return e
	}
	if e = w.p.set(w.rd, sys.EVFILT_READ, sys.EV_ADD|sys.EV_CLEAR, 0, 0); e != 0 {
		w.close()
	}
	return e
}

// wake writes a byte. A full pipe is as good: it has not been read.
func (w *wakePipe) wake() { w.p.k.Write(w.wr, []byte{0}) }

func (w *wakePipe) drain() {
	var b [64]byte
	for {
		if n, e := w.p.k.Read(w.rd, b[:]); e != 0 || n < len(b) {
			return
		}
	}
}

func (w *wakePipe) close() {
	w.p.k.Close(w.rd)
	w.p.k.Close(w.wr)
}
