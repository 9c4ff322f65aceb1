//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// A goroutine that finds nothing makes one call, and one more when something
// has come; after a read that took all there was it makes none in vain, where
// the poller tells of urgent data.
func TestDirectReadMakesNoCallInVain(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := rawPair(t, r)
	p := make([]byte, 9)
	for i := range 3 {
		go func() {
			until(t, "a read that waits", func() bool { return r.Stats().Pending == 1 })
			syscall.Write(peer, []byte("1"))
		}()
		if n, err := f.Read(soon(t), p); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		want := int64(i + 2)
		if sys.Host().Poller() == sys.Kqueue {
			want = int64(2*i + 2)
		}
		if n := k.recvs.Load(); n != want {
			t.Fatalf("%d calls for %d reads", n, i+1)
		}
	}
}

// What is started and given up while a goroutine is in a call of its own does
// not wait for that.
func TestDirectCallHoldsNobodyUp(t *testing.T) {
	k := bend()
	r := manual(t, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	syscall.Write(peer, []byte("1"))
	var canceled, timed, second aio.Op
	done := make(collect, 3)
	k.recv = func(int, []byte) (int, sys.Errno, bool) {
		k.recv = nil
		canceled.PrepRead(f, make([]byte, 1))
		canceled.Start(done)
		if !canceled.Cancel() {
			t.Error("it is behind the call, not in it")
		}
		timed.PrepRead(f, make([]byte, 1))
		timed.SetDeadline(time.Now().Add(time.Millisecond))
		timed.Start(done)
		for timed.Pending() {
			must(r.Poll(t.Context(), 9))
		}
		second.PrepRead(f, make([]byte, 1))
		second.Start(done)
		syscall.Write(peer, []byte("2"))
		return 0, 0, false
	}
	p := make([]byte, 1)
	if n, err := f.Read(t.Context(), p); n != 1 || err != nil || p[0] != '1' {
		t.Errorf("%d, %v, %q", n, err, p)
	}
	if _, err := done.next(t).Result(); err != aio.ErrCanceled {
		t.Error(err)
	}
	if _, err := done.next(t).Result(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	must(r.Poll(t.Context(), 9))
	if n, err := done.next(t).Result(); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// Close in the middle of a goroutine's call: its result stands, what waits
// behind it ends, and the number is closed after it.
func TestDirectCallAndClose(t *testing.T) {
	k := bend()
	r := manual(t, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	syscall.Write(peer, []byte("1"))
	var op aio.Op
	done := make(collect, 1)
	k.recv = func(int, []byte) (int, sys.Errno, bool) {
		k.recv = nil
		op.PrepRead(f, make([]byte, 1))
		op.Start(done)
		if err := f.Close(); err != nil || k.closes.Load() != 0 {
			t.Errorf("%v, %d numbers are closed", err, k.closes.Load())
		}
		must(r.Poll(t.Context(), 9))
		if _, err := done.next(t).Result(); err != aio.ErrClosed {
			t.Error(err)
		}
		return 0, 0, false
	}
	if n, err := f.Read(t.Context(), make([]byte, 9)); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n := k.closes.Load(); n != 1 {
		t.Errorf("%d numbers are closed", n)
	}
	if _, err := f.Read(t.Context(), make([]byte, 9)); err != aio.ErrClosed {
		t.Error(err)
	}
}

// The system takes a part of a write: the rest goes before what others started
// meanwhile, in order.
func TestDirectWriteIsNotTorn(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	var others [2]aio.Op
	done := make(collect, 2)
	k.send = func(fd int, p []byte) (int, sys.Errno, bool) {
		k.send = nil
		for i, text := range []string{"b", "c"} {
			others[i].PrepWrite(f, []byte(text))
			others[i].Start(done)
		}
		n, e := k.Kernel.Send(fd, p[:2], 0)
		return n, e, true
	}
	if n, err := f.WriteAll(soon(t), []byte("aaaaa")); n != 5 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	done.next(t)
	done.next(t)
	p := make([]byte, 9)
	if n, _ := syscall.Read(peer, p); string(p[:n]) != "aaaaabc" {
		t.Errorf("%q was written", p[:n])
	}
	// Write is content with a part.
	k.send = func(fd int, p []byte) (int, sys.Errno, bool) { return 2, 0, true }
	if n, err := f.Write(soon(t), []byte("ddd")); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// The rest of a write ends with the context, with the deadline and with Close,
// and its count says what the system took.
func TestDirectWriteThatIsCutShort(t *testing.T) {
	for name, end := range map[string]func(f *aio.FD, cancel func()) (want error){
		"context":  func(_ *aio.FD, cancel func()) error { cancel(); return context.Canceled },
		"deadline": func(f *aio.FD, _ func()) error { f.SetWriteDeadline(time.Unix(1, 0)); return os.ErrDeadlineExceeded },
		"close":    func(f *aio.FD, _ func()) error { f.Close(); return aio.ErrClosed },
	} {
		t.Run(name, func(t *testing.T) {
			k := bend()
			r := newRing(t, aio.Thread, k)
			f, _ := unixPair(t, r, syscall.SOCK_STREAM)
			k.send = func(int, []byte) (int, sys.Errno, bool) {
				k.send = func(int, []byte) (int, sys.Errno, bool) { return 0, syscall.EAGAIN, true }
				return 2, 0, true
			}
			ctx, cancel := context.WithCancel(soon(t))
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				until(t, "a write that waits", func() bool { return r.Stats().Pending == 1 })
				ended <- end(f, cancel)
			}()
			n, err := f.WriteAll(ctx, make([]byte, 5))
			if want := <-ended; n != 2 || !errors.Is(err, want) {
				t.Errorf("%d, %v; want 2, %v", n, err, want)
			}
		})
	}
}

// What a goroutine's own call ends with.
func TestDirectResults(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	answer := func(e sys.Errno) (int, sys.Errno, bool) { return 0, e, true }
	for _, e := range []sys.Errno{syscall.ECONNRESET, syscall.ETIMEDOUT} {
		k.recv = func(int, []byte) (int, sys.Errno, bool) { return answer(e) }
		k.send = func(int, []byte) (int, sys.Errno, bool) { return answer(e) }
		want := &aio.OpError{}
		if n, err := f.Read(soon(t), make([]byte, 1)); n != 0 || !errors.Is(err, e) || !errors.As(err, &want) || want.Op != "read" {
			t.Errorf("Read: %d, %v", n, err)
		}
		if n, err := f.WriteAll(soon(t), make([]byte, 1)); n != 0 || !errors.Is(err, e) || !errors.As(err, &want) || want.Op != "write" {
			t.Errorf("WriteAll: %d, %v", n, err)
		}
	}
	before := r.Stats().Retries
	tries := 0
	k.recv = nil
	k.send = func(int, []byte) (int, sys.Errno, bool) {
		if tries++; tries < 3 {
			return answer(syscall.ENOBUFS)
		}
		return 1, 0, true
	}
	if n, err := f.Write(soon(t), make([]byte, 1)); n != 1 || err != nil || tries != 3 {
		t.Errorf("a shortage: %d, %v after %d calls", n, err, tries)
	}
	if n := r.Stats().Retries - before; n != 2 {
		t.Errorf("%d retries, want 2", n)
	}
	syscall.Shutdown(peer, syscall.SHUT_WR)
	if n, err := f.Read(soon(t), make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}
