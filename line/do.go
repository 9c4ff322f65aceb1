package line

import (
	"context"
	"errors"
)

// ErrHolderGone is the verdict of a hold that ended by a panic or a
// runtime.Goexit in a function that Do, Retry or Renew had called.
var ErrHolderGone = errors.New("line: holder ended without a verdict")

// Do has a failure of work that began in epoch since repaired, once for all
// callers: by calling repair, by waiting for the repair that is under way, or
// not at all if one was made since. On success it returns the epoch to note
// for the retry; with an error, the present one.
//
// The errors:
//
//   - the cause of ctx, if it ended before or while Do waited; a ctx that had
//     ended leaves the line untouched;
//   - the error of repair, which is the verdict for the others too;
//   - another caller's verdict;
//   - the cause of ctx or ctx.Err() as returned by repair itself after ctx had
//     ended: that is no verdict, the line is yielded and another caller goes
//     on.
//
// A panic or runtime.Goexit in repair goes on in its goroutine; the others get
// ErrHolderGone. A nil repair panics.
func (l *Line) Do(ctx context.Context, since Epoch, repair func(context.Context) error) (Epoch, error) {
	if repair == nil {
		panic("line: Do with a nil repair")
	}
	if ctx.Err() != nil {
		return l.Epoch(), context.Cause(ctx)
	}
	return l.Enter(since).do(ctx, repair)
}

// do takes the Pass of Do to its end.
func (p Pass) do(ctx context.Context, repair func(context.Context) error) (Epoch, error) {
	p, err := p.Wait(ctx)
	t, ok := p.Token()
	switch {
	case ok:
		return t.repair(ctx, repair)
	case err != nil:
		return p.line.Epoch(), err
	}
	return p.epoch, nil
}

// repair runs f and ends the hold with what f came to.
func (t Token) repair(ctx context.Context, f func(context.Context) error) (Epoch, error) {
	returned := false
	defer func() {
		if !returned {
			t.Fail(ErrHolderGone)
		}
	}()
	err := f(ctx)
	left := err != nil && interrupted(ctx, err) // may panic as f may: both are the caller's
	returned = true
	switch {
	case err == nil:
		t.Release()
		return t.epoch + 1, nil
	case left:
		t.Yield()
	default:
		t.Fail(err)
	}
	return t.line.Epoch(), err
}

// interrupted reports whether err, which is not nil, is the end of ctx and so
// says nothing of what was to be repaired. While ctx goes on both of its errors
// are nil, which err is not.
func interrupted(ctx context.Context, err error) bool {
	return errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err())
}
