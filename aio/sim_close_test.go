//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"net/netip"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

// Whatever fails while a ring is made is the error, and nothing stays open or
// is closed twice.
func TestNewFailsWhole(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		failed := 0
		for _, call := range []simkernel.Call{
			simkernel.CallEpollCreate, simkernel.CallEpollCtl, simkernel.CallEventFD,
			simkernel.CallKqueue, simkernel.CallKevent, simkernel.CallPipe, simkernel.CallDup,
		} {
			for _, mode := range []aio.PollerMode{aio.Auto, aio.Thread, aio.Manual} {
				k := simkernel.New(simkernel.Config{Manners: m})
				k.Fail(simkernel.Fault{Call: call, FD: -1, Err: 23})
				r, err := aio.NewOn(k, &aio.Options{Poller: mode})
				if err == nil {
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				} else if failed++; outcome(0, err) != outcome(0, &aio.OpError{Err: syscall.Errno(23)}) {
					t.Errorf("%v, %v: %v", call, mode, err)
				}
				if fds := k.Open(); len(fds) > 0 {
					t.Errorf("%v, %v: descriptors left open: %v", call, mode, fds)
				}
				if bad := k.Misuse(); len(bad) > 0 {
					t.Errorf("%v, %v: calls on closed descriptors: %v", call, mode, bad)
				}
			}
		}
		if failed < 3 {
			t.Errorf("%d rings failed", failed)
		}
	})
}

// A wake that comes after the ring's end touches no number: it may be somebody
// else's by then.
func TestLateWakeTouchesNothing(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		if m.Nests {
			return // a nest is no number of the ring's
		}
		k := simkernel.New(simkernel.Config{Manners: m})
		r := must(aio.NewOn(k, &aio.Options{Poller: aio.Manual}))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		before := k.Calls(simkernel.CallWrite) + k.Calls(simkernel.CallKevent)
		r.LateWake()
		if n := k.Calls(simkernel.CallWrite) + k.Calls(simkernel.CallKevent); n != before {
			t.Errorf("%d calls after the end", n-before)
		}
	})
}

// optioner is a kernel in which something happens just before an option is set.
type optioner struct {
	*simkernel.Kernel
	before func()
}

func (k *optioner) SetOption(fd int, o sys.Option, v int) sys.Errno {
	k.before()
	return k.Kernel.SetOption(fd, o, v)
}

// The ring is closed while a dial sets its socket up: the number is not free for
// others until it is done with.
func TestRingClosedWhileDialSetsUp(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		k := &optioner{Kernel: simkernel.New(simkernel.Config{Manners: m})}
		r := must(aio.NewOn(k, &aio.Options{Poller: aio.Manual}))
		k.before = func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if f, err := r.Dial(context.Background(), "tcp", netip.MustParseAddrPort("127.0.0.1:9")); f != nil || err != aio.ErrClosed {
			t.Errorf("%v, %v", f, err)
		}
		if bad := k.Misuse(); len(bad) > 0 {
			t.Errorf("calls on closed descriptors: %v", bad)
		}
		if fds := k.Open(); len(fds) > 0 {
			t.Errorf("descriptors left open: %v", fds)
		}
	})
}
