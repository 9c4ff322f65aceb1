package sys

import "io/fs"

// Files is what a Kernel can have besides: regular files. A call with wait
// may block on a disk; one without answers EAGAIN where it would, or may, and
// always where the system cannot tell.
type Files interface {
	// Open is open(2), close-on-exec; a FIFO or device does not block it.
	Open(name string, flag int, perm uint32) (int, Errno)
	// ReadAt and WriteAt are pread(2) and pwrite(2), and read(2) and
	// write(2) where off is negative.
	ReadAt(fd int, p []byte, off int64, wait bool) (int, Errno)
	WriteAt(fd int, p []byte, off int64, wait bool) (int, Errno)
	Sync(fd int, data bool) Errno // data: without what only the times need
	Truncate(fd int, size int64) Errno
	Allocate(fd int, off, n int64) Errno        // ENOTSUP, EOPNOTSUPP or ENOSYS where that is not possible
	Advise(fd int, off, n int64, how int) Errno // ENOSYS where the system takes no advice
	Stat(fd int) (fs.FileInfo, Errno)
	// SendFile and Splice move up to n bytes inside the kernel; ENOSYS
	// where that is not possible.
	SendFile(to, from int, off int64, n int) (int, Errno)
	Splice(to, from int, n int) (int, Errno)
}
