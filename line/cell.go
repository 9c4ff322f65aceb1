package line

import (
	"context"
	"sync/atomic"
)

// A Cell holds a value that is renewed by one and read by all: an access
// token, a leader's address, a configuration. The zero value holds T's zero
// value. A Cell must not be copied after first use; its methods may be called
// from any goroutine.
type Cell[T any] struct {
	line  Line
	value atomic.Pointer[T] // nil = T's zero value; stored before the line moves on
}

// NewCell returns a Cell that holds first.
func NewCell[T any](first T) *Cell[T] {
	c := new(Cell[T])
	c.value.Store(&first)
	return c
}

// Load returns the value and the epoch to give to Renew if the value proves
// to be of no use. It takes no lock. The value may be newer than the epoch for
// a moment, never older.
func (c *Cell[T]) Load() (T, Epoch) {
	e := c.line.Epoch() // first: see above
	return c.load(), e
}

func (c *Cell[T]) load() T {
	if v := c.value.Load(); v != nil {
		return *v
	}
	var zero T
	return zero
}

// Renew replaces a value that was loaded with epoch since and proved to be of
// no use, once for all callers who found that: it calls renew with the old
// value, or waits for the one who does, or finds that it was done. It returns
// the value that is in force and its epoch. The errors are those of Line.Do;
// with an error the old value stays and is returned.
func (c *Cell[T]) Renew(ctx context.Context, since Epoch, renew func(ctx context.Context, old T) (T, error)) (T, Epoch, error) {
	if renew == nil {
		panic("line: Renew with a nil renew")
	}
	_, err := c.line.Do(ctx, since, func(ctx context.Context) error {
		v, err := renew(ctx, c.load())
		if err == nil {
			c.value.Store(&v)
		}
		return err
	})
	v, e := c.Load()
	return v, e, err
}
