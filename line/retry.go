package line

import "context"

// RetryOptions tell Retry what calls for a repair and what the repair is.
type RetryOptions struct {
	// Broken reports whether an error of op calls for a repair; an error that
	// does not is returned as it is. Required.
	Broken func(error) bool
	// Repair repairs; cause is the error of op that called for it. Its error
	// is the verdict for all who wait. Required.
	Repair func(ctx context.Context, cause error) error
	// Attempts is how often op is tried at most, the first time included;
	// 0 = 3. It ends the loop that a repair which does not help would make
	// endless. A negative number panics.
	Attempts int
}

const defaultAttempts = 3

// Retry calls op until it succeeds, has l repaired in between when op fails
// with an error that is Broken, and returns what op returned last. A line that
// is busy is waited for before the first try.
//
// The other errors are the cause of ctx, if it ended while Retry waited or
// before (then neither op is called nor the line touched), and the verdict of
// a repair that failed, Retry's own or another caller's. A nil op, Broken or
// Repair panics. A panic in op concerns its caller alone.
func Retry[T any](ctx context.Context, l *Line, opts RetryOptions, op func(context.Context) (T, error)) (T, error) {
	attempts := opts.checked(op == nil)
	var none T
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	since, err := l.settled(ctx)
	if err != nil {
		return none, err
	}
	for {
		v, err := op(ctx)
		attempts--
		if err == nil || attempts == 0 || !opts.Broken(err) {
			return v, err
		}
		since, err = l.Do(ctx, since, func(ctx context.Context) error { return opts.Repair(ctx, err) })
		if err != nil {
			return none, err
		}
	}
}

// checked panics on options that make no sense and returns the attempts.
func (o RetryOptions) checked(nilOp bool) int {
	switch {
	case nilOp:
		panic("line: Retry with a nil op")
	case o.Broken == nil:
		panic("line: Retry without Broken")
	case o.Repair == nil:
		panic("line: Retry without Repair")
	case o.Attempts < 0:
		panic("line: Retry with negative Attempts")
	case o.Attempts == 0:
		return defaultAttempts
	}
	return o.Attempts
}

// settled waits until the line is free and returns the epoch to note. After a
// repair that failed that is the epoch from before: if the work fails now, it
// fails for the same reason, and shall get that verdict instead of asking for
// the same repair again.
func (l *Line) settled(ctx context.Context) (Epoch, error) {
	s := l.state.Load()
	since := epochOf(s)
	for p := l.pass(Busy, s); s&held != 0; s = l.state.Load() {
		select { // Done, not Wait: who has nothing to repair must not inherit the line
		case <-p.Done():
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
		if e := l.Epoch(); l.verdict(e-1) == nil { // nor is there one before epoch 0
			since = e
		}
		p = l.pass(Busy, l.state.Load())
	}
	return since, nil
}
