package aio

import "errors"

// errGoexit is the result of a call whose function ended its goroutine.
var errGoexit = errors.New("aio: function of PrepCall called runtime.Goexit")

// PrepCall prepares to run fn on one of the ring's workers ([Options.Workers]):
// for calls that block, as those that rename, remove or look up. The
// operation's error is fn's own; it is an error too when fn ends its goroutine
// by runtime.Goexit, and a panic of fn is the program's. The handler runs on
// the ring, after fn.
//
// Cancel and the deadline work until a worker takes the call; one that runs
// completes with what fn returns, and Ring.Close waits for it. It panics when
// fn is nil.
func (op *Op) PrepCall(r *Ring, fn func() error) {
	if fn == nil {
		panic("aio: PrepCall with a nil function")
	}
	op.prep(kindCall, r.own, nil)
	op.more().fn = fn
}

// callFrame is the name that inHandler looks for.
const callFrame = "example.com/interlock/aio.(*Ring).call"

// call runs op's function. op is done but for that.
//
//go:noinline
func (r *Ring) call(op *Op) {
	returned := false
	defer func() {
		if !returned {
			if p := recover(); p != nil {
				panic(p)
			}
			op.err = errGoexit
		}
		r.finish(op)
	}()
	op.err = op.extra.fn()
	returned = true
}
