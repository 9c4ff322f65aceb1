package sys

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const openLarge = unix.O_LARGEFILE

// noNow is set when the kernel turned out not to know the calls with flags.
var noNow atomic.Bool

// readNow reads what the page cache has.
func readNow(fd int, p []byte, off int64) (int, Errno) {
	return now(unix.SYS_PREADV2, fd, p, off)
}

// writeNow writes as far as that needs no wait. Many file systems never say
// that it does not.
func writeNow(fd int, p []byte, off int64) (int, Errno) {
	return now(unix.SYS_PWRITEV2, fd, p, off)
}

func now(trap uintptr, fd int, p []byte, off int64) (int, Errno) {
	if noNow.Load() {
		return 0, syscall.EAGAIN
	}
	v := unix.Iovec{Base: unsafe.SliceData(p)}
	v.SetLen(len(p))
	high := uintptr(uint64(off) >> 32)
	if unsafe.Sizeof(high) == 8 {
		high = 0 // the whole offset is in the low word
	}
	for {
		n, _, e := syscall.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&v)), 1, uintptr(off), high, unix.RWF_NOWAIT)
		switch e {
		case 0:
			return int(n), 0
		case syscall.EINTR:
			continue
		case syscall.ENOSYS:
			noNow.Store(true)
			return 0, syscall.EAGAIN
		case syscall.EOPNOTSUPP, syscall.EINVAL:
			return 0, syscall.EAGAIN // the plain call says what is wrong, if anything is
		}
		return 0, e
	}
}

// nameOf is what the file was called when it was opened.
func nameOf(fd int) string {
	name, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	return name
}

func datasync(fd int) error { return unix.Fdatasync(fd) }

func fullsync(fd int) error { return unix.Fsync(fd) }

func allocate(fd int, off, n int64) error { return unix.Fallocate(fd, 0, off, n) }

func advise(fd int, off, n int64, how int) Errno { return errno(unix.Fadvise(fd, off, n, how)) }

func (host) SendFile(to, from int, off int64, n int) (int, Errno) {
	return moved(func() (int, error) { return unix.Sendfile(to, from, &off, n) })
}

func (host) Splice(to, from int, n int) (int, Errno) {
	return moved(func() (int, error) {
		m, err := unix.Splice(from, nil, to, nil, n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		return int(m), err
	})
}
