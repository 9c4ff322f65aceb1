//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

var _ Files = host{}

func (host) Open(name string, flag int, perm uint32) (int, Errno) {
	for {
		fd, err := unix.Open(name, flag|openLarge|unix.O_CLOEXEC|unix.O_NONBLOCK, perm)
		if e := errno(err); e != syscall.EINTR {
			return fd, e
		}
	}
}

func (host) ReadAt(fd int, p []byte, off int64, wait bool) (int, Errno) {
	p = p[:min(len(p), maxRW)]
	if !wait {
		return readNow(fd, p, off)
	}
	return moved(func() (int, error) {
		if off < 0 {
			return unix.Read(fd, p)
		}
		return unix.Pread(fd, p, off)
	})
}

func (host) WriteAt(fd int, p []byte, off int64, wait bool) (int, Errno) {
	p = p[:min(len(p), maxRW)]
	if !wait {
		return writeNow(fd, p, off)
	}
	return moved(func() (int, error) {
		if off < 0 {
			return unix.Write(fd, p)
		}
		return unix.Pwrite(fd, p, off)
	})
}

// moved repeats a transfer that a signal interrupts.
func moved(call func() (int, error)) (int, Errno) {
	for {
		n, err := call()
		if e := errno(err); e != syscall.EINTR {
			return max(n, 0), e
		}
	}
}

func (host) Sync(fd int, data bool) Errno {
	return retry(func() error {
		if data {
			return datasync(fd)
		}
		return fullsync(fd)
	})
}

func (host) Truncate(fd int, size int64) Errno {
	return retry(func() error { return unix.Ftruncate(fd, size) })
}

func (host) Allocate(fd int, off, n int64) Errno {
	return retry(func() error { return allocate(fd, off, n) })
}

func (host) Advise(fd int, off, n int64, how int) Errno { return advise(fd, off, n, how) }

// Stat lets package os make sense of the system's structure, on a duplicate
// because its File closes what it is given.
func (h host) Stat(fd int) (fs.FileInfo, Errno) {
	dup, e := h.Dup(fd)
	if e != 0 {
		return nil, e
	}
	f := os.NewFile(uintptr(dup), nameOf(fd))
	defer f.Close()
	in, err := f.Stat()
	if err != nil {
		if pe, ok := err.(*fs.PathError); ok {
			return nil, errno(pe.Err)
		}
		return nil, errno(err)
	}
	return in, 0
}
