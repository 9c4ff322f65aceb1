//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"example.com/interlock/aio"
)

// What was sent is a copy, of short messages that go together and of long ones.
func TestOutboxCopiesWhatItQueues(t *testing.T) {
	r := newRing(t, aio.Auto)
	rd, wr, _ := r.Pipe()
	o := aio.NewOutbox(wr, 1<<20)
	stuff(t, o)
	before := o.Queued()
	msg := make([]byte, 10_000)
	var want []byte
	for i := range 5 {
		for j := range msg {
			msg[j] = byte('a' + i)
		}
		size := 1 + i*2000
		want = append(want, msg[:size]...)
		if err := o.Send(msg[:size]); err != nil {
			t.Fatal(err)
		}
	}
	clear(msg)
	if n := o.Queued() - before; n != len(want) {
		t.Errorf("%d bytes more are queued, want %d", n, len(want))
	}
	flushed := make(chan error, 1)
	go func() { flushed <- o.Flush(soon(t)); wr.Close() }()
	got := must(io.ReadAll(rd.IO(soon(t))))
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	if !bytes.HasSuffix(got, want) {
		t.Error("what came is not what was sent")
	}
}

// The limit is what may be queued, to the byte; nothing sent is nothing queued.
func TestOutboxLimitToTheByte(t *testing.T) {
	r := newRing(t, aio.Auto)
	rd, wr, _ := r.Pipe()
	o := aio.NewOutbox(wr, 1<<17)
	stuff(t, o)
	left := 1<<17 - o.Queued()
	if err := o.Send(make([]byte, left+1)); err != aio.ErrFull {
		t.Errorf("a byte too much: %v", err)
	}
	drained := o.Drained()
	if err := o.Send(make([]byte, left)); err != nil || o.Queued() != 1<<17 {
		t.Errorf("all that fits: %v, %d queued", err, o.Queued())
	}
	if o.Drained() != drained || closedNow(drained) {
		t.Error("another channel for Drained before all was written")
	}
	if err := o.Send([]byte{1}); err != aio.ErrFull {
		t.Errorf("one byte more: %v", err)
	}
	go io.Copy(io.Discard, rd.IO(context.Background()))
	if err := o.Flush(soon(t)); err != nil || !closedNow(drained) {
		t.Errorf("%v, drained %v", err, closedNow(drained))
	}
	if err := o.Send(nil); err != nil || !closedNow(o.Drained()) || o.Queued() != 0 {
		t.Errorf("nothing: %v", err)
	}
	rd.Close()
}

// Bytes that were written before the end are flushed, whatever comes then.
func TestOutboxFlushedBeforeItsEnd(t *testing.T) {
	for range 100 {
		r := manual(t)
		rd, wr, _ := r.Pipe()
		o := aio.NewOutbox(wr, 1<<20)
		stuff(t, o)
		flushed := make(chan error, 1)
		go func() { flushed <- o.Flush(context.Background()) }()
		until(t, "Flush waits", func() bool { return parked("(*Outbox).Flush") })
		p := make([]byte, 1<<17)
		var read aio.Op
		read.PrepRead(rd, p)
		for o.Queued() > 0 {
			read.Start(aio.HandlerFunc(func(*aio.Op) {}))
			for read.Pending() {
				must(r.Poll(context.Background(), 8))
			}
		}
		o.Close() // Flush has been told, and may not have looked yet
		if err := <-flushed; err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
}

// Several that flush are told each in turn, and one that leaves takes nobody
// along.
func TestOutboxFlushesInTurn(t *testing.T) {
	r := newRing(t, aio.Auto)
	rd, wr, _ := r.Pipe()
	o := aio.NewOutbox(wr, 1<<20)
	stuff(t, o)
	flush := func(ctx context.Context) chan error {
		done := make(chan error, 1)
		go func() { done <- o.Flush(ctx) }()
		return done
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := flush(soon(t))
	until(t, "one waits", func() bool { return parked("(*Outbox).Flush") })
	given := flush(ctx)
	second := flush(soon(t))
	cancel()
	if err := <-given; err != context.Canceled {
		t.Error(err)
	}
	go io.Copy(io.Discard, rd.IO(context.Background()))
	for _, c := range []chan error{first, second} {
		if err := <-c; err != nil {
			t.Error(err)
		}
	}
	rd.Close()
}

// A buffer that came back is for who waits, though the ring has not handed it
// over yet: whoever asks now is behind.
func TestPoolServesInOrder(t *testing.T) {
	r := manual(t)
	rd, wr, _ := r.Pipe()
	p := aio.NewPool(8, 1)
	held := must(p.Get(t.Context()))
	done := make(collect, 2)
	var op, write aio.Op
	write.PrepWriteAll(wr, []byte("abc"))
	write.Try(done)
	op.PrepReadPool(rd, p)
	op.Start(done)
	if !op.Pending() {
		t.Fatal("a read completed without a buffer")
	}
	held.Release() // the ring is told, but nobody polls
	rd2, wr2, _ := r.Pipe()
	var second aio.Op
	write.PrepWriteAll(wr2, []byte("def"))
	write.Try(done)
	second.PrepReadPool(rd2, p)
	second.Start(done)
	got := make(chan *aio.Buf, 1)
	go func() {
		b, _ := p.Get(context.Background())
		got <- b
	}()
	until(t, "Get waits", func() bool { return len(got) > 0 || parked("(*Pool).Get") })
	if len(got) > 0 {
		t.Fatal("who came last was served first")
	}
	for op.Pending() {
		must(r.Poll(context.Background(), 8))
	}
	if n, err := op.Result(); n != 3 || err != nil || string(op.Buf().Bytes()) != "abc" {
		t.Errorf("%d, %v", n, err)
	}
	if !second.Pending() || len(got) > 0 {
		t.Fatal("one buffer served two")
	}
	op.Buf().Release()
	for second.Pending() {
		must(r.Poll(context.Background(), 8))
	}
	if n, err := second.Result(); n != 3 || err != nil || string(second.Buf().Bytes()) != "def" {
		t.Errorf("the second: %d, %v", n, err)
	}
	second.Buf().Release()
	b := <-got
	if len(b.Bytes()) != 8 {
		t.Errorf("%d bytes of the buffer", len(b.Bytes()))
	}
	b.Release()
}

// Who leaves the line with his context takes no buffer along, though one is on
// its way to him.
func TestGetLeavesTheLine(t *testing.T) {
	p := aio.NewPool(8, 1)
	for i := range 200 {
		held, err := p.Get(soon(t))
		if err != nil {
			t.Fatalf("a buffer is lost: %v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			b, err := p.Get(ctx)
			if err == nil {
				b.Release()
			}
			ended <- err
		}()
		until(t, "Get waits", func() bool { return parked("(*Pool).Get") })
		cancel()
		alone := i%2 == 0
		if alone { // else the context meets the buffer
			until(t, "Get leaves", func() bool { return len(ended) > 0 })
		}
		held.Release()
		until(t, "Get ends", func() bool { return len(ended) > 0 })
		if err := <-ended; err != context.Canceled && (alone || err != nil) {
			t.Fatal(err)
		}
	}
}

// The context that has ended goes before a buffer that is free.
func TestGetWithAnEndedContext(t *testing.T) {
	p := aio.NewPool(8, 1)
	if b, err := p.Get(canceled()); b != nil || err != context.Canceled {
		t.Errorf("%v, %v", b, err)
	}
	b := must(p.Get(t.Context()))
	b.Truncate(3)
	panics(t, "truncated to more", func() { b.Truncate(4) })
	b.Release()
	for range 2 { // misuse is told again and again
		panics(t, "Release", b.Release)
		panics(t, "Retain", b.Retain)
		panics(t, "Bytes", func() { b.Bytes() })
	}
	if b = must(p.Get(t.Context())); len(b.Bytes()) != 8 {
		t.Errorf("%d bytes of a buffer that was cut before", len(b.Bytes()))
	}
	b.Release()
}
