package simkernel

import (
	"encoding/binary"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// special is what all files have in common that carry no bytes.
type special struct{}

func (special) info() sys.Info                              { return sys.Info{} }
func (special) read(*Kernel, []byte, bool) (int, sys.Errno) { return 0, syscall.EINVAL }
func (special) write(*Kernel, []byte) (int, sys.Errno)      { return 0, syscall.EINVAL }

// counter is an eventfd.
type counter struct {
	special
	file *file
	n    uint64
}

// EventFD makes an eventfd.
func (k *Kernel) EventFD() (fd int, e sys.Errno) {
	e = k.enter(CallEventFD, -1)
	defer func() { k.leave(CallEventFD, fd, 0, e) }()
	if e != 0 {
		return -1, e
	}
	if k.m.Poller != sys.Epoll {
		return -1, syscall.ENOSYS
	}
	c := &counter{}
	c.file = &file{node: c}
	return k.give(c.file)
}

func (c *counter) read(k *Kernel, p []byte, _ bool) (int, sys.Errno) {
	if len(p) < 8 {
		return 0, syscall.EINVAL
	}
	if c.n == 0 {
		return 0, syscall.EAGAIN
	}
	binary.NativeEndian.PutUint64(p, c.n)
	c.n = 0
	c.file.wake(k, writing)
	return 8, 0
}

func (c *counter) write(k *Kernel, p []byte) (int, sys.Errno) {
	if len(p) < 8 {
		return 0, syscall.EINVAL
	}
	add := binary.NativeEndian.Uint64(p)
	switch {
	case add == 1<<64-1:
		return 0, syscall.EINVAL
	case c.n+add < c.n || c.n+add == 1<<64-1:
		return 0, syscall.EAGAIN
	}
	c.n += add
	c.file.wake(k, reading)
	return 8, 0
}

func (c *counter) mask(*Kernel) (m uint32) {
	if c.n > 0 {
		m |= sys.EPOLLIN
	}
	if c.n < 1<<64-2 {
		m |= sys.EPOLLOUT
	}
	return m
}

func (c *counter) note(*Kernel, int) note { return note{refuse: syscall.EINVAL} }
func (c *counter) close(*Kernel)          {}
