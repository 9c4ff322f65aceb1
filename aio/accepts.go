package aio

import (
	"context"
	"iter"
)

// Accepts yields connections as they come, until the loop is left, the context
// ends or accepting fails; the last two are yielded once as the error. The
// connection that is yielded is the loop's; none is accepted ahead of it, so
// leaving loses none.
func (f *FD) Accepts(ctx context.Context) iter.Seq2[*FD, error] {
	return func(yield func(*FD, error) bool) {
		for {
			c, _, err := f.Accept(ctx)
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}
