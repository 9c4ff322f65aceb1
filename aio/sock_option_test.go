//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"errors"
	"math"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
)

func checkOption[T comparable](t *testing.T, f *aio.FD, name string, o aio.SockOption[T], set, want T) {
	t.Helper()
	if err := aio.SetOption(f, o, set); err != nil {
		t.Errorf("set %s to %v: %v", name, set, err)
	}
	if got, err := aio.GetOption(f, o); got != want || err != nil {
		t.Errorf("%s is %v, %v; want %v", name, got, err, want)
	}
}

func checkSwitches(t *testing.T, f *aio.FD) {
	t.Helper()
	for name, o := range map[string]aio.SockOption[bool]{"NoDelay": aio.NoDelay, "KeepAlive": aio.KeepAlive, "ReusePort": aio.ReusePort} {
		for _, v := range []bool{true, false, true} {
			checkOption(t, f, name, o, v, v)
		}
	}
	for set, want := range map[time.Duration]time.Duration{
		1: time.Second, time.Second: time.Second, time.Second + 1: 2 * time.Second, 5 * time.Second: 5 * time.Second,
		0: 0, -1: -1, -5 * time.Second: -1, 100000 * time.Hour: 32767 * time.Second,
	} {
		checkOption(t, f, "Linger", aio.Linger, set, want)
	}
}

func TestOptionsKeepWhatWasSet(t *testing.T) {
	r := newRing(t, aio.Auto)
	f := must(r.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
	if d, err := aio.GetOption(f, aio.Linger); d >= 0 || err != nil {
		t.Errorf("Linger is %v, %v at first; want off", d, err)
	}
	checkSwitches(t, f)
	for name, o := range map[string]aio.SockOption[int]{"SendBuffer": aio.SendBuffer, "ReceiveBuffer": aio.ReceiveBuffer} {
		const size = 50000
		if err := aio.SetOption(f, o, size); err != nil {
			t.Errorf("set %s: %v", name, err)
		}
		if got, err := aio.GetOption(f, o); got < size || got > 2*size || err != nil {
			t.Errorf("%s is %d, %v; want %d or twice that", name, got, err, size)
		}
	}
}

func TestOptionsOnEverySystem(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		s := newSimRing(t, simkernel.Config{Manners: m})
		checkSwitches(t, must(s.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)))
		s.finish()
	})
}

func TestOptionErrors(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, _ := unixPair(t, r, syscall.SOCK_STREAM)
	var e *aio.OpError
	if err := aio.SetOption(f, aio.NoDelay, true); !errors.As(err, &e) || e.Op != "set NoDelay" {
		t.Errorf("NoDelay of a unix socket: %v", err)
	}
	if _, err := aio.GetOption(f, aio.NoDelay); !errors.As(err, &e) || e.Op != "get NoDelay" {
		t.Errorf("NoDelay of a unix socket: %v", err)
	}
	if err := aio.SetOption(f, aio.Error, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("setting Error: %v", err)
	}
	large := math.MaxInt32
	large++ // negative where an int has 32 bits
	for _, size := range []int{-1, large} {
		if err := aio.SetOption(f, aio.SendBuffer, size); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("a buffer of %d bytes: %v", size, err)
		}
	}
	rd, _, _ := r.Pipe()
	if _, err := aio.GetOption(rd, aio.KeepAlive); !errors.Is(err, syscall.ENOTSOCK) {
		t.Errorf("of a pipe: %v", err)
	}
	if _, err := aio.GetOption(rd, aio.Linger); !errors.Is(err, syscall.ENOTSOCK) {
		t.Errorf("of a pipe: %v", err)
	}
	if _, err := aio.GetOption(rd, aio.Error); !errors.Is(err, syscall.ENOTSOCK) {
		t.Errorf("of a pipe: %v", err)
	}
	f.Close()
	if err := aio.SetOption(f, aio.KeepAlive, true); err != aio.ErrClosed {
		t.Errorf("after Close: %v", err)
	}
	if _, err := aio.GetOption(f, aio.KeepAlive); err != aio.ErrClosed {
		t.Errorf("after Close: %v", err)
	}
	mustPanic(t, "get of a zero SockOption", func() { aio.GetOption(f, aio.SockOption[int]{}) })
	mustPanic(t, "set of a zero SockOption", func() { aio.SetOption(f, aio.SockOption[int]{}, 1) })
}

// Error takes the pending error once.
func TestErrorOption(t *testing.T) {
	r := newRing(t, aio.Auto)
	ctx := soon(t)
	server := udp(t, r)
	c := must(r.Dial(ctx, "udp", server.LocalAddr()))
	if got, err := aio.GetOption(c, aio.Error); got != nil || err != nil {
		t.Errorf("%v, %v; want none", got, err)
	}
	server.Close()
	c.Write(ctx, []byte("x"))
	if err := c.Wait(ctx, aio.Readable); err != nil {
		t.Fatal(err)
	}
	if got, err := aio.GetOption(c, aio.Error); got != syscall.ECONNREFUSED || err != nil {
		t.Errorf("%v, %v; want ECONNREFUSED", got, err)
	}
	if got, err := aio.GetOption(c, aio.Error); got != nil || err != nil {
		t.Errorf("%v, %v; want none any more", got, err)
	}
}

// A linger of zero makes Close a reset.
func TestLingerZeroResets(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := tcpPair(t, r)
	if err := aio.SetOption(f, aio.Linger, 0); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer got %v, want ECONNRESET", err)
	}
}
