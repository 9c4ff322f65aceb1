package simkernel

import (
	"example.com/interlock/aio/internal/sys"
)

// nest is an epoll descriptor in the poller of a program's runtime: a
// duplicate of it, and a deadline that an earlier wake has brought forward.
type nest struct {
	k     *Kernel
	fd    int
	ep    *epoll
	end   int64 // when Wait ends at the latest; negative: never
	woken bool
}

// Nest makes one where the manners have it.
func (k *Kernel) Nest(ep int) sys.Nest {
	if !k.m.Nests {
		return nil
	}
	fd, e := k.Dup(ep)
	if e != 0 {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	q, ok := k.nums[fd].node.(*epoll)
	if !ok {
		return nil
	}
	return &nest{k: k, fd: fd, ep: q, end: -1}
}

// Wait asks whenever there may be an event. As in the runtime's poller a
// deadline that has passed goes before the first question.
func (n *nest) Wait(ready func(ep uintptr) bool) {
	for n.pause(false) && !ready(uintptr(n.fd)) && n.pause(true) {
	}
}

// pause waits for an event, if it may; false: it is over.
func (n *nest) pause(wait bool) bool {
	n.k.mu.Lock()
	defer n.k.mu.Unlock()
	n.k.arrive()
	for !n.over() {
		if !wait || n.ep.mask(n.k) != 0 || n.k.lucky(n.k.cfg.Chance.Spurious) {
			return true
		}
		n.k.pause(n.end)
	}
	return false
}

func (n *nest) over() bool { return n.woken || n.end >= 0 && n.k.clock() >= n.end }

// Until sets the end of Wait.
func (n *nest) Until(d int64) {
	n.k.mu.Lock()
	defer n.k.mu.Unlock()
	n.woken, n.end = false, -1
	if d >= 0 {
		n.end = n.k.clock() + d
	}
}

// Wake ends Wait.
func (n *nest) Wake() {
	n.k.mu.Lock()
	defer n.k.mu.Unlock()
	n.woken = true
	n.k.epochs++
	n.k.awake.Broadcast()
}

// Close lets go of the descriptor.
func (n *nest) Close() error {
	if e := n.k.Close(n.fd); e != 0 {
		return e
	}
	return nil
}
