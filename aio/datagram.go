package aio

import (
	"context"
	"io"
	"iter"
	"net/netip"
)

// Datagram is a message that [FD.RecvsFrom] received.
type Datagram struct {
	Buf   *Buf           // the message, which may be empty; the receiver's to release
	From  netip.AddrPort // who sent it; invalid for unix sockets
	Flags int            // the system's MSG_ flags; MSG_TRUNC: it was longer than the pool's buffers
}

// RecvsFrom yields messages and their senders as they come, each in a buffer
// of p that the loop's body releases; nothing is held while nothing comes. An
// error, the context's cause too, ends the loop and is yielded once, with a
// zero Datagram; the end of a stream or of a sequence of packets ends it
// silently. Leaving the loop loses no message: what was not yielded was not
// received.
func (f *FD) RecvsFrom(ctx context.Context, p *Pool) iter.Seq2[Datagram, error] {
	return func(yield func(Datagram, error) bool) {
		for {
			d, err := f.recvBuf(ctx, p)
			if err == io.EOF || !yield(d, err) || err != nil {
				return
			}
		}
	}
}

func (f *FD) recvBuf(ctx context.Context, p *Pool) (d Datagram, err error) {
	w := f.ring.waiter()
	w.op.prepRecvPool(f, p)
	w.run(ctx)
	if w.op.err == nil {
		x := w.op.extra
		d = Datagram{w.op.pooled(), x.addr.IP, int(x.rflags)}
	}
	_, err = w.put()
	return d, err
}
