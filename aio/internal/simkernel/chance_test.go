package simkernel_test

import (
	"bytes"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

func TestFaults(t *testing.T) {
	k := newKit(t, simkernel.Linux())
	rd, wr := k.pipe()
	k.send(wr, "abc")
	k.Fail(simkernel.Fault{Call: simkernel.CallRead, FD: rd, Skip: 1, Times: 2, Err: syscall.EIO})
	k.Fail(simkernel.Fault{Call: simkernel.CallRead, FD: 99, Times: -1, Err: syscall.EPERM})
	got := ""
	for range 4 {
		got += k.recv(rd, 1) + ","
	}
	eio := syscall.EIO.Error()
	k.want(got, "a,"+eio+","+eio+",b,", "reads")
	k.Fail(simkernel.Fault{Call: simkernel.CallRead, FD: -1, Err: syscall.EINVAL})
	k.want(k.recv(rd, 1)+k.recv(rd, 1), "EINVALc", "any number, once")
	k.Fail(simkernel.Fault{Call: simkernel.CallRead, FD: -1, Times: -1, Err: syscall.EINVAL})
	k.recv(rd, 1)
	k.Heal()
	k.want(k.recv(rd, 1), "EAGAIN", "healed")
	k.Fail(simkernel.Fault{Call: simkernel.CallClose, FD: -1, Err: syscall.EINTR})
	k.want(name(k.Close(rd)), "EINTR", "close")
	k.want(k.recv(rd, 1), "EBADF", "closed all the same")
	k.want(k.Calls(simkernel.CallClose), 1, "calls")
	k.want(simkernel.CallKevent.String(), "kevent", "name")
}

// With everything left to luck a stream loses nothing, and a reader that waits
// for edges is never left alone.
func TestChance(t *testing.T) {
	for _, m := range simkernel.Systems() {
		for seed := range uint64(20) {
			k := newKit(t, m, func(c *simkernel.Config) {
				c.Seed, c.Buffer, c.Latency = seed, 50, int64(seed)*1000
				c.Chance = simkernel.Chance{Short: 0.5, Interrupt: 0.3, Spurious: 0.2, Stale: 0.2}
				c.Idle = func() { t.Fatal("an edge is missing") }
			})
			k.transfer()
		}
	}
}

// transfer sends 1000 bytes over a connection, both ends on edges alone.
func (k kit) transfer() {
	k.t.Helper()
	a, b := k.pair(false)
	p := k.poller()
	k.watchEdge(p, a)
	k.watchEdge(p, b)
	var sent, want, got []byte
	for i := range 1000 {
		want = append(want, byte(i))
	}
	canRead, canWrite := false, true
	for len(got) < len(want) {
		for canWrite && len(sent) < len(want) {
			n, e := k.Write(a, want[len(sent):])
			sent = want[:len(sent)+n]
			canWrite = e == 0 && n > 0
		}
		for canRead {
			buf := make([]byte, 7)
			n, e := k.Read(b, buf)
			got = append(got, buf[:n]...)
			canRead = e == 0
		}
		if len(got) < len(want) {
			fds := k.waitEdge(p)
			canWrite, canRead = canWrite || fds[a], fds[b]
		}
	}
	k.want(bytes.Equal(got, want), true, "bytes in order")
}

func (k kit) watchEdge(p, fd int) {
	if k.m.Poller == sys.Epoll {
		k.epoll(p, fd, inET|sys.EPOLLOUT)
		return
	}
	k.change(p, fd, sys.EVFILT_READ, edge, uintptr(fd))
	k.change(p, fd, sys.EVFILT_WRITE, edge, uintptr(fd))
}

func (k kit) waitEdge(p int) map[int]bool {
	fds := map[int]bool{}
	if k.m.Poller == sys.Epoll {
		var evs [4]sys.EpollEvent
		n, _ := k.EpollWait(p, evs[:], -1)
		for _, ev := range evs[:n] {
			fds[int(ev.Fd)] = true
		}
		return fds
	}
	evs := make([]sys.Kevent, 4)
	n, _ := k.Kevent(p, nil, evs, -1)
	for _, ev := range evs[:n] {
		fds[int(ev.Udata)] = true
	}
	return fds
}

func TestEachChance(t *testing.T) {
	all := func(c simkernel.Chance) func(*simkernel.Config) {
		return func(x *simkernel.Config) { x.Chance = c }
	}
	k := newKit(t, simkernel.Linux(), all(simkernel.Chance{Abort: 1}))
	l := k.listener(ip(1), 1)
	_, _, e := k.Accept(l)
	k.want(name(e), "ECONNABORTED", "Abort")
	k = newKit(t, simkernel.Linux(), all(simkernel.Chance{NoFiles: 1}))
	l = k.listener(ip(1), 1)
	seen := map[string]bool{}
	for range 50 {
		_, _, e = k.Accept(l)
		seen[name(e)] = true
	}
	k.want(fmt.Sprint(seen), "map[EMFILE:true ENFILE:true]", "NoFiles")
	k = newKit(t, simkernel.Linux(), all(simkernel.Chance{NoBuffers: 1}))
	_, e = k.Send(k.socket(false), nil, 0)
	k.want(e, sys.Errno(syscall.ENOBUFS), "NoBuffers")
	k = newKit(t, simkernel.Linux(), all(simkernel.Chance{NoMemory: 1}))
	ep := k.poller()
	k.want(k.EpollCtl(ep, sys.EPOLL_CTL_ADD, ep, sys.EpollEvent{}), sys.Errno(syscall.ENOMEM), "NoMemory")
	for _, m := range []simkernel.Manners{simkernel.Linux(), simkernel.FreeBSD()} {
		k = newKit(t, m, all(simkernel.Chance{Spurious: 1}))
		p := k.poller()
		rd, wr := k.pipe()
		k.watchPipe(p, rd)
		k.want(k.waitEdge(p)[rd], true, "Spurious")
		k.send(wr, "x")
		k.ok(k.Close(rd))
		k = newKit(t, m, all(simkernel.Chance{Interrupt: 1}))
		p = k.poller()
		if m.Poller == sys.Epoll {
			var evs [1]sys.EpollEvent
			_, e = k.EpollWait(p, evs[:], -1)
		} else {
			_, e = k.Kevent(p, nil, make([]sys.Kevent, 1), -1)
		}
		k.want(name(e), "EINTR", "Interrupt")
		k = newKit(t, m, all(simkernel.Chance{Stale: 1}))
		p = k.poller()
		rd, wr = k.pipe()
		k.watchPipe(p, rd)
		k.send(wr, "x")
		k.waitEdge(p)
		k.ok(k.Close(rd))
		k.want(k.waitEdge(p)[rd], true, "Stale")
		k = newKit(t, m, all(simkernel.Chance{Short: 1}), func(c *simkernel.Config) { c.Cost = 1 })
		a, b := k.pair(false)
		n, _ := k.Write(a, make([]byte, 100))
		k.want(n > 0 && n < 100, true, "Short write")
		k.want(k.write(a, 1), "EAGAIN", "no room for a moment")
		got := len(k.recv(b, 100))
		k.want(got > 0 && got < n, true, "Short read")
		k.want(k.recv(b, 100), "EAGAIN", "the rest comes later")
		k.Heal()
		k.settle()
		k.want(k.write(a, 1), "1", "room again")
		k.want(len(k.recv(b, 100)), n-got+1, "the rest")
	}
}

func (k kit) watchPipe(p, fd int) {
	if k.m.Poller == sys.Epoll {
		k.epoll(p, fd, inET)
		return
	}
	k.change(p, fd, sys.EVFILT_READ, edge, uintptr(fd))
}

func TestJumpingClock(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		p := k.poller()
		wait := func(d int64) {
			if k.m.Poller == sys.Epoll {
				var evs [1]sys.EpollEvent
				k.EpollWait(p, evs[:], d)
				return
			}
			k.Kevent(p, nil, make([]sys.Kevent, 1), d)
		}
		start := k.Now()
		wait(1e12)
		d := k.Now() - start
		k.want(d >= 1e12 && d < 1e12+1e9, true, "a wait jumps to its end")
		wait(0)
		k.want(k.Now()-start < d+1e9, true, "asking takes no time")
		k.want(k.When(k.Time()), k.Now(), "When")
		k.want(k.When(k.Time().Add(time.Second)), k.Now()+1e9, "When, later")
		k.want(k.When(time.Time{}), int64(1), "When, long ago")
	})
}

func TestFlowingClock(t *testing.T) {
	for _, m := range []simkernel.Manners{simkernel.Linux(), simkernel.FreeBSD()} {
		synctest.Test(t, func(t *testing.T) {
			k := newKit(t, m, func(c *simkernel.Config) { c.Clock, c.Latency = simkernel.Flowing, 1e6 })
			p := k.poller()
			rd, wr := k.pipe()
			k.watchPipe(p, rd)
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(time.Second)
				k.send(wr, "x")
			})
			start, clock := time.Now(), k.Now()
			k.want(k.waitEdge(p)[rd], true, "woken by another goroutine")
			k.want(time.Since(start), time.Second, "when it wrote")
			k.want(k.Now()-clock, int64(time.Second), "by the kernel's clock")
			wg.Wait()
			var evs [1]sys.EpollEvent
			if m.Poller == sys.Epoll {
				k.EpollWait(p, evs[:], int64(time.Minute))
			} else {
				k.Kevent(p, nil, make([]sys.Kevent, 1), int64(time.Minute))
			}
			k.want(time.Since(start), time.Second+time.Minute, "a wait ends")
		})
	}
}

// A wait whose poller is closed by another goroutine goes on.
func TestClosedPollerWakesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, simkernel.FreeBSD(), func(c *simkernel.Config) { c.Clock = simkernel.Flowing })
		p := k.poller()
		start := time.Now()
		done := make(chan time.Duration)
		go func() {
			k.Kevent(p, nil, make([]sys.Kevent, 1), int64(time.Hour))
			done <- time.Since(start)
		}()
		synctest.Wait()
		k.ok(k.Close(p))
		k.want(<-done, time.Hour, "the wait's end")
	})
}

// Two kernels with one seed have one history.
func TestSameSeedSameHistory(t *testing.T) {
	history := func(seed uint64) string {
		var log bytes.Buffer
		k := newKit(t, simkernel.Linux(), func(c *simkernel.Config) {
			c.Seed, c.Latency, c.Buffer = seed, 5000, 64
			c.Chance = simkernel.Chance{Short: 0.5, Interrupt: 0.2, Spurious: 0.2, Stale: 0.2}
			c.Trace = func(call simkernel.Call, fd, n int, e sys.Errno) { fmt.Fprintln(&log, call, fd, n, e) }
		})
		k.transfer()
		return log.String()
	}
	//lint:ignore SA4000 it must do the same twice
	if history(1) != history(1) {
		t.Error("two histories of one seed")
	}
	if history(1) == history(2) {
		t.Error("one history of two seeds")
	}
}
