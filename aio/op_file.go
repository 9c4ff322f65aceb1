package aio

import (
	"errors"
	"io"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// PrepReadAt prepares to read from an offset, up to len(p) bytes; fewer only
// at the file's end, where the result is 0, io.EOF.
func (op *Op) PrepReadAt(f *FD, p []byte, off int64) {
	op.prep(kindReadAt, f, p)
	op.ask = Readable // whose deadline counts
	op.more().off = off
}

// PrepWriteAt prepares to write all of p at an offset.
func (op *Op) PrepWriteAt(f *FD, p []byte, off int64) {
	op.prep(kindWriteAt, f, p)
	op.ask = Writable
	op.more().off = off
}

// aside says whether op stands in no direction and is a worker's to run,
// unless it succeeds at once.
func (op *Op) aside() bool {
	switch op.kind {
	case kindCall, kindDisk, kindReadAt, kindWriteAt:
		return true
	}
	return false
}

// mayWait says whether the runner is a worker.
func (op *Op) mayWait() bool { return op.extra != nil && op.extra.slow }

// runFile is run for regular files. ok: it made the call, or answered.
func (op *Op) runFile(f *FD) (v verdict, ok bool) {
	disk, ok := f.ring.k.(sys.Files)
	if !ok {
		return 0, false
	}
	switch op.kind {
	case kindRead, kindReadFull:
		return op.readFile(f, disk, -1), true
	case kindWrite, kindWriteAll:
		return op.writeFile(f, disk, -1), true
	case kindReadPool:
		return op.readFilePool(f, disk), true
	case kindReadAt, kindWriteAt:
		return 0, false
	}
	// The rest has no form that does not block.
	return slow, !op.mayWait()
}

// runAt runs ReadAt and WriteAt, on descriptors of every kind.
func (op *Op) runAt(f *FD) verdict {
	disk, ok := f.ring.k.(sys.Files)
	off := op.extra.off
	switch {
	case !ok:
		op.err = &OpError{kinds[op.kind].name, "", errors.ErrUnsupported}
		return done
	case off < 0:
		return op.failFile(syscall.EINVAL)
	case op.kind == kindWriteAt:
		return op.writeFile(f, disk, off+int64(op.n))
	}
	return op.readFile(f, disk, off+int64(op.n))
}

// readFile reads what is missing; off is negative for the file's position.
func (op *Op) readFile(f *FD, disk sys.Files, off int64) verdict {
	p, wait := op.bytes()[op.n:], op.mayWait()
	n, e := disk.ReadAt(int(f.sysfd), p, off, wait)
	if n == 0 && e == 0 && !wait {
		// The end; but kernels are known that say so of a page that is not
		// there. At the end the other call does not wait.
		wait = true
		n, e = disk.ReadAt(int(f.sysfd), p, off, wait)
	}
	switch op.n += n; {
	case e == syscall.EAGAIN && !wait:
		return slow
	case e != 0:
		return op.failFile(e)
	case op.n == op.size || n > 0 && wait && op.kind != kindReadFull:
		return done
	case n > 0:
		return more
	case op.n == 0:
		op.err = io.EOF
	case op.kind == kindReadFull:
		op.err = io.ErrUnexpectedEOF
	}
	return done
}

// writeFile writes what is left.
func (op *Op) writeFile(f *FD, disk sys.Files, off int64) verdict {
	wait := op.mayWait()
	n, e := disk.WriteAt(int(f.sysfd), op.bytes()[op.n:], off, wait)
	switch op.n += n; {
	case e == syscall.EAGAIN && !wait:
		return slow
	case e != 0:
		return op.failFile(e)
	case op.n == op.size:
		return done
	case n == 0:
		op.err = io.ErrShortWrite
		return done
	}
	return more
}

// readFilePool is runReadPool for files.
func (op *Op) readFilePool(f *FD, disk sys.Files) verdict {
	b := op.pooled()
	if b == nil {
		if b = op.pool().take(); b == nil {
			return op.starve(f)
		}
	}
	n, e := disk.ReadAt(int(f.sysfd), b.mem, -1, op.mayWait())
	if n > 0 {
		b.n, op.n = n, n
		op.setPooled(b)
		return done
	}
	op.setPooled(nil)
	b.Release()
	switch {
	case !op.mayWait() && (e == 0 || e == syscall.EAGAIN):
		return slow
	case e != 0:
		return op.failFile(e)
	}
	op.err = io.EOF
	return done
}

// failFile ends op with an error: files have nothing to wait for.
func (op *Op) failFile(e sys.Errno) verdict {
	op.err = &OpError{kinds[op.kind].name, "", e}
	return done
}
