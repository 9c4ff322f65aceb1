package aio

import (
	"context"
	"io"
	"syscall"
	"unsafe"

	"example.com/interlock/aio/internal/sys"
)

// PrepReadv prepares to read what there is into several buffers, one after the
// other. The slice of buffers belongs to the ring as the buffers do. One
// operation fills at most 1,024 buffers that are not empty.
func (op *Op) PrepReadv(f *FD, bufs [][]byte) { op.prepVector(kindReadv, f, bufs) }

// PrepWritev prepares to write all of several buffers, in their order; nothing
// else that is written to f comes in between. Short writes go on, and the
// number of buffers has no limit, but that on a packet socket they are one
// packet, of at most 1,024 buffers. With an error the result is what the
// system took. The slice of buffers belongs to the ring as the buffers do, and
// is not changed.
func (op *Op) PrepWritev(f *FD, bufs [][]byte) { op.prepVector(kindWritev, f, bufs) }

// Readv reads what there is into several buffers, one after the other, and
// waits for some if there is nothing.
func (f *FD) Readv(ctx context.Context, bufs [][]byte) (int, error) {
	w := f.ring.waiter()
	w.op.PrepReadv(f, bufs)
	return w.do(ctx)
}

// Writev writes all of several buffers, in their order, as one: see
// [Op.PrepWritev]. With an error the count is what the system took.
func (f *FD) Writev(ctx context.Context, bufs [][]byte) (int, error) {
	w := f.ring.waiter()
	w.op.PrepWritev(f, bufs)
	return w.do(ctx)
}

// A vector stands where others have their buffer: buf and size are those of
// the slice of buffers.

func (op *Op) prepVector(kind opKind, f *FD, bufs [][]byte) {
	op.prep(kind, f, nil)
	op.buf, op.size = (*byte)(unsafe.Pointer(unsafe.SliceData(bufs))), len(bufs)
}

func (op *Op) vector() [][]byte {
	return unsafe.Slice((*[]byte)(unsafe.Pointer(op.buf)), op.size)
}

// vectored says that op has a vector.
func (op *Op) vectored() bool { return op.kind == kindReadv || op.kind == kindWritev }

// measure is the size of a vector, and in how many pieces it is.
func measure(bufs [][]byte) (size, pieces int) {
	for _, p := range bufs {
		if len(p) > 0 {
			size += len(p)
			pieces++
		}
	}
	return size, pieces
}

func (op *Op) runReadv(f *FD) verdict {
	n, e := f.ring.k.Readv(int(f.sysfd), op.vector())
	switch {
	case e != 0:
		return op.fail(f, e)
	case n == 0 && f.is(traitEOF):
		op.err = io.EOF
	}
	op.n = n
	return done
}

func (op *Op) runWritev(f *FD) verdict {
	bufs := op.vector()
	size, pieces := measure(bufs)
	if f.kind == KindPacket && pieces > sys.MaxVector {
		return op.fail(f, syscall.EMSGSIZE) // a part of a packet is another packet
	}
	n, e := f.sendv(bufs, op.n)
	if e != 0 {
		return op.fail(f, e)
	}
	if op.n += n; op.n < size {
		return more
	}
	return done
}

func (f *FD) sendv(bufs [][]byte, skip int) (int, sys.Errno) {
	if f.is(traitSocket) {
		return f.ring.k.Sendv(int(f.sysfd), bufs, skip)
	}
	return f.ring.k.Writev(int(f.sysfd), bufs, skip)
}
