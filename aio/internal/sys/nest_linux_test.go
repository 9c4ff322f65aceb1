//go:build linux && !aiokqueue

package sys

import (
	"runtime"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// A bell is an eventfd in an epoll descriptor in Go's poller.
type bell struct {
	t     *testing.T
	fd    int
	ep    int
	n     *nest
	asked atomic.Int32
}

func newBell(t *testing.T) *bell {
	b := &bell{t: t}
	h := host{}
	var e Errno
	if b.ep, e = h.EpollCreate(); e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(func() { h.Close(b.ep) })
	if b.fd, e = h.EventFD(); e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(func() { h.Close(b.fd) })
	if e := h.EpollCtl(b.ep, EPOLL_CTL_ADD, b.fd, EpollEvent{Events: EPOLLIN | EPOLLET, Fd: int32(b.fd)}); e != 0 {
		t.Fatal(e)
	}
	b.n = h.Nest(b.ep).(*nest)
	t.Cleanup(func() {
		if err := b.n.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bell) ring() {
	if _, e := (host{}).Write(b.fd, []byte{0: 1, 7: 0}); e != 0 {
		b.t.Error(e)
	}
}

// ready counts a question when it has the answer: what rings after that was not
// in it.
func (b *bell) ready(ep uintptr) bool {
	n, e := host{}.EpollWait(int(ep), make([]EpollEvent, 1), 0)
	b.asked.Add(1)
	if e != 0 {
		b.t.Error(e)
	}
	return n > 0
}

// heard says whether the runtime would be told.
func (b *bell) heard() bool {
	p := []unix.PollFd{{Fd: int32(b.n.gate), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	for err == unix.EINTR {
		n, err = unix.Poll(p, 0)
	}
	if err != nil {
		b.t.Error(err)
	}
	return n > 0
}

// The runtime hears of the first events, of none while there is one each time,
// and again of what comes when the poller sleeps.
func TestNestGate(t *testing.T) {
	b := newBell(t)
	for i := range 3 * patience {
		b.ring()
		if got := b.heard(); got != (i < patience) {
			t.Fatalf("event %d: the runtime is told: %t", i, got)
		}
		b.n.Wait(b.ready)
	}
	if n := b.asked.Load(); n != 3*patience {
		t.Errorf("%d events took %d questions", 3*patience, n)
	}
	woken := make(chan bool)
	go func() {
		b.n.Wait(b.ready)
		close(woken)
	}()
	for b.asked.Load() < 3*patience+2 { // behind the gate first, then before it sleeps
		runtime.Gosched()
	}
	b.ring()
	<-woken
	if b.n.shut {
		t.Error("it slept behind the gate")
	}
}

// No event is lost, whether it comes while the gate is shut, is being opened or
// is open.
func TestNestLosesNoWake(t *testing.T) {
	b := newBell(t)
	heard := make(chan bool, 1)
	const rounds = 20_000
	go func() {
		for range rounds {
			b.n.Wait(b.ready)
			heard <- true
		}
	}()
	for i := range rounds {
		if i%16 > 6 { // else the next event is there before the next Wait
			for range i % 64 {
				runtime.Gosched()
			}
		}
		b.ring()
		<-heard
	}
}

// A Wake and a time that has come end a Wait behind a shut gate too.
func TestNestWakesBehindTheGate(t *testing.T) {
	b := newBell(t)
	for range patience {
		b.ring()
		b.n.Wait(b.ready)
	}
	b.n.Wake()
	b.n.Wait(b.ready)
	b.n.Until(0)
	b.n.Wait(b.ready)
	b.n.Until(-1)
	go b.n.Wake()
	b.n.Wait(b.ready)
	if b.n.shut || b.n.busy != 0 {
		t.Errorf("after waiting: shut %t, busy %d", b.n.shut, b.n.busy)
	}
}

// A poller that sleeps now and then keeps its gate open: it would have to open
// it for each sleep.
func TestNestGateStaysOpen(t *testing.T) {
	b := newBell(t)
	for range 3 {
		for range patience - 1 {
			b.ring()
			b.n.Wait(b.ready)
		}
		b.n.Wake()
		b.n.Wait(b.ready)
		b.n.Until(-1)
		if b.n.shut || b.n.busy != 0 {
			t.Fatalf("after a sleep: shut %t, busy %d", b.n.shut, b.n.busy)
		}
	}
	for range 2 * patience {
		asked := b.asked.Load()
		woken := make(chan bool)
		go func() {
			b.n.Wait(b.ready)
			close(woken)
		}()
		for b.asked.Load() == asked {
			runtime.Gosched()
		}
		b.ring() // it has looked, and found nothing
		<-woken
		if b.n.shut {
			t.Fatal("the gate is shut")
		}
	}
}
