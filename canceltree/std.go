package canceltree

import (
	"context"
	"sync"
	"unsafe"
)

// This file holds all that relies on the inside of package context and of
// interface values.

// stdKey returns the key for which a context of package context answers with
// itself, nil if it cannot be learnt. A Token that answers it with its shadow has
// contexts attached to that, also from behind WithValue. Without the key package
// context falls back on the method AfterFunc of the token next to it.
var stdKey = sync.OnceValue(learnStdKey)

func learnStdKey() any {
	p := &probe{}
	context.Cause(p)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if ctx.Value(p.key) != any(ctx) {
		return nil
	}
	return p.key
}

// A probe is an ended context that notes which key it is asked for.
type probe struct {
	rootless
	key any
}

func (p *probe) Err() error { return context.Canceled }

func (p *probe) Value(key any) any {
	p.key = key
	return nil
}

// An interface value is two words, the first of which is the same for all
// values of one dynamic type. All shadows come from context.WithCancelCause and
// so have the type of model: keeping the second word is enough. It saves the
// eight bytes by which a shadow would fall into the next size class.
type words struct{ kind, data unsafe.Pointer }

var model = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(nil)
	return ctx
}()

func fold(ctx context.Context) unsafe.Pointer {
	return (*words)(unsafe.Pointer(&ctx)).data
}

func unfold(p unsafe.Pointer) context.Context {
	ctx := model
	(*words)(unsafe.Pointer(&ctx)).data = p
	return ctx
}
