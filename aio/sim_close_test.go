//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
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
