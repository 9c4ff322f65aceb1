package sys

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nest is an epoll descriptor in Go's poller, behind another one that is its
// gate: Go registers for edges, and each event that comes while the ring is at
// work would be one, and wake a thread of the runtime to no end. So a ring that
// finds events each time it asks shuts the gate, which hears of nothing then, and
// opens it again before it sleeps. With a hundred busy connections that saves
// nearly one system call for each event.
type nest struct {
	file *os.File // the gate
	raw  syscall.RawConn
	gate int
	ep   int
	ask  func(uintptr) bool

	// Wait's own; there is one at a time.
	ready func(uintptr) bool
	asked int  // times that ready was asked
	found bool // it said yes
	shut  bool
	busy  int // Waits in a row that found something at once
}

// patience is how many Waits in a row find something at once before the gate
// is shut: to shut and to open it are a call each.
const patience = 4

func (h host) Nest(ep int) Nest {
	gate, e := h.EpollCreate()
	if e != 0 {
		return nil
	}
	n := &nest{gate: gate, ep: ep}
	if h.EpollCtl(gate, EPOLL_CTL_ADD, ep, EpollEvent{Events: EPOLLIN}) != 0 || unix.SetNonblock(gate, true) != nil {
		_ = unix.Close(gate)
		return nil
	}
	n.file = os.NewFile(uintptr(gate), "epoll")
	var err error
	// A file that did not get into Go's poller refuses deadlines.
	if n.raw, err = n.file.SyscallConn(); err != nil || n.file.SetReadDeadline(time.Time{}) != nil {
		_ = n.file.Close()
		return nil
	}
	n.ask = func(uintptr) bool {
		n.asked++
		n.found = n.ready(uintptr(n.ep))
		return n.found
	}
	return n
}

func (n *nest) Wait(ready func(uintptr) bool) {
	if n.shut {
		if ready(uintptr(n.ep)) {
			return
		}
		n.set(EPOLLIN)
	}
	// The gate is open before ready is asked for what came until then.
	n.ready, n.asked, n.found = ready, 0, false
	_ = n.raw.Read(n.ask)
	n.ready = nil
	if !n.found || n.asked > 1 {
		n.busy = 0
		return
	}
	if n.busy++; n.busy >= patience {
		n.set(0)
	}
}

// set says which events the gate lets through.
func (n *nest) set(events uint32) {
	e := host{}.EpollCtl(n.gate, EPOLL_CTL_MOD, n.ep, EpollEvent{Events: events})
	n.shut = events == 0 && e == 0
}

func (n *nest) Until(d int64) {
	var t time.Time
	if d >= 0 {
		t = time.Now().Add(time.Duration(d))
	}
	_ = n.file.SetReadDeadline(t)
}

func (n *nest) Wake() { _ = n.file.SetReadDeadline(time.Unix(1, 0)) }

func (n *nest) Close() error { return n.file.Close() }
