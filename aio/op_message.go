package aio

import (
	"io"
	"net/netip"

	"example.com/interlock/aio/internal/sys"
)

// PrepRecvFrom prepares to receive one message and its sender, see From. What
// of the message does not fit into p is lost, which Flags tells. An empty
// message is none but that: 0 bytes and no error. On a stream it is a read.
func (op *Op) PrepRecvFrom(f *FD, p []byte) { op.prepRecvMsg(f, p, nil, 0) }

// PrepSendTo prepares to send p as one message to an address; the invalid
// AddrPort is for connected sockets, and means the peer. An empty p is sent as
// an empty message.
func (op *Op) PrepSendTo(f *FD, p []byte, to netip.AddrPort) {
	op.prepSendMsg(f, p, nil, sys.Addr{IP: to}, 0)
}

// Flags are the system's MSG_ flags of a message that PrepRecvFrom received:
// MSG_TRUNC means that it was longer than its buffer.
func (op *Op) Flags() int {
	op.settled("Flags")
	if op.extra == nil {
		return 0
	}
	return int(op.extra.rflags)
}

func (op *Op) prepRecvMsg(f *FD, p, oob []byte, flags int) {
	op.prep(kindRecvMsg, f, p)
	op.arg = int32(flags)
	op.more().oob = oob
}

func (op *Op) prepSendMsg(f *FD, p, oob []byte, to sys.Addr, flags int) {
	op.prep(kindSendMsg, f, p)
	op.arg = int32(flags)
	x := op.more()
	x.oob, x.addr = oob, to
}

// prepRecvPool is PrepReadPool for messages with senders.
func (op *Op) prepRecvPool(f *FD, p *Pool) {
	op.PrepReadPool(f, p)
	op.kind = kindRecvPool
	op.more()
}

func (op *Op) runRecvMsg(f *FD) verdict {
	n, e := op.receive(f, op.bytes())
	switch {
	case e != 0:
		return op.fail(f, e)
	case n == 0 && op.size > 0 && f.is(traitEOF):
		op.err = io.EOF
	}
	op.n = n
	return done
}

// receive takes a message, and leaves what comes with it in extra.
func (op *Op) receive(f *FD, p []byte) (int, sys.Errno) {
	x := op.extra
	n, oobn, rflags, from, e := f.ring.k.RecvMsg(int(f.sysfd), p, x.oob, int(op.arg))
	if e == 0 {
		x.addr, x.rflags, x.oob = from, int32(rflags), x.oob[:oobn]
	}
	return n, e
}

func (op *Op) runSendMsg(f *FD) verdict {
	x := op.extra
	n, e := f.ring.k.SendMsg(int(f.sysfd), op.bytes(), x.oob, x.addr, f.is(traitInet6), int(op.arg))
	if e != 0 {
		return op.fail(f, e)
	}
	op.n = n
	return done
}
