package aio

import (
	"context"
	"io"
	"iter"
)

// Reads yields what is received, each time in a buffer of p that the loop's
// body releases; nothing is held while nothing comes. The end of the stream
// ends the loop; any other error, the context's cause too, is yielded once
// with a nil Buf. Leaving the loop loses no bytes and no buffer: what was not
// yielded was not read.
func (f *FD) Reads(ctx context.Context, p *Pool) iter.Seq2[*Buf, error] {
	return func(yield func(*Buf, error) bool) {
		for {
			b, err := f.readBuf(ctx, p)
			if err == io.EOF || !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (f *FD) readBuf(ctx context.Context, p *Pool) (*Buf, error) {
	w := f.ring.waiter()
	w.op.PrepReadPool(f, p)
	w.run(ctx)
	b := w.op.pooled()
	_, err := w.put()
	return b, err
}
