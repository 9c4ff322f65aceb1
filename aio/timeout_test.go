package aio_test

import (
	"testing"
	"time"

	"example.com/interlock/aio"
)

func TestTimeout(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		q := new(aio.Queue)
		var op aio.Op
		op.PrepTimeout(r, 20*time.Millisecond)
		for range 2 { // Start again repeats it
			start := time.Now()
			op.Start(q)
			q.Wait(t.Context(), make([]*aio.Op, 1))
			if _, err := op.Result(); err != nil {
				t.Errorf("a timeout that ran out: %v", err)
			}
			if took := time.Since(start); took < 20*time.Millisecond {
				t.Errorf("after %v", took)
			}
		}
		op.PrepTimeout(r, time.Hour)
		op.Start(q)
		if op.FD() != nil {
			t.Error("a timeout has a descriptor")
		}
		if !op.Cancel() {
			t.Error("not cancelled")
		}
		q.Wait(t.Context(), make([]*aio.Op, 1))
		if _, err := op.Result(); err != aio.ErrCanceled {
			t.Error(err)
		}
		wantMisuse(t, "negative", func() { op.PrepTimeout(r, -1) })
		op.PrepTimeout(r, 0)
		op.Start(q)
		q.Wait(t.Context(), make([]*aio.Op, 1))
		if _, err := op.Result(); err != nil {
			t.Error(err)
		}
	})
}

func TestRingCloseEndsTimeouts(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		done := make(chan error, 1)
		var op aio.Op
		op.PrepTimeout(r, time.Hour)
		op.Start(aio.HandlerFunc(func(op *aio.Op) {
			_, err := op.Result()
			done <- err
		}))
		r.Close()
		if err := <-done; err != aio.ErrClosed {
			t.Errorf("%v, want ErrClosed", err)
		}
	})
}
