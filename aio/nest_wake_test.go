//go:build linux && !aiokqueue

package aio_test

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// lateKernel runs something between the moment at which a nested poller has
// seen that there is nothing to do and the one at which it sets its deadline.
type lateKernel struct {
	sys.Kernel
	between *atomic.Pointer[func()]
}

type lateNest struct {
	sys.Nest
	between *atomic.Pointer[func()]
}

func (k lateKernel) Nest(ep int) sys.Nest { return lateNest{k.Kernel.Nest(ep), k.between} }

func (n lateNest) Until(d int64) {
	if d < 0 {
		if run := n.between.Swap(nil); run != nil {
			(*run)()
		}
	}
	n.Nest.Until(d)
}

// A wake that comes before the deadline of the nested descriptor is set must
// not be undone by it: the operation that was started has a time to keep.
func TestNestedWakeBeforeUntil(t *testing.T) {
	var between atomic.Pointer[func()]
	r := newRing(t, aio.Nested, lateKernel{sys.Host(), &between})
	f, _ := unixPair(t, r, syscall.SOCK_STREAM)
	done := make(collect, 2)
	var ops [2]aio.Op
	for i := range ops {
		ops[i].PrepRead(f, make([]byte, 1))
	}
	run := func() {
		started := make(chan struct{})
		go func() {
			ops[1].SetDeadline(time.Now().Add(time.Millisecond))
			ops[1].Start(done)
			close(started)
		}()
		<-started
	}
	between.Store(&run)
	// Once its time is up, the poller sleeps without a limit, and says so.
	ops[0].SetDeadline(time.Now().Add(time.Millisecond))
	ops[0].Start(done)
	for range ops {
		done.next(t)
	}
	for i := range ops {
		if n, err := ops[i].Result(); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("operation %d: %d, %v", i, n, err)
		}
	}
	if between.Load() != nil {
		t.Error("the moment never came")
	}
}
