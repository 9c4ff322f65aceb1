package canceltree

import (
	"context"
	"errors"
)

var errGoexit = errors.New("canceltree: function given to Run called runtime.Goexit")

// Run calls f in a new goroutine with t as its context and returns what f
// returns. If t ends first, Run returns the zero value and t's Cause without waiting
// for f; f, which is expected to notice the end of its context, then goes on by
// itself, and what it returns, or panics with, is dropped. If t has ended when Run
// is called, f is not called. A result that is there counts, even if t has ended,
// too.
//
// A panic of f is raised again in the caller, with the same value. If f ends its
// goroutine by runtime.Goexit, Run returns an error that says so.
//
// Run panics if t or f is nil.
func Run[T any](t *Token, f func(context.Context) (T, error)) (T, error) {
	if t == nil {
		panic("canceltree: Run with a nil Token")
	}
	if f == nil {
		panic("canceltree: Run with a nil function")
	}
	var none T
	if cause := t.Cause(); cause != nil {
		return none, cause
	}
	results := make(chan outcome[T], 1) // so that f's goroutine ends in any case
	go call(t, f, results)
	select {
	case r := <-results:
		return r.unwrap()
	case <-t.Done():
	}
	select {
	case r := <-results:
		return r.unwrap()
	default:
		return none, t.Cause()
	}
}

// An outcome is how a call ended.
type outcome[T any] struct {
	value    T
	err      error
	panicked bool
	with     any
}

func (r outcome[T]) unwrap() (T, error) {
	if r.panicked {
		panic(r.with)
	}
	return r.value, r.err
}

func call[T any](t *Token, f func(context.Context) (T, error), results chan<- outcome[T]) {
	r := outcome[T]{err: errGoexit}
	defer func() {
		if v := recover(); v != nil {
			r.panicked, r.with = true, v
		}
		results <- r
	}()
	r.value, r.err = f(t)
}
