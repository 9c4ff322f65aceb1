package aio

import (
	"context"
	"net/netip"

	"example.com/interlock/aio/internal/sys"
)

// RecvFrom receives one message and says who sent it: the zero AddrPort for
// unix sockets and where the system does not tell, as on a connected stream.
// flags are the system's MSG_ flags; MSG_TRUNC means that the message was
// longer than p and that its rest is lost. An empty message is (0, nil), not
// the end of anything.
func (f *FD) RecvFrom(ctx context.Context, p []byte) (n int, from netip.AddrPort, flags int, err error) {
	n, _, flags, a, err := f.recvMsg(ctx, p, nil, 0)
	return n, a.IP, flags, err
}

// SendTo sends p as one message to an address. The invalid AddrPort is for a
// connected socket and means its peer. An empty p is sent as an empty message.
func (f *FD) SendTo(ctx context.Context, p []byte, to netip.AddrPort) (int, error) {
	return f.sendMsg(ctx, p, nil, sys.Addr{IP: to}, 0)
}

// RecvMsg is recvmsg(2): it receives with the system's MSG_ flags, and with
// control data, of which oobn bytes are left in oob. rflags has MSG_TRUNC and
// MSG_CTRUNC for what was cut off. Descriptors in the control data belong to
// the caller and are close-on-exec.
func (f *FD) RecvMsg(ctx context.Context, p, oob []byte, flags int) (n, oobn, rflags int, from netip.AddrPort, err error) {
	n, oobn, rflags, a, err := f.recvMsg(ctx, p, oob, flags)
	return n, oobn, rflags, a.IP, err
}

// SendMsg is sendmsg(2): it sends p with control data and the system's MSG_
// flags. The invalid AddrPort means the peer of a connected socket. On a
// stream it may take less than len(p); the control data goes with the first
// byte.
func (f *FD) SendMsg(ctx context.Context, p, oob []byte, to netip.AddrPort, flags int) (int, error) {
	return f.sendMsg(ctx, p, oob, sys.Addr{IP: to}, flags)
}

func (f *FD) recvMsg(ctx context.Context, p, oob []byte, flags int) (n, oobn, rflags int, from sys.Addr, err error) {
	w := f.ring.waiter()
	w.op.prepRecvMsg(f, p, oob, flags)
	w.run(ctx)
	x := w.op.extra
	if w.op.err == nil {
		oobn, rflags, from = len(x.oob), int(x.rflags), x.addr
	}
	n, err = w.put()
	return n, oobn, rflags, from, err
}

func (f *FD) sendMsg(ctx context.Context, p, oob []byte, to sys.Addr, flags int) (int, error) {
	w := f.ring.waiter()
	w.op.prepSendMsg(f, p, oob, to, flags)
	return w.do(ctx)
}

// Bind gives a socket of [Ring.Socket] an address of its own; port 0 lets the
// system choose one.
func (f *FD) Bind(at netip.AddrPort) error { return f.bind(sys.Addr{IP: at}) }

// BindUnix gives a unix socket a path, or with '@' in front a name in linux's
// abstract space. The path is not removed by Close.
func (f *FD) BindUnix(path string) error { return f.bind(sys.Addr{Path: path, Unix: true}) }

func (f *FD) bind(at sys.Addr) error {
	err := f.with("bind", func(k sys.Kernel, fd int) sys.Errno { return k.Bind(fd, at, f.is(traitInet6)) })
	if e, ok := err.(*OpError); ok {
		e.Addr = addrName(at)
	}
	return err
}

// addrName is an address for error messages.
func addrName(a sys.Addr) string {
	switch {
	case a.Unix:
		return a.Path
	case a.None():
		return ""
	}
	return a.IP.String()
}
