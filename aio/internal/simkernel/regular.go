package simkernel

import (
	"os"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// inode is a regular file's content, which several open files share.
type inode struct {
	name string
	data []byte
	perm uint32
}

// regular is an open regular file: epoll refuses it, a kqueue reports what is
// left.
type regular struct {
	*inode
	at   int // the position
	flag int // that it was opened with
}

// File makes a regular file with the given content, open at its start.
func (k *Kernel) File(content []byte) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	fd, e := k.give(&file{node: &regular{inode: &inode{data: append([]byte(nil), content...)}, flag: os.O_RDWR}})
	if e != 0 {
		return -1
	}
	return fd
}

func (r *regular) info() sys.Info { return sys.Info{Shape: sys.ShapeFile} }

func (r *regular) read(_ *Kernel, p []byte, _ bool) (int, sys.Errno) {
	n, e := r.readAt(p, int64(r.at))
	r.at += n
	return n, e
}

func (r *regular) write(_ *Kernel, p []byte) (int, sys.Errno) {
	if r.flag&os.O_APPEND != 0 {
		r.at = len(r.data)
	}
	n, e := r.writeAt(p, int64(r.at))
	r.at += n
	return n, e
}

// readAt and writeAt leave the position alone.

func (r *regular) readAt(p []byte, off int64) (int, sys.Errno) {
	if r.flag&accessMode == os.O_WRONLY {
		return 0, syscall.EBADF
	}
	if off >= int64(len(r.data)) {
		return 0, 0
	}
	return copy(p, r.data[off:]), 0
}

func (r *regular) writeAt(p []byte, off int64) (int, sys.Errno) {
	if r.flag&accessMode == os.O_RDONLY {
		return 0, syscall.EBADF
	}
	if r.flag&os.O_APPEND != 0 { // linux heeds it here too
		off = int64(len(r.data))
	}
	if len(p) > 0 {
		r.extend(off + int64(len(p)))
	}
	return copy(r.data[min(off, int64(len(r.data))):], p), 0
}

// extend makes the file at least n bytes long.
func (i *inode) extend(n int64) {
	if more := n - int64(len(i.data)); more > 0 {
		i.data = append(i.data, make([]byte, more)...)
	}
}

func (r *regular) mask(*Kernel) uint32 { return sys.EPOLLIN | sys.EPOLLOUT }

func (r *regular) note(k *Kernel, filter int) note {
	left := int64(len(r.data) - r.at)
	if filter == sys.EVFILT_READ {
		return note{fires: left > 0, data: left}
	}
	if !k.m.FileWrite {
		return note{refuse: syscall.EINVAL}
	}
	return note{fires: true, once: true}
}

func (r *regular) close(*Kernel) {}
