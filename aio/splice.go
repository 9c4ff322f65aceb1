package aio

import (
	"context"
	"io"
	"math"

	"example.com/interlock/aio/internal/sys"
)

// SpliceTo moves n bytes from f to dst, which may be of another ring; a
// negative n means all until f ends. Fewer than n without an error are all
// that there were. On linux they stay in the kernel (splice) as far as it can,
// elsewhere they go through a buffer; each portion takes its turn among the
// reads of f and the writes of dst. The count is what dst took; with an error
// what was read already and not written is lost, as with io.Copy.
func (f *FD) SpliceTo(ctx context.Context, dst *FD, n int64) (int64, error) {
	if dst == nil {
		panic("aio: SpliceTo a nil FD")
	}
	if n < 0 {
		n = math.MaxInt64
	}
	moved, err := f.spliceTo(ctx, dst, n)
	if err == errNative {
		var rest int64
		rest, err = f.copyTo(ctx, dst, n-moved)
		moved += rest
	}
	return moved, err
}

// spliceTo moves through a pipe of its own: errNative when the rest has to be
// copied.
func (f *FD) spliceTo(ctx context.Context, dst *FD, n int64) (moved int64, err error) {
	k := f.ring.k
	if _, ok := k.(sys.Files); !ok || k != dst.ring.k {
		return 0, errNative
	}
	rd, wr, e := k.Pipe()
	if e != 0 {
		return 0, errNative // of descriptors there may be few
	}
	defer k.Close(rd)
	defer k.Close(wr)
	for moved < n {
		m, err := f.splice(ctx, kindSpliceIn, wr, min(n-moved, piece))
		if m == 0 || err != nil {
			return moved, err
		}
		out, err := dst.splice(ctx, kindSpliceOut, rd, m)
		if err == errNative {
			if out, err = dst.writeFrom(ctx, rd, m); err == nil {
				err = errNative
			}
		}
		moved += out
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// splice moves up to n bytes between f and the pipe, all of them when out.
func (f *FD) splice(ctx context.Context, kind opKind, pipe int, n int64) (int64, error) {
	w := f.ring.waiter()
	w.op.prep(kind, f, nil)
	w.op.more().left = n
	w.op.arg = int32(pipe)
	w.run(ctx)
	moved, err := w.put()
	return int64(moved), err
}

// runSplice: the pipe is empty on the way in and is not on the way out, so
// that only f can be the reason to wait.
func (op *Op) runSplice(f *FD) verdict {
	disk, ok := f.ring.k.(sys.Files)
	if !ok {
		op.err = errNative
		return done
	}
	if op.kind == kindSpliceOut {
		n, e := disk.Splice(int(f.sysfd), int(op.arg), int(op.extra.left))
		return op.transferred(f, n, e)
	}
	n, e := disk.Splice(int(op.arg), int(f.sysfd), int(op.extra.left))
	v := op.transferred(f, n, e)
	if v == more {
		return done // what there is goes on at once
	}
	return v
}

// writeFrom writes what is in the pipe.
func (f *FD) writeFrom(ctx context.Context, pipe int, n int64) (int64, error) {
	buf := make([]byte, n)
	for got := 0; got < len(buf); {
		m, e := f.ring.k.Read(pipe, buf[got:])
		if e != 0 || m == 0 {
			return 0, &OpError{"splice", "", e}
		}
		got += m
	}
	m, err := f.WriteAll(ctx, buf)
	return int64(m), err
}

// copyTo is spliceTo through a buffer.
func (f *FD) copyTo(ctx context.Context, dst *FD, n int64) (moved int64, err error) {
	buf := make([]byte, piece)
	for moved < n {
		m, err := f.Read(ctx, buf[:min(n-moved, piece)])
		if err == io.EOF {
			break
		}
		if err != nil {
			return moved, err
		}
		m, err = dst.WriteAll(ctx, buf[:m])
		moved += int64(m)
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}
