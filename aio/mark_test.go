//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// sendFlags writes through a connection of package net, with flags.
func sendFlags(t *testing.T, conn syscall.Conn, text string, flags int) {
	t.Helper()
	raw := must(conn.SyscallConn())
	if err := raw.Control(func(fd uintptr) {
		if err := syscall.Sendto(int(fd), []byte(text), flags, nil); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// A read ends at the mark of urgent data, though more stands behind it.
func TestReadGoesOnBehindUrgentData(t *testing.T) {
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			r := newRing(t, aio.Thread)
			f, conn := tcpPair(t, r)
			register(t, r, f, func() { conn.Write([]byte("1")) })
			tick(t, r)
			before := r.Stats().Events
			sendFlags(t, conn, "abc", 0)
			sendFlags(t, conn, "x", syscall.MSG_OOB)
			sendFlags(t, conn, "def", 0)
			until(t, "the event", func() bool { return r.Stats().Events > before })
			tick(t, r)
			for _, want := range []string{"abc", "def"} {
				p := make([]byte, 9)
				if n, err := read(t, f, p); string(p[:n]) != want || err != nil {
					t.Fatalf("%q, %v; want %q", p[:n], err, want)
				}
			}
		})
	}
}

// A read ends behind a message that descriptors came with.
func TestReadGoesOnBehindRights(t *testing.T) {
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			r := newRing(t, aio.Thread)
			f, peer := unixPair(t, r, syscall.SOCK_STREAM)
			register(t, r, f, func() { syscall.Write(peer, []byte("1")) })
			tick(t, r)
			before := r.Stats().Events
			if err := syscall.Sendmsg(peer, []byte("abc"), syscall.UnixRights(peer), nil, 0); err != nil {
				t.Fatal(err)
			}
			syscall.Write(peer, []byte("def"))
			until(t, "the event", func() bool { return r.Stats().Events > before })
			tick(t, r)
			for _, want := range []string{"abc", "def"} {
				p := make([]byte, 9)
				if n, err := read(t, f, p); string(p[:n]) != want || err != nil {
					t.Fatalf("%q, %v; want %q", p[:n], err, want)
				}
			}
		})
	}
}

// register makes f registered, by a read of the one byte that write writes.
func register(t *testing.T, r *aio.Ring, f *aio.FD, write func()) {
	t.Helper()
	done := make(collect, 1)
	var op aio.Op
	op.PrepRead(f, make([]byte, 1))
	op.Start(done)
	write()
	done.next(t)
}

var readers = map[string]func(t *testing.T, f *aio.FD, p []byte) (int, error){
	"direct": func(t *testing.T, f *aio.FD, p []byte) (int, error) { return f.Read(soon(t), p) },
	"Op": func(t *testing.T, f *aio.FD, p []byte) (int, error) {
		done := make(collect, 1)
		var op aio.Op
		op.PrepRead(f, p)
		op.Start(done)
		return done.next(t).Result()
	},
}

// That there is nothing left to read says nothing about what is asked for with
// flags: that there is no urgent data is an error, not something to wait for.
func TestRecvWithFlagsAfterTheRest(t *testing.T) {
	r := newRing(t, aio.Thread)
	f, _ := tcpPair(t, r)
	var ops [2]aio.Op
	done := make(collect, 2)
	ops[0].PrepRead(f, make([]byte, 9)) // finds nothing
	ops[0].Start(done)
	if !ops[0].Cancel() {
		t.Fatal("something was read")
	}
	done.next(t)
	ops[1].PrepRecv(f, make([]byte, 1), syscall.MSG_OOB)
	ops[1].Start(done)
	if n, err := done.next(t).Result(); n != 0 || !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("%d, %v", n, err)
	}
}

// Who asks with flags does not wait for the edge that the one in front of him
// waited for: when that one has given up it is his turn at once.
func TestRecvWithFlagsBehindWhoGivesUp(t *testing.T) {
	r := newRing(t, aio.Thread)
	f, _ := tcpPair(t, r)
	for _, name := range []string{"canceled", "too late"} {
		var ops [2]aio.Op
		done := make(collect, 2)
		ops[0].PrepRead(f, make([]byte, 9))
		if name == "too late" {
			ops[0].SetDeadline(time.Now().Add(10 * time.Millisecond))
		}
		ops[0].Start(done)
		ops[1].PrepRecv(f, make([]byte, 1), syscall.MSG_OOB)
		ops[1].Start(done)
		if name == "canceled" && !ops[0].Cancel() {
			t.Fatal("something was read")
		}
		done.next(t)
		done.next(t)
		if n, err := ops[1].Result(); n != 0 || !errors.Is(err, syscall.EINVAL) {
			t.Fatalf("%s: %d, %v", name, n, err)
		}
	}
}

// That there is nothing of what is asked for with flags says nothing about the
// rest: who comes behind him who has given up finds it.
func TestReadBehindFlagsThatFoundNothing(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	register(t, r, f, func() { syscall.Write(peer, []byte("1")) })
	before := r.Stats().Events
	syscall.Write(peer, []byte("abc"))
	until(t, "the event", func() bool { return r.Stats().Events > before })
	tick(t, r)
	var lacks atomic.Bool // what the next call asks for
	lacks.Store(true)
	k.recv = func(int, []byte) (int, sys.Errno, bool) {
		return 0, syscall.EAGAIN, lacks.Swap(false)
	}
	var ops [2]aio.Op
	done := make(collect, 2)
	p := make([]byte, 2)
	ops[0].PrepRecv(f, make([]byte, 9), syscall.MSG_PEEK)
	ops[0].Start(done)
	ops[1].PrepRead(f, p)
	ops[1].Start(done)
	if !ops[0].Cancel() {
		t.Fatal("it has found something")
	}
	done.next(t)
	done.next(t)
	if n, err := ops[1].Result(); n != 2 || err != nil || string(p) != "ab" {
		t.Errorf("behind it: %d, %v, %q", n, err, p)
	}
	lacks.Store(true)
	ops[0].PrepRecv(f, make([]byte, 9), syscall.MSG_PEEK)
	ops[0].Start(done)
	if !ops[0].Cancel() {
		t.Fatal("it has found something")
	}
	done.next(t)
	if err := f.Wait(soon(t), aio.Readable); err != nil {
		t.Errorf("Wait after it: %v", err)
	}
	if n, err := f.Read(soon(t), p); n != 1 || err != nil || p[0] != 'c' {
		t.Errorf("after it: %d, %v, %q", n, err, p)
	}
}

// Who waits behind a goroutine that has found nothing is not made to look.
func TestDirectReadLetsNobodyLookInVain(t *testing.T) {
	k := bend()
	r := newRing(t, aio.Thread, k)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	var op aio.Op
	done := make(collect, 1)
	k.recv = func(int, []byte) (int, sys.Errno, bool) {
		k.recv = nil
		op.PrepRead(f, make([]byte, 1))
		op.Start(done)
		return 0, 0, false
	}
	go func() {
		pending(t, r, 2)
		if n := k.recvs.Load(); n != 1 {
			t.Errorf("%d calls that found nothing, want 1", n)
		}
		syscall.Write(peer, []byte("12"))
	}()
	if n, err := f.Read(soon(t), make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := done.next(t).Result(); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
