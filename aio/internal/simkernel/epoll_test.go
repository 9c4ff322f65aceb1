package simkernel_test

import (
	"testing"

	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

const (
	et    = sys.EPOLLET
	inET  = sys.EPOLLIN | sys.EPOLLRDHUP | et
	outET = sys.EPOLLOUT | et
)

func linux(t *testing.T, change ...func(*simkernel.Config)) (kit, int) {
	k := newKit(t, simkernel.Linux(), change...)
	return k, k.poller()
}

func TestEpollLevelAndEdge(t *testing.T) {
	k, ep := linux(t)
	rd, wr := k.pipe()
	k.epoll(ep, rd, sys.EPOLLIN)
	k.send(wr, "abc")
	k.want(k.events(ep), "4:IN", "level")
	k.want(k.events(ep), "4:IN", "level again")
}

func TestEpollStreams(t *testing.T) {
	for _, unix := range []bool{false, true} {
		k, ep := linux(t)
		a, b := k.pair(unix)
		k.epoll(ep, a, inET)
		k.want(k.events(ep), "", "idle")
		k.send(b, "abc")
		k.want(k.events(ep) != "", true, "edge")
		k.want(k.events(ep), "", "once")
		k.recv(a, 1)
		k.want(k.events(ep), "", "a partial read is no edge")
		k.send(b, "d")
		k.want(k.events(ep) != "", true, "more data")
		k.ok(k.Shutdown(b, 1))
		k.want(k.events(ep), tag(a, "IN|RDHUP"), "half close")
		k.want(k.recv(a, 9), "bcd", "what is left")
		k.want(k.recv(a, 9), "eof", "the end")
		k.want(k.write(a, 5), "5", "still writable")
		k.ok(k.Shutdown(a, 1))
		k.want(k.events(ep), tag(a, "IN|RDHUP|HUP"), "both closed")
	}
}

func tag(fd int, s string) string { return string(rune('0'+fd)) + ":" + s }

func TestEpollResetAndHangUp(t *testing.T) {
	k, ep := linux(t)
	a, b := k.pair(false)
	k.epoll(ep, a, inET|sys.EPOLLOUT)
	k.want(k.events(ep), tag(a, "OUT"), "initial")
	k.ok(k.SetOption(b, sys.OptReset, 1))
	k.ok(k.Close(b))
	k.want(k.events(ep), tag(a, "IN|OUT|RDHUP|HUP|ERR"), "RST")
	k.want(k.write(a, 1), "ECONNRESET", "write takes the error")
	k.want(k.write(a, 1), "EPIPE", "then EPIPE")
	k.want(k.recv(a, 1), "eof", "read")
	_, e := k.PeerName(a)
	k.want(name(e), "ENOTCONN", "peer")
	k.want(name(k.Shutdown(a, 1)), "ENOTCONN", "shutdown")

	a, b = k.pair(false)
	k.ok(k.Close(b))
	k.want(k.write(a, 1), "1", "write to who has closed")
	k.want(k.write(a, 1), "EPIPE", "a reset after FIN")

	k, ep = linux(t)
	a, b = k.pair(true)
	k.epoll(ep, a, outET)
	k.want(k.events(ep), tag(a, "OUT"), "initial")
	k.ok(k.Close(b))
	k.want(k.events(ep), tag(a, "OUT|HUP"), "a hang-up reaches who waits to write")
	k.want(k.write(a, 1), "EPIPE", "write")
}

func TestEpollPipe(t *testing.T) {
	k, ep := linux(t)
	rd, wr := k.pipe()
	k.epoll(ep, wr, outET)
	k.want(k.events(ep), tag(wr, "OUT"), "initial")
	k.send(wr, "abc")
	k.recv(rd, 9)
	k.want(k.events(ep), "", "no edge when it was never full")
	for k.write(wr, 1000) != "EAGAIN" {
	}
	k.recv(rd, 10)
	k.want(k.events(ep), "", "hardly any room")
	k.recv(rd, 1<<20)
	k.want(k.events(ep), tag(wr, "OUT"), "drained")
	k.ok(k.Close(rd))
	k.want(k.events(ep), tag(wr, "OUT|ERR"), "reader gone")
	k.want(k.write(wr, 1), "EPIPE", "write")

	rd, wr = k.pipe()
	k.epoll(ep, rd, inET)
	k.ok(k.Close(wr))
	k.want(k.events(ep), tag(rd, "HUP"), "writer gone")
	k.want(k.recv(rd, 1), "eof", "read")
}

func TestEpollUnconnected(t *testing.T) {
	k, ep := linux(t)
	s := k.socket(false)
	k.epoll(ep, s, inET|sys.EPOLLOUT)
	k.want(k.events(ep), tag(s, "OUT|HUP"), "unconnected")
	k.want(name(k.Connect(s, ip(9), false)), "EINPROGRESS", "connect")
	k.want(k.events(ep), tag(s, "IN|OUT|RDHUP|HUP|ERR"), "refused")
	k.want(name(k.SockError(s)), "ECONNREFUSED", "SO_ERROR")
	k.want(k.events(ep), "", "once")
}

// The registration is of the file: closing one of two numbers leaves it, and
// it can then be removed by neither.
func TestEpollDuplicate(t *testing.T) {
	k, ep := linux(t)
	rd, wr := k.pipe()
	dup, _ := k.Dup(rd)
	k.epoll(ep, rd, inET)
	k.ok(k.Close(rd))
	k.send(wr, "x")
	k.want(k.events(ep), tag(rd, "IN"), "an event of a closed number")
	k.want(name(k.EpollCtl(ep, sys.EPOLL_CTL_DEL, rd, sys.EpollEvent{})), "EBADF", "delete by the number")
	k.want(name(k.EpollCtl(ep, sys.EPOLL_CTL_DEL, dup, sys.EpollEvent{})), "ENOENT", "delete by the duplicate")
	k.ok(k.Close(dup))
	k.send2(wr)
	k.want(k.events(ep), "", "the last close removes it")
}

func (k kit) send2(fd int) { k.want(k.write(fd, 1), "EPIPE", "write to nobody") }

func TestEpollControl(t *testing.T) {
	k, ep := linux(t)
	rd, wr := k.pipe()
	ctl := func(op, fd int) string {
		return name(k.EpollCtl(ep, op, fd, sys.EpollEvent{Events: inET, Fd: int32(fd)}))
	}
	k.want(ctl(sys.EPOLL_CTL_MOD, rd), "ENOENT", "mod of nothing")
	k.want(ctl(sys.EPOLL_CTL_ADD, rd), "ok", "add")
	k.want(ctl(sys.EPOLL_CTL_ADD, rd), "EEXIST", "add twice")
	k.want(ctl(9, rd), "EINVAL", "no such operation")
	k.want(ctl(sys.EPOLL_CTL_ADD, 99), "EBADF", "no such number")
	k.want(ctl(sys.EPOLL_CTL_ADD, k.File(nil)), "EPERM", "regular file")
	k.want(name(k.EpollCtl(rd, sys.EPOLL_CTL_ADD, wr, sys.EpollEvent{})), "EINVAL", "not an epoll")
	k.send(wr, "x")
	k.want(k.events(ep), tag(rd, "IN"), "event")
	k.want(ctl(sys.EPOLL_CTL_MOD, rd), "ok", "mod")
	k.want(k.events(ep), tag(rd, "IN"), "mod is an edge when ready")
	k.want(ctl(sys.EPOLL_CTL_MOD, rd), "ok", "mod")
	k.want(ctl(sys.EPOLL_CTL_DEL, rd), "ok", "delete")
	k.want(k.events(ep), "", "no event after delete")
	_, e := k.EpollWait(ep, nil, 0)
	k.want(name(e), "EINVAL", "no room")
	outer := k.poller()
	k.epoll(outer, ep, inET)
	k.want(k.events(outer), "", "nothing inside")
	ctl(sys.EPOLL_CTL_ADD, rd)
	k.want(k.events(outer) != "", true, "something inside")
	k.ok(k.Close(ep))
	k.send(wr, "y")
	k.want(k.events(outer), "", "closed")
}

func TestEpollFirstComeFirstServed(t *testing.T) {
	k, ep := linux(t)
	var ends []int
	for range 3 {
		rd, wr := k.pipe()
		k.epoll(ep, rd, sys.EPOLLIN)
		ends = append(ends, wr)
	}
	for _, i := range []int{2, 0, 1} {
		k.send(ends[i], "x")
	}
	k.want(k.events(ep), "8:IN 4:IN 6:IN", "order of arrival")
	var one [1]sys.EpollEvent
	got := ""
	for range 3 {
		k.EpollWait(ep, one[:], 0)
		got += tag(int(one[0].Fd), " ")
		k.want(int(one[0].Pad), 7, "user data")
	}
	k.want(got, "8: 4: 6: ", "one at a time")
}

func TestEventFD(t *testing.T) {
	k, ep := linux(t)
	fd, e := k.EventFD()
	k.ok(e)
	k.epoll(ep, fd, inET)
	k.want(k.recv(fd, 8), "EAGAIN", "empty")
	k.want(k.recv(fd, 7), "EINVAL", "too small")
	one := "\x01\x01\x01\x01\x01\x01\x01\x01"
	k.send(fd, one)
	k.want(k.events(ep), tag(fd, "IN"), "edge")
	k.send(fd, one)
	k.want(k.events(ep), tag(fd, "IN"), "each write is an edge")
	k.want(k.recv(fd, 8), "\x02\x02\x02\x02\x02\x02\x02\x02", "sum")
	k.send(fd, "\xfe\xff\xff\xff\xff\xff\xff\xff")
	_, e = k.Write(fd, []byte(one))
	k.want(name(e), "EAGAIN", "overflow")
}
