// Package aio is an I/O core over epoll (linux) and kqueue (darwin and the
// BSDs): sockets and pipes, with three ways to use them over one state
// machine.
//
// In completion style an [Op] is prepared and started, and a [Handler] gets it
// back when it is done. There is no goroutine and no allocation per
// operation; a pending one takes about 230 bytes, its descriptor included:
//
//	func (s *session) Complete(op *aio.Op) {
//		n, err := op.Result()
//		...
//		op.PrepRead(s.fd, s.buf)
//		op.Start(s)
//	}
//
// In blocking style a call parks its goroutine:
//
//	n, err := fd.Read(ctx, p) // ends with the context, without another goroutine
//
// And an iterator yields what comes again and again:
//
//	for fd, err := range listener.Accepts(ctx) { ... }
//
// [Conn] and [Listener] are the standard library's shapes of all this, so that
// net/http and crypto/tls work over it.
//
// Datagrams come with their senders ([FD.RecvFrom], [FD.RecvsFrom]), scattered
// buffers go out in one call ([FD.Writev]), and open files travel over unix
// sockets ([FD.SendFDs]).
//
// # When to use it
//
// Use it for very many connections that are mostly idle, for proxies and
// protocol servers whose work per message is small, for dialing many peers at
// once with exact cancellation, and for programs that want to own their event
// loop ([Manual]).
//
// # When not
//
// Stay with package net when a goroutine per connection is affordable: it
// works everywhere, resolves names, and in blocking style aio saves memory
// rather than time. aio does not look names up, does no TLS of its own, and
// makes no ring on windows ([New] returns an error that is
// errors.ErrUnsupported).
//
// # Guarantees
//
//   - Exactly one completion for each Start, never on the starter's stack.
//   - Cancel is exact: true means ErrCanceled and an untouched buffer.
//   - Each direction of a descriptor is a queue: writes are neither reordered
//     nor torn, and one datum wakes one reader.
//   - Close ends everything that is pending, in every style, and the number is
//     not reused while a system call runs on it.
//   - A ring with nothing to do does nothing.
//   - A shortage of descriptors, buffers or backlog is waited out, not spun on.
//   - Writing to a dead peer is an error, never a signal.
//
// What happens before Start synchronizes before the call of the handler, and
// what a handler does before the return of a call that it woke.
package aio
