//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"errors"
	"testing"

	"example.com/interlock/aio"
)

// Close meets a write that has not begun: it is not left behind.
func TestOutboxCloseBeforeAWriteBegins(t *testing.T) {
	r := manual(t)
	_, wr := pipe(t, r)
	filler := aio.NewOutbox(wr, 1<<20)
	stuff(t, filler)
	if err := filler.Close(); !errors.Is(err, aio.ErrCanceled) {
		t.Fatal(err)
	}
	must(r.Poll(t.Context(), 1))
	if err := aio.NewOutbox(wr, 10).CloseBeforeWrite(make([]byte, 5)); !errors.Is(err, aio.ErrCanceled) {
		t.Fatal(err)
	}
	r.Wake()
	must(r.Poll(t.Context(), 1))
	if n := r.Stats().Pending; n != 0 {
		t.Errorf("%d operations are pending after Close", n)
	}
}
