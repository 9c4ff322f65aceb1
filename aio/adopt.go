package aio

import (
	"math"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// errTaken is for a number that the ring has a descriptor of already.
var errTaken error = &OpError{"adopt", "", syscall.EEXIST}

// Adopt takes over a descriptor of the system: from now on it is the ring's to
// close. When Adopt fails it stays the caller's. It becomes non-blocking, which
// those who share the open file with it notice, and close-on-exec. KindAuto asks
// the system what it is.
func (r *Ring) Adopt(sysfd int, kind Kind) (*FD, error) {
	if kind > KindOther {
		panic("aio: Adopt of an unknown Kind")
	}
	in, err := r.inspect(sysfd)
	if err != nil {
		return nil, err
	}
	if kind == KindAuto {
		kind = kindOf(in.Shape)
	}
	return r.enter(sysfd, kind, in)
}

// inspect looks at a descriptor of the system and makes it fit for the ring. On
// failure it is as open as before.
func (r *Ring) inspect(sysfd int) (sys.Info, error) {
	if sysfd < 0 || sysfd > math.MaxInt32 { // of a longer one the system takes a part
		return sys.Info{}, &OpError{"adopt", "", syscall.EBADF}
	}
	if r.state.Load() == ringClosed {
		return sys.Info{}, ErrClosed
	}
	if r.table.get(sysfd) != nil {
		return sys.Info{}, errTaken
	}
	in, e := r.k.Adopt(sysfd)
	if e != 0 {
		return sys.Info{}, &OpError{"adopt", "", e}
	}
	return in, nil
}

// AdoptConn makes a descriptor of its own for a connection, listener or file
// of other packages: a net.Conn, net.Listener or *os.File. It is a duplicate;
// the caller closes c whenever he likes. Both share the open file, so what one
// reads the other does not.
func (r *Ring) AdoptConn(c syscall.Conn) (*FD, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, &OpError{"adopt", "", err}
	}
	fd, e := -1, sys.Errno(0)
	err = raw.Control(func(sysfd uintptr) { fd, e = r.k.Dup(int(sysfd)) })
	if err == nil && e != 0 {
		err = e
	}
	if err != nil {
		return nil, &OpError{"adopt", "", err}
	}
	in, err := r.inspect(fd)
	if err != nil {
		if err != errTaken {
			r.k.Close(fd)
		}
		return nil, err
	}
	return r.newFD(fd, kindOf(in.Shape), in) // which closes it, if the ring is closed by now
}

// sockTypes are the bits of a socket's type; above them some systems take flags.
const sockTypes = 0xf

// Socket makes a socket: the numbers are the system's AF_, SOCK_ and IPPROTO_.
func (r *Ring) Socket(domain, typ, proto int) (*FD, error) {
	if r.state.Load() == ringClosed {
		return nil, ErrClosed
	}
	fd, e := r.k.Socket(domain, typ, proto)
	if e != 0 {
		return nil, &OpError{"socket", "", e}
	}
	in := sys.Info{
		Shape: sys.ShapePacket, Socket: true,
		Inet6: domain == syscall.AF_INET6, Unix: domain == syscall.AF_UNIX, Seq: typ&sockTypes == syscall.SOCK_SEQPACKET,
	}
	if typ&sockTypes == syscall.SOCK_STREAM {
		in.Shape = sys.ShapeStream
	}
	return r.newFD(fd, kindOf(in.Shape), in)
}

// Pipe makes a pipe.
func (r *Ring) Pipe() (rd, wr *FD, err error) {
	if r.state.Load() == ringClosed {
		return nil, nil, ErrClosed
	}
	a, b, e := r.k.Pipe()
	if e != 0 {
		return nil, nil, &OpError{"pipe", "", e}
	}
	if rd, err = r.newFD(a, KindOther, sys.Info{}); err != nil {
		r.k.Close(b)
		return nil, nil, err
	}
	if wr, err = r.newFD(b, KindOther, sys.Info{}); err != nil {
		_ = rd.Close()
		return nil, nil, err
	}
	return rd, wr, nil
}
