package aio

import (
	"context"
	"errors"
	"io"
	"math"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// errNative is for a transfer that the kernel does not make by itself.
var errNative = errors.New("aio: no native transfer")

// piece is the most that one call moves.
const piece = 1 << 16

// SendFile writes n bytes of the file src, from an offset on, to f; a negative
// n means all up to the file's end. Fewer than n without an error are all that
// there were. The file's position is neither used nor moved. On linux the
// kernel does it (sendfile), on a worker, so that a slow disk delays nobody
// else, and nothing else that is written to f comes in between; elsewhere, or
// if the file system cannot, the bytes go through a buffer, with each of its
// fillings written as a whole. With an error the count is what was written.
func (f *FD) SendFile(ctx context.Context, src *FD, off, n int64) (int64, error) {
	if src == nil {
		panic("aio: SendFile from a nil FD")
	}
	if n == 0 {
		return 0, nil
	}
	if n < 0 {
		n = math.MaxInt64
	}
	if off < 0 {
		return 0, &OpError{"sendfile", "", syscall.EINVAL}
	}
	w := f.ring.waiter()
	w.op.prep(kindSendFile, f, nil)
	*w.op.more() = opExtra{src: src, off: off, left: n}
	w.run(ctx)
	sent := n - w.op.extra.left
	_, err := w.put()
	if err == errNative {
		return copyFile(ctx, f, src, off, n)
	}
	return sent, err
}

func (op *Op) runSendFile(f *FD) verdict {
	disk, ok := f.ring.k.(sys.Files)
	x := op.extra
	switch {
	case !ok:
		op.err = errNative
		return done
	case !op.mayWait():
		return slow
	case !x.src.hold():
		op.err = ErrClosed
		return done
	}
	n, e := disk.SendFile(int(f.sysfd), int(x.src.sysfd), x.off, int(min(x.left, 16*piece)))
	x.src.unhold()
	if e == 0 && n == 0 {
		return done // the file's end
	}
	x.off += int64(n)
	return op.transferred(f, n, e)
}

// transferred takes in what a transfer came to.
func (op *Op) transferred(f *FD, n int, e sys.Errno) verdict {
	switch e {
	case 0:
		op.n += n
		if op.extra.left -= int64(n); op.extra.left > 0 {
			return more
		}
		return done
	case syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP:
		if op.n == 0 {
			op.err = errNative
			return done
		}
	}
	return op.fail(f, e)
}

func copyFile(ctx context.Context, dst, src *FD, off, n int64) (sent int64, err error) {
	buf := make([]byte, piece)
	for sent < n {
		m, err := src.ReadAt(ctx, buf[:min(n-sent, piece)], off+sent)
		if err == io.EOF {
			break
		}
		if err != nil {
			return sent, err
		}
		m, err = dst.WriteAll(ctx, buf[:m])
		sent += int64(m)
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}
