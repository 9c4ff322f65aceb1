package aio

import (
	"context"
	"errors"
	"io/fs"

	"example.com/interlock/aio/internal/sys"
)

// Open opens a file on a worker, as os.OpenFile does: flag is made of
// os.O_RDONLY and its like, perm is for a file that is created. What is no
// regular file becomes the kind of descriptor that it is; a FIFO that nobody
// writes to does not hold Open up, as it opens non-blocking.
//
// On a regular file Read and Write move the file's position, one after the
// other in each direction; ReadAt and WriteAt do not, and run side by side. What
// the page cache has is read at once where the system can tell (linux), all
// else by a worker. Reads at the end of the file give 0, io.EOF and wait for
// nothing; a read is short there only. Writes write all.
func (r *Ring) Open(ctx context.Context, name string, flag int, perm fs.FileMode) (*FD, error) {
	disk, ok := r.k.(sys.Files)
	if !ok {
		return nil, &OpError{"open", name, errors.ErrUnsupported}
	}
	var f *FD
	w := r.waiter()
	w.op.PrepCall(r, func() (err error) {
		f, err = r.openFile(disk, name, flag, perm)
		return err
	})
	if _, err := w.do(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

func (r *Ring) openFile(disk sys.Files, name string, flag int, perm fs.FileMode) (*FD, error) {
	fd, e := disk.Open(name, flag, modeBits(perm))
	if e != 0 {
		return nil, &OpError{"open", name, e}
	}
	in, e := r.k.Adopt(fd)
	if e != 0 {
		r.k.Close(fd)
		return nil, &OpError{"open", name, e}
	}
	return r.newFD(fd, kindOf(in.Shape), in)
}

// modeBits are the system's bits of a mode.
func modeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for _, x := range [...]struct {
		mode fs.FileMode
		bit  uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&x.mode != 0 {
			bits |= x.bit
		}
	}
	return bits
}

// ReadAt reads from an offset, up to len(p) bytes; fewer only at the file's
// end, where it is 0, io.EOF. The file's position stays. Calls at different
// offsets do not wait for each other.
func (f *FD) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	w := f.ring.waiter()
	w.op.PrepReadAt(f, p, off)
	return w.do(ctx)
}

// WriteAt writes all of p at an offset; the file's position stays. A file
// opened with O_APPEND is written at its end by some systems all the same.
func (f *FD) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	w := f.ring.waiter()
	w.op.PrepWriteAt(f, p, off)
	return w.do(ctx)
}

// Sync brings the file to the disk, as fsync does.
func (f *FD) Sync(ctx context.Context) error {
	return f.onDisk(ctx, "sync", func(d sys.Files, fd int) sys.Errno { return d.Sync(fd, false) })
}

// Datasync is Sync without what only the file's times need, where the system
// makes that difference (linux).
func (f *FD) Datasync(ctx context.Context) error {
	return f.onDisk(ctx, "datasync", func(d sys.Files, fd int) sys.Errno { return d.Sync(fd, true) })
}

// Truncate gives the file a size: the rest is cut off, or zeros are added.
func (f *FD) Truncate(ctx context.Context, size int64) error {
	return f.onDisk(ctx, "truncate", func(d sys.Files, fd int) sys.Errno { return d.Truncate(fd, size) })
}

// Allocate reserves n bytes of disk from an offset on and makes the file as
// long as that needs. The error is errors.ErrUnsupported where the system
// (all but linux) or the file system cannot.
func (f *FD) Allocate(ctx context.Context, off, n int64) error {
	return f.onDisk(ctx, "allocate", func(d sys.Files, fd int) sys.Errno { return d.Allocate(fd, off, n) })
}

// Advise tells the system how n bytes from an offset on (0: all that follow)
// will be used: the system's POSIX_FADV_ numbers. The error is
// errors.ErrUnsupported where it takes no advice (all but linux).
func (f *FD) Advise(ctx context.Context, off, n int64, advice int) error {
	return f.onDisk(ctx, "advise", func(d sys.Files, fd int) sys.Errno { return d.Advise(fd, off, n, advice) })
}

// Stat describes the file. Its name is known where the system remembers it
// (linux), and else empty.
func (f *FD) Stat(ctx context.Context) (fs.FileInfo, error) {
	var in fs.FileInfo
	err := f.onDisk(ctx, "stat", func(d sys.Files, fd int) (e sys.Errno) {
		in, e = d.Stat(fd)
		return e
	})
	if err != nil {
		return nil, err
	}
	return in, nil
}

// onDisk makes a call that may block on a worker.
func (f *FD) onDisk(ctx context.Context, name string, call func(d sys.Files, fd int) sys.Errno) error {
	w := f.ring.waiter()
	w.op.prep(kindDisk, f, nil)
	w.op.more().fn = func() error {
		disk, ok := f.ring.k.(sys.Files)
		if !ok {
			return &OpError{name, "", errors.ErrUnsupported}
		}
		if e := call(disk, int(f.sysfd)); e != 0 {
			return &OpError{name, "", e}
		}
		return nil
	}
	_, err := w.do(ctx)
	return err
}
