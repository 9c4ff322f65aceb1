package aio

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// An Outbox is a bounded queue of what is to be written to a descriptor, in
// order. Send never waits: it queues, or says ErrFull, so that a peer which
// reads slowly can make a program neither wait nor grow. On a packet socket
// each Send is a packet. All methods may be called by any number of
// goroutines. Nobody else should write to the descriptor meanwhile; what does
// goes in between, never into, two messages.
//
//  1. While pumping is set, one goroutine or the pending op writes flight;
//     it alone touches op.
//  2. queued counts the bytes of flight and queue; drained is closed when it
//     is zero and only then.
//  3. With err nothing is queued.
type Outbox struct {
	fd    *FD
	limit int
	op    Op

	mu       sync.Mutex // protects the fields below; before FD.mu
	queue    []parcel
	flight   parcel
	pumping  bool
	queued   int
	sent     uint64 // bytes that left the queue, written
	drained  chan struct{}
	flushers []flusher
	err      error // why nothing can be sent any more
}

// A parcel is what is written by one operation: messages that were copied, or
// one Buf.
type parcel struct {
	own []byte
	buf *Buf
}

func (p parcel) bytes() []byte {
	if p.buf != nil {
		return p.buf.Bytes()
	}
	return p.own
}

// A flusher waits until so many bytes were sent.
type flusher struct {
	mark uint64
	done chan struct{}
}

// parcelSize is how many bytes of copied messages go into one operation; a
// longer message goes alone.
const parcelSize = 16 << 10

// NewOutbox makes an Outbox for f that holds at most limit bytes. It panics
// when f is nil or limit not positive.
func NewOutbox(f *FD, limit int) *Outbox {
	if f == nil || limit <= 0 {
		panic("aio: NewOutbox without an FD or a limit")
	}
	o := &Outbox{fd: f, limit: limit, drained: make(chan struct{})}
	close(o.drained)
	return o
}

// Send queues a copy of p and begins to write it. If that would be more than
// the limit, nothing is queued and the error is ErrFull: Drained tells when to
// come back. The other errors are ErrClosed, and the error of an earlier write,
// after which nothing is sent any more.
func (o *Outbox) Send(p []byte) error {
	return o.send(len(p), func() {
		if last := o.open(len(p)); last != nil {
			last.own = append(last.own, p...)
			return
		}
		o.queue = append(o.queue, parcel{own: slices.Clone(p)})
	})
}

// open is the parcel that n more bytes may go into; nil: they go alone. mu is
// held.
func (o *Outbox) open(n int) *parcel {
	if len(o.queue) == 0 || o.fd.kind == KindPacket { // two messages are not one
		return nil
	}
	last := &o.queue[len(o.queue)-1]
	if last.buf != nil || len(last.own)+n > parcelSize {
		return nil
	}
	return last
}

// SendBuf is Send without the copy: with a nil error the caller's use of b is
// the Outbox's, which releases it when it is written or dropped. With an error
// b is still the caller's.
func (o *Outbox) SendBuf(b *Buf) error {
	n := len(b.Bytes())
	return o.send(n, func() { o.queue = append(o.queue, parcel{buf: b}) })
}

// send queues n bytes by add and makes sure that they are written.
func (o *Outbox) send(n int, add func()) error {
	o.mu.Lock()
	switch {
	case o.err != nil:
		defer o.mu.Unlock()
		return o.err
	case n > o.limit-o.queued:
		o.mu.Unlock()
		return ErrFull
	}
	if n > 0 && o.queued == 0 {
		o.drained = make(chan struct{})
	}
	o.queued += n
	add()
	pump := !o.pumping
	o.pumping = true
	o.mu.Unlock()
	if pump {
		o.pump()
	}
	return nil
}

// Drained is a channel that is closed while nothing is queued. After a Send
// that queues something there is a new one.
func (o *Outbox) Drained() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.drained
}

// Queued is how many bytes wait to be written.
func (o *Outbox) Queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued
}

// Flush waits until all that was sent before is written: nil. The errors are
// that of a write that failed, ErrClosed, and the context's cause.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	if o.queued == 0 {
		defer o.mu.Unlock()
		return o.err
	}
	w := flusher{mark: o.sent + uint64(o.queued), done: make(chan struct{})}
	o.flushers = append(o.flushers, w)
	o.mu.Unlock()
	select {
	case <-w.done:
	case <-ctx.Done():
		if o.abandon(w) {
			return context.Cause(ctx)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sent >= w.mark {
		return nil
	}
	return o.err
}

// abandon forgets a flusher; false: it is done.
func (o *Outbox) abandon(w flusher) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.Index(o.flushers, w)
	if i < 0 {
		return false
	}
	o.flushers = slices.Delete(o.flushers, i, i+1)
	return true
}

// Close ends the Outbox, not the descriptor. What is queued is dropped, and
// the error says how much that was, so Flush first to keep it; what is being
// written may have been written in part. If a write has failed before, its
// error is returned. Afterwards everything ends with ErrClosed; a second Close
// does too.
func (o *Outbox) Close() error {
	o.mu.Lock()
	if o.err == ErrClosed {
		o.mu.Unlock()
		return ErrClosed
	}
	left, failed := o.queued, o.err
	gone := o.fail(ErrClosed)
	writing := o.pumping
	o.mu.Unlock()
	gone.release()
	if writing {
		o.op.Cancel()
	}
	if left > 0 {
		return fmt.Errorf("aio: outbox closed with %d bytes not written: %w", left, ErrCanceled)
	}
	return failed
}

// pump writes until nothing is queued or a write has to wait. The caller has
// set pumping.
func (o *Outbox) pump() {
	for o.next() && o.write() {
	}
}

// write writes what is in flight; false: it has to wait.
func (o *Outbox) write() bool {
	o.op.PrepWriteAll(o.fd, o.flight.bytes())
	if !o.op.Try((*outboxWriter)(o)) {
		if o.over() { // a Close in between found nothing to cancel
			o.op.Cancel()
		}
		return false
	}
	o.wrote()
	return true
}

// over says that nothing will be written any more.
func (o *Outbox) over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err != nil
}

// outboxWriter is the Outbox as the handler of its operation.
type outboxWriter Outbox

func (w *outboxWriter) Complete(*Op) {
	o := (*Outbox)(w)
	o.wrote()
	o.pump()
}

// next puts the first parcel into flight; false: there is none, and the pump
// has stopped.
func (o *Outbox) next() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 || o.err != nil {
		o.pumping = false
		return false
	}
	o.flight = o.queue[0]
	o.queue[0] = parcel{}
	if o.queue = o.queue[1:]; len(o.queue) == 0 {
		o.queue = nil // the array was walked through
	}
	return true
}

// wrote takes in the result of a write.
func (o *Outbox) wrote() {
	_, err := o.op.Result()
	o.mu.Lock()
	gone := parcels{o.flight}
	n := len(o.flight.bytes())
	o.flight = parcel{}
	switch {
	case o.err != nil: // closed meanwhile; all is counted
	case err != nil:
		gone = append(gone, o.fail(err)...)
	default:
		o.sent += uint64(n)
		o.settle(o.queued - n)
	}
	o.mu.Unlock()
	gone.release()
}

// settle notes how much is queued and tells who waits for less. mu is held.
func (o *Outbox) settle(queued int) {
	was := o.queued
	o.queued = queued
	if was > 0 && queued == 0 {
		close(o.drained)
	}
	o.flushers = slices.DeleteFunc(o.flushers, func(w flusher) bool {
		done := o.sent >= w.mark || o.err != nil
		if done {
			close(w.done)
		}
		return done
	})
}

// fail makes err the end of the Outbox and returns what is to be released. mu
// is held.
func (o *Outbox) fail(err error) parcels {
	if o.err == nil || err == ErrClosed {
		o.err = err
	}
	gone := parcels(o.queue)
	o.queue = nil
	o.settle(0)
	return gone
}

type parcels []parcel

// release gives back the buffers, with no lock held.
func (l parcels) release() {
	for _, p := range l {
		if p.buf != nil {
			p.buf.Release()
		}
	}
}
