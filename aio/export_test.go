//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio

import "example.com/interlock/aio/internal/sys"

// NewOn makes a ring on a kernel that a test has bent.
func NewOn(k sys.Kernel, o *Options) (*Ring, error) { return newRing(k, o) }

// Sysfd is the descriptor's number.
func (f *FD) Sysfd() int { return int(f.sysfd) }

// Registered says whether the poller reports f.
func (f *FD) Registered() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.armed != 0
}

// FillWaker brings an eventfd of the poller to its limit, so that a write
// meets EAGAIN; false: there is none.
func (r *Ring) FillWaker() bool {
	p, ok := r.poll.(*epoll)
	if !ok || p.waker < 0 {
		return false
	}
	b := [8]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	_, e := p.k.Write(p.waker, b[:])
	return e == 0
}

// LateWake is a wake by who had made up his mind long ago.
func (r *Ring) LateWake() { r.poll.wake() }

// Ended says whether the ring has closed its poller.
func (r *Ring) Ended() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// Polled says whether somebody polls.
func (r *Ring) Polled() bool { return len(r.token) == 1 }

// Times is how many operations have a time, and the room for them.
func (r *Ring) Times() (n, room int) {
	r.times.mu.Lock()
	defer r.times.mu.Unlock()
	return len(r.times.heap), cap(r.times.heap)
}

// Pages is how many pages the table has.
func (r *Ring) Pages() (n int) {
	for _, p := range *r.table.dir.Load() {
		if p != nil {
			n++
		}
	}
	return n
}

// Gates is how many wait for the end of a system call.
func (r *Ring) Gates() int {
	r.gates.mu.Lock()
	defer r.gates.mu.Unlock()
	return len(r.gates.wait)
}

// Workers is how many workers are alive.
func (r *Ring) Workers() int {
	r.crew.mu.Lock()
	defer r.crew.mu.Unlock()
	return r.crew.live
}

// CloseBeforeWrite sends p and closes o when p is in flight already, but its
// write has not begun.
func (o *Outbox) CloseBeforeWrite(p []byte) error {
	o.pumping = true
	if err := o.Send(p); err != nil {
		return err
	}
	o.next()
	err := o.Close()
	o.write()
	return err
}
