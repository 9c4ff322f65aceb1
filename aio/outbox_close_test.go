//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
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

// What goes to a packet socket stays as it was sent, one packet each.
func TestOutboxKeepsPacketsApart(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_DGRAM)
	o := aio.NewOutbox(f, 1<<20)
	stuff(t, o)
	for _, msg := range []string{"one", "two"} {
		if err := o.Send([]byte(msg)); err != nil {
			t.Fatal(err)
		}
	}
	p := make([]byte, 64<<10)
	for want := "one"; want != ""; {
		n := must(syscall.Read(peer, p))
		switch got := string(p[:n]); {
		case got == "one" && want == "one":
			want = "two"
		case got == "two" && want == "two":
			want = ""
		case p[0] != 0:
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

// Short messages go together, as many as one write may have; long ones and
// buffers go alone.
func TestOutboxSendsShortMessagesTogether(t *testing.T) {
	k := bend()
	full := true
	var sizes []int
	k.send = func(_ int, p []byte) (int, sys.Errno, bool) {
		if full {
			full = false
			return 0, syscall.EAGAIN, true
		}
		sizes = append(sizes, len(p))
		return len(p), 0, true
	}
	r := manual(t, k)
	f, _ := unixPair(t, r, syscall.SOCK_STREAM)
	o := aio.NewOutbox(f, 1<<20)
	for _, n := range []int{1, 10_000, 6_384, 1, 16_383, 1, 0, -8, 2, 20_000, 5} {
		var err error
		if n < 0 {
			err = o.SendBuf(must(aio.NewPool(-n, 1).Get(t.Context())))
		} else {
			err = o.Send(make([]byte, n))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for o.Queued() > 0 {
		must(r.Poll(soon(t), 8))
	}
	if want := []int{1, 16_384, 16_384, 1, 8, 2, 20_000, 5}; !slices.Equal(sizes, want) {
		t.Errorf("written as %v, want %v", sizes, want)
	}
}
