package aio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"example.com/interlock/aio"
)

func TestOutboxKeepsTheOrderAndItsLimit(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		rd, wr := pipe(t, r)
		const limit = 1 << 20
		o := aio.NewOutbox(wr, limit)
		p := aio.NewPool(1000, 4)
		var want []byte
		full := false
		for i := 0; !full; i++ { // nobody reads
			msg := bytes.Repeat([]byte{byte(i)}, 1000)
			var err error
			if i%5 == 4 {
				b, berr := p.FailFast().Get(t.Context())
				if berr != nil {
					continue // all of them are queued
				}
				copy(b.Bytes(), msg)
				if err = o.SendBuf(b); err != nil {
					b.Release()
				}
			} else {
				err = o.Send(msg)
			}
			switch {
			case err == aio.ErrFull:
				full = true
			case err != nil:
				t.Fatal(err)
			default:
				want = append(want, msg...)
			}
			if o.Queued() > limit {
				t.Fatalf("%d bytes queued with a limit of %d", o.Queued(), limit)
			}
		}
		drained := o.Drained()
		if closedNow(drained) {
			t.Fatal("drained while full")
		}
		got := make([]byte, len(want))
		if _, err := rd.ReadFull(t.Context(), got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("what was read is not what was sent: %v", err)
		}
		if err := o.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		<-drained
		for range 4 { // the buffers are back
			if _, err := p.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.Send([]byte("more")); err != nil {
			t.Error(err)
		}
		if err := o.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if err := o.Close(); err != nil {
			t.Errorf("closing an empty Outbox: %v", err)
		}
	})
}

func closedNow(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stuff fills the pipe behind an Outbox and leaves something queued.
func stuff(t *testing.T, o *aio.Outbox) {
	t.Helper()
	for o.Queued() == 0 {
		if err := o.Send(make([]byte, 32<<10)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOutboxCloseDropsAndSaysSo(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		_, wr := pipe(t, r)
		o := aio.NewOutbox(wr, 1<<20)
		p := aio.NewPool(10, 1)
		stuff(t, o)
		b, _ := p.Get(t.Context())
		if err := o.SendBuf(b); err != nil {
			t.Fatal(err)
		}
		drained := o.Drained()
		flushed := make(chan error)
		go func() { flushed <- o.Flush(context.Background()) }()
		if err := o.Close(); err == nil {
			t.Error("nothing was said of what was dropped")
		}
		if err := <-flushed; err != aio.ErrClosed {
			t.Errorf("Flush: %v, want ErrClosed", err)
		}
		<-drained
		if _, err := p.Get(t.Context()); err != nil { // b is back
			t.Error(err)
		}
		if err := o.Send([]byte("x")); err != aio.ErrClosed {
			t.Errorf("Send after Close: %v", err)
		}
		if err := o.Close(); err != aio.ErrClosed {
			t.Errorf("second Close: %v", err)
		}
		if o.Queued() != 0 {
			t.Errorf("%d bytes queued after Close", o.Queued())
		}
	})
}

func TestOutboxTellsTheErrorOfAWrite(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		rd, wr := pipe(t, r)
		o := aio.NewOutbox(wr, 1<<20)
		stuff(t, o)
		rd.Close()
		err := o.Flush(t.Context())
		var op *aio.OpError
		if !errors.As(err, &op) {
			t.Errorf("Flush: %v, want the error of the write", err)
		}
		if again := o.Send([]byte("x")); again != err {
			t.Errorf("Send afterwards: %v", again)
		}
		if last := o.Close(); last != err {
			t.Errorf("Close afterwards: %v", last)
		}
		if err := o.Flush(t.Context()); err != aio.ErrClosed {
			t.Errorf("Flush after Close: %v", err)
		}
	})
}

func TestOutboxEndsWithItsDescriptor(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		_, wr := pipe(t, r)
		o := aio.NewOutbox(wr, 1<<20)
		stuff(t, o)
		wr.Close()
		if err := o.Flush(t.Context()); err != aio.ErrClosed {
			t.Errorf("Flush: %v, want ErrClosed", err)
		}
	})
}

func TestOutboxFlushLeavesWithItsContext(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		rd, wr := pipe(t, r)
		o := aio.NewOutbox(wr, 1<<20)
		stuff(t, o)
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := o.Flush(ctx); err != cause {
			t.Errorf("%v, want the cause", err)
		}
		go io.Copy(io.Discard, rd.IO(context.Background()))
		if err := o.Flush(t.Context()); err != nil { // it goes on all the same
			t.Error(err)
		}
		rd.Close()
	})
}

func TestOutboxMessageLongerThanTheLimitIsRefused(t *testing.T) {
	pollers(t, func(t *testing.T, r *aio.Ring) {
		_, wr := pipe(t, r)
		o := aio.NewOutbox(wr, 10)
		if !closedNow(o.Drained()) {
			t.Error("not drained at first")
		}
		if err := o.Send(make([]byte, 11)); err != aio.ErrFull {
			t.Error(err)
		}
		if err := o.Send(make([]byte, 10)); err != nil {
			t.Error(err)
		}
		if err := o.Send(nil); err != nil {
			t.Error(err)
		}
	})
}
