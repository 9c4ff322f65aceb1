//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"example.com/interlock/aio"
)

// What else one has many of is small too.
func TestSizesOfBuffersAndQueues(t *testing.T) {
	for _, c := range []struct {
		name     string
		got, max uintptr
	}{
		{"Buf", unsafe.Sizeof(aio.Buf{}), 48},
		{"Pool", unsafe.Sizeof(aio.Pool{}), 136},
		{"Outbox", unsafe.Sizeof(aio.Outbox{}), 272},
		{"Queue", unsafe.Sizeof(aio.Queue{}), 64},
		{"Datagram", unsafe.Sizeof(aio.Datagram{}), 48},
	} {
		if t.Logf("%s: %d bytes", c.name, c.got); c.got > c.max {
			t.Errorf("a %s takes %d bytes, more than %d", c.name, c.got, c.max)
		}
	}
}

// Files that are cached, pools, timeouts and gathered writes allocate nothing
// in the steady state; a message that an Outbox sends at once costs its copy.
func TestNoAllocationsBeyondStreams(t *testing.T) {
	r := manual(t)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	syscall.SetNonblock(peer, true)
	p := make([]byte, 64)
	var op aio.Op
	var h aio.HandlerFunc = func(*aio.Op) {}
	turn := func() {
		for op.Pending() {
			must(r.Poll(context.Background(), 1))
		}
	}
	pool := aio.NewPool(64, 2)
	zero(t, "read into a pool's buffer", func() {
		op.PrepReadPool(f, pool)
		op.Start(h)
		syscall.Write(peer, p)
		turn()
		op.Buf().Release()
	})
	ctx := context.Background()
	zero(t, "a buffer of the pool", func() {
		b, _ := pool.Get(ctx)
		b.Retain()
		b.Release()
		b.Release()
	})
	zero(t, "timeout", func() {
		op.PrepTimeout(r, 0)
		op.Start(h)
		turn()
	})
	zero(t, "timeout that is cancelled", func() {
		op.PrepTimeout(r, time.Hour)
		op.Start(h)
		op.Cancel()
		turn()
	})
	vector := [][]byte{p[:10], nil, p[:20]}
	zero(t, "gathered write, scattered read", func() {
		op.PrepWritev(f, vector)
		op.Start(h)
		turn()
		syscall.Read(peer, p)
		syscall.Write(peer, p[:30])
		op.PrepReadv(f, vector)
		op.Start(h)
		turn()
	})
	o := aio.NewOutbox(f, 1<<16)
	zero(t, "Outbox with a pool's buffer", func() {
		b, _ := pool.Get(ctx)
		if err := o.SendBuf(b); err != nil {
			t.Fatal(err)
		}
		syscall.Read(peer, p)
	}, 2) // the queue, and the channel for Drained
	zero(t, "Outbox with a copy", func() {
		o.Send(p)
		syscall.Read(peer, p)
	}, 3)
}

// Waiting for a process takes one Op and one descriptor, whatever the process
// does meanwhile.
func TestMemoryOfWaitingForProcesses(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has its own idea of memory")
	}
	r := manual(t)
	cmd, _ := spawn(t)
	const n = 200
	ops := make([]aio.Op, n)
	h := aio.HandlerFunc(func(*aio.Op) {})
	ops[0].PrepWaitProcess(r, cmd.Process)
	ops[0].Start(h)
	goroutines := runtime.NumGoroutine()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range ops[1:] {
		ops[i+1].PrepWaitProcess(r, cmd.Process)
		ops[i+1].Start(h)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; per > 1024 {
		t.Errorf("%d bytes for each wait", per)
	} else {
		t.Logf("%d bytes for each wait", per)
	}
	until(t, "no goroutine more", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// A file whose bytes are in memory is read without an allocation where the
// system can tell that they are.
func TestNoAllocationsForCachedFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a worker reads it")
	}
	r := manual(t)
	name := t.TempDir() + "/f"
	fd := must(syscall.Open(name, syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600))
	syscall.Write(fd, make([]byte, 4096))
	f := must(r.Adopt(fd, aio.KindAuto))
	var op aio.Op
	var h aio.HandlerFunc = func(*aio.Op) {}
	p := make([]byte, 512)
	zero(t, "ReadAt", func() {
		op.PrepReadAt(f, p, 1024)
		op.Start(h)
		for op.Pending() {
			must(r.Poll(context.Background(), 1))
		}
	})
	if n, err := op.Result(); n != 512 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
