//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// While Close goes through its descriptors the poller is there for those that
// it has not come to yet: a read that was in its call when Close came ends as
// everything else does.
func TestCloseKeepsThePollerToTheEnd(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	first, _ := unixPair(t, r, syscall.SOCK_STREAM)
	second, _ := unixPair(t, r, syscall.SOCK_STREAM)
	third, _ := unixPair(t, r, syscall.SOCK_STREAM)
	var sleeps int64
	told := make(chan struct{})
	var op aio.Op
	op.PrepRead(first, make([]byte, 1))
	op.Start(aio.HandlerFunc(func(*aio.Op) {
		sleeps = k.sleeps.Load()
		close(told)
	}))
	calls, inCall, leave := k.recvs.Load(), make(chan struct{}), make(chan struct{})
	k.recv = func(fd int, _ []byte) (int, sys.Errno, bool) {
		if fd == third.Sysfd() && k.recvs.Load() == calls+1 {
			close(inCall)
			<-leave
		}
		return 0, 0, false
	}
	read := make(chan error, 1)
	go func() {
		_, err := third.ReadFull(context.Background(), make([]byte, 1))
		read <- err
	}()
	<-inCall
	k.close = func(fd int) {
		if fd != second.Sysfd() {
			return
		}
		<-told // the poller knows of Close, and has nothing left to do
		until(t, "the poller sleeps or ends", func() bool { return k.sleeps.Load() > sleeps || r.Ended() })
		close(leave)
		until(t, "the read ends or waits", func() bool { return len(read) == 1 || r.Stats().Pending == 1 })
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; err != aio.ErrClosed {
		t.Errorf("the read: %v", err)
	}
}

// What is in a call when Drain comes has been taken: Drain waits for all of it.
func TestDrainWaitsForWhoIsInACall(t *testing.T) {
	for name, write := range map[string]func(f *aio.FD, p []byte) (int, error){
		"WriteAll": func(f *aio.FD, p []byte) (int, error) { return f.WriteAll(context.Background(), p) },
		"Start": func(f *aio.FD, p []byte) (int, error) {
			var op aio.Op
			op.PrepWriteAll(f, p)
			done := make(collect, 1)
			op.Start(done)
			<-done
			return op.Result()
		},
		"Try": func(f *aio.FD, p []byte) (int, error) {
			var op aio.Op
			op.PrepWriteAll(f, p)
			done := make(collect, 1)
			if !op.Try(done) {
				<-done
			}
			return op.Result()
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := bend()
			r := newRing(t, aio.Thread, k)
			f, _ := unixPair(t, r, syscall.SOCK_STREAM)
			drained := make(chan error, 1)
			k.send = func(int, []byte) (int, sys.Errno, bool) {
				k.send = func(int, []byte) (int, sys.Errno, bool) {
					if len(drained) > 0 {
						t.Error("Drain has returned while something is written")
					}
					k.send = nil
					return 1, 0, true
				}
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				if err := r.Drain(ctx); err != context.Canceled {
					t.Errorf("given up: %v", err)
				}
				go func() { drained <- r.Drain(soon(t)) }()
				until(t, "Drain waits", func() bool { return len(drained) > 0 || parked("(*Ring).Drain") })
				return 2, 0, true
			}
			if n, err := write(f, make([]byte, 5)); n != 5 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			if err := <-drained; err != nil {
				t.Error(err)
			}
			if n := r.Gates(); n != 0 {
				t.Errorf("%d wait for calls that are over", n)
			}
		})
	}
}

// Drain of a Manual ring returns when the last operation has ended, though
// nobody was handed anything, whoever polls meanwhile.
func TestManualDrainHearsOfTheEnd(t *testing.T) {
	for _, polled := range []bool{false, true} {
		r := manual(t)
		f, _ := unixPair(t, r, syscall.SOCK_STREAM)
		ctx, cancel := context.WithCancel(context.Background())
		read, poll := make(chan error, 1), make(chan error, 1)
		go func() { _, err := f.Read(ctx, make([]byte, 1)); read <- err }()
		pending(t, r, 1)
		if polled {
			go func() { _, err := r.Poll(context.Background(), 1); poll <- err }()
			until(t, "somebody polls", r.Polled)
		}
		drained := make(chan error, 1)
		go func() { drained <- r.Drain(soon(t)) }()
		until(t, "Drain waits", func() bool { return parked("(*Ring).acquire") || r.Polled() })
		cancel()
		if err := <-drained; err != nil {
			t.Errorf("polled by another: %v: %v", polled, err)
		}
		if err := <-read; err != context.Canceled {
			t.Error(err)
		}
		r.Close()
		if polled {
			if err := <-poll; err != aio.ErrClosed {
				t.Error(err)
			}
		}
	}
}
