package aio

import (
	"context"
	"net/netip"

	"example.com/interlock/aio/internal/sys"
)

// SendFDs sends p over a unix socket, and descriptors with it: the receiver
// gets numbers of its own for the same open files. The caller's stay open, and
// may be closed when SendFDs has returned. On a stream less than p may be
// taken; the descriptors go with the first byte, and as they cannot go without
// one, an empty p sends a zero byte that does not count.
func (f *FD) SendFDs(ctx context.Context, p []byte, fds ...int) (int, error) {
	data := p
	if len(p) == 0 && f.kind == KindStream && len(fds) > 0 {
		data = make([]byte, 1)
	}
	n, err := f.SendMsg(ctx, data, sys.Rights(fds), netip.AddrPort{}, 0)
	return min(n, len(p)), err
}

// mostRights is more descriptors than any system sends at once.
const mostRights = 256

// RecvFDs receives up to len(p) bytes over a unix socket, and at most max
// descriptors with them, which are close-on-exec and the caller's to close.
// Those that are more than max are closed, not kept. On a stream an empty p
// takes one byte all the same. It panics when max is negative.
func (f *FD) RecvFDs(ctx context.Context, p []byte, max int) (n int, fds []int, err error) {
	if max < 0 {
		panic("aio: RecvFDs with a negative max")
	}
	data := p
	if len(p) == 0 && f.kind == KindStream {
		data = make([]byte, 1)
	}
	// There is always room for all: what does not fit is closed here, and
	// not left to the system, because some leak it.
	oob := make([]byte, sys.RightsSpace(mostRights)+128)
	n, oobn, _, _, err := f.RecvMsg(ctx, data, oob, 0)
	fds = sys.ParseRights(oob[:oobn])
	if len(fds) > max {
		for _, fd := range fds[max:] {
			f.ring.k.Close(fd)
		}
		fds = fds[:max:max]
	}
	return min(n, len(p)), fds, err
}
