package simkernel_test

import (
	"strings"
	"testing"

	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

// kqueues runs a test for each system with a kqueue.
func kqueues(t *testing.T, f func(t *testing.T, k kit, kq int)) {
	everywhere(t, func(t *testing.T, k kit) {
		if k.m.Poller == sys.Kqueue {
			f(t, k, k.poller())
		}
	})
}

// plain is what the systems say without the flag that NetBSD keeps.
func plain(s string) string { return strings.ReplaceAll(s, "|ADD", "") }

const edge = sys.EV_ADD | sys.EV_CLEAR

func TestKqueueLevelOfAPipe(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		rd, wr := k.pipe()
		k.want(k.change(kq, rd, sys.EVFILT_READ, sys.EV_ADD, 7), "ok", "add")
		k.want(k.notes(kq), "", "empty")
		k.send(wr, "hello")
		k.want(plain(k.notes(kq)), "READ:5@7", "5 bytes")
		k.want(plain(k.notes(kq)), "READ:5@7", "again")
		k.want(k.recv(rd, 2), "he", "read")
		k.want(plain(k.notes(kq)), "READ:3@7", "after reading 2")
		k.recv(rd, 9)
		k.want(k.notes(kq), "", "drained")
		k.ok(k.Close(wr))
		k.want(plain(k.notes(kq)), "READ|EOF:0@7", "writer closed")
		k.want(k.change(kq, rd, sys.EVFILT_READ, sys.EV_DELETE, 0), "ok", "delete")
		k.want(k.change(kq, rd, sys.EVFILT_READ, sys.EV_DELETE, 0), "ENOENT", "delete twice")
	})
}

func TestKqueueKeepAdd(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		rd, wr := k.pipe()
		k.change(kq, rd, sys.EVFILT_READ, edge, 1)
		k.send(wr, "x")
		k.want(strings.Contains(k.notes(kq), "|ADD"), k.m.KeepAdd, "EV_ADD in the event")
	})
}

func TestKqueueEdges(t *testing.T) {
	for _, kind := range []string{"pipe", "unix", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			kqueues(t, func(t *testing.T, k kit, kq int) {
				rd, wr := k.pipe()
				if kind != "pipe" {
					rd, wr = k.pair(kind == "unix")
				}
				k.change(kq, rd, sys.EVFILT_READ, edge, 3)
				k.send(wr, "hello")
				k.want(plain(k.notes(kq)), "READ:5@3", "5 bytes")
				k.want(k.notes(kq), "", "again")
				k.send(wr, "abc")
				k.want(plain(k.notes(kq)), "READ:8@3", "3 more")
				k.recv(rd, 2)
				again := ""
				if kind == "pipe" && k.m.PipeEdges {
					again = "READ:6@3"
				}
				k.want(plain(k.notes(kq)), again, "partial read")
				k.change(kq, rd, sys.EVFILT_READ, edge, 4)
				k.want(plain(k.notes(kq)), "READ:6@4", "EV_ADD while ready")
				k.change(kq, rd, sys.EVFILT_READ, enable, 5)
				fired, token := "", "@4"
				if k.m.EnableFires {
					fired, token = "READ:6@5", "@5"
				}
				k.want(plain(k.notes(kq)), fired, "EV_ENABLE while enabled")
				k.change(kq, rd, sys.EVFILT_READ, disable, 4)
				k.want(k.notes(kq), "", "disabled")
				k.change(kq, rd, sys.EVFILT_READ, enable, 5)
				k.want(plain(k.notes(kq)), fired, "DISABLE, ENABLE")
				k.ok(k.Close(wr))
				k.settle()
				k.want(plain(k.notes(kq)), "READ|EOF:6"+token, "EOF with data")
				k.want(k.notes(kq), "", "EOF again")
				k.recv(rd, 6)
				last := ""
				if kind == "pipe" {
					last = "READ|EOF:0" + token
				}
				k.want(plain(k.notes(kq)), last, "drained")
				k.want(k.recv(rd, 9), "eof", "read at the end")
			})
		})
	}
}

func TestKqueueWriteEdges(t *testing.T) {
	for _, kind := range []string{"pipe", "unix", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			kqueues(t, func(t *testing.T, k kit, kq int) {
				rd, wr := k.pipe()
				if kind != "pipe" {
					rd, wr = k.pair(kind == "unix")
				}
				fires := func(when string, want bool) {
					t.Helper()
					w := ""
					if want {
						w = "WRITE@3"
					}
					k.want(plain(k.notes(kq)), w, when)
				}
				k.change(kq, wr, sys.EVFILT_WRITE, edge, 3)
				fires("registered", true)
				fires("again", false)
				k.send(wr, "abcd")
				fires("after a small write", kind == "pipe")
				k.recv(rd, 2)
				fires("after the peer has read", kind != "tcp" || k.m.SpaceEdges)
				for k.write(wr, 1000) != "EAGAIN" {
				}
				fires("full", false)
				k.recv(rd, 1)
				fires("one byte read", false)
				k.recv(rd, 1<<20)
				fires("drained", true)
				k.ok(k.Close(rd))
				k.settle()
				switch {
				case kind == "tcp", kind == "pipe" && k.m.PipeGoneOnRead:
					fires("reader closed", false)
				case kind == "pipe" && k.m.PipeOneshot:
					k.want(k.notes(kq), "WRITE|EOF|ONESHOT@3", "reader closed")
					k.want(k.change(kq, wr, sys.EVFILT_WRITE, sys.EV_DELETE, 0), "ENOENT", "the note is gone")
				default:
					k.want(plain(k.notes(kq)), "WRITE|EOF@3", "reader closed")
				}
			})
		})
	}
}

func TestKqueueBrokenPipe(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		rd, wr := k.pipe()
		k.ok(k.Close(rd))
		evs := make([]sys.Kevent, 1)
		n, e := k.Kevent(kq, []sys.Kevent{sys.Change(wr, sys.EVFILT_WRITE, edge, 0, 5)}, evs, 0)
		k.ok(e)
		if k.m.PipeBroken == 0 {
			k.want(n, 0, "events")
			k.change(kq, wr, sys.EVFILT_READ, edge, 6)
			k.want(k.notes(kq), "READ|EOF:0@6", "EOF on the other filter")
			return
		}
		k.want(list(evs[:n]), "WRITE|ERROR@5", "registration")
		k.want(sys.Errno(evs[0].Data), k.m.PipeBroken, "its errno")
		k.want(k.write(wr, 1), "EPIPE", "write")
	})
}

func TestKqueueEndOfUnixAndTCP(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		a, b := k.pair(true)
		k.change(kq, a, sys.EVFILT_READ, edge, 1)
		k.change(kq, a, sys.EVFILT_WRITE, edge, 2)
		k.want(plain(k.notes(kq)), "WRITE@2", "initial")
		k.ok(k.Shutdown(b, 1))
		k.want(plain(k.notes(kq)), "READ|EOF:0@1", "unix: peer's SHUT_WR")
		k.ok(k.Close(b))
		order := "READ|EOF:0@1 WRITE|EOF@2"
		if k.m.WriteFirst {
			order = "WRITE|EOF@2 READ|EOF:0@1"
		}
		k.want(plain(k.notes(kq)), order, "unix: peer's close")

		a, b = k.pair(false)
		k.change(kq, a, sys.EVFILT_READ, edge, 1)
		k.send(b, "abc")
		k.ok(k.Shutdown(b, 1))
		k.want(plain(k.notes(kq)), "READ|EOF:3@1", "tcp: data and FIN in one event")
		k.recv(a, 9)
		k.ok(k.Close(b))
		k.want(k.notes(kq), "", "tcp: close after FIN is no event")
		k.change(kq, a, sys.EVFILT_WRITE, edge, 2)
		k.notes(kq)
		k.want(k.write(a, 1), "1", "write to who has closed")
		order = "READ|EOF/ECONNRESET:0@1 WRITE|EOF/ECONNRESET@2"
		if k.m.WriteFirst {
			order = "WRITE|EOF/ECONNRESET@2 READ|EOF/ECONNRESET:0@1"
		}
		k.want(plain(k.notes(kq)), order, "RST")
		k.want(k.write(a, 1), "EPIPE", "write after RST")
		k.want(k.recv(a, 1), "ECONNRESET", "read after RST")
		k.want(k.recv(a, 1), "eof", "read after that")
	})
}

func TestKqueueOwnShutdown(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		a, _ := k.pair(false)
		k.change(kq, a, sys.EVFILT_READ, edge, 1)
		k.change(kq, a, sys.EVFILT_WRITE, edge, 2)
		k.notes(kq)
		k.ok(k.Shutdown(a, 0))
		k.want(plain(k.notes(kq)), "READ|EOF:0@1", "SHUT_RD")
		k.ok(k.Shutdown(a, 1))
		k.want(plain(k.notes(kq)), "WRITE|EOF@2", "SHUT_WR")
	})
}

func TestKqueueListener(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		l := k.listener(ip(1), 8)
		k.change(kq, l, sys.EVFILT_READ, sys.EV_ADD, 1)
		k.want(k.change(kq, l, sys.EVFILT_WRITE, sys.EV_ADD, 2), "ok", "WRITE on a listener")
		k.want(k.notes(kq), "", "idle")
		for range 3 {
			k.Connect(k.socket(false), ip(1), false)
		}
		k.want(plain(k.notes(kq)), "READ:3@1", "3 pending")
		k.Accept(l)
		k.want(plain(k.notes(kq)), "READ:2@1", "1 accepted")
		k.ok(k.Close(l))
		k.want(k.notes(kq), "", "closed")
	})
}

func TestKqueueUnconnected(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		s := k.socket(false)
		k.change(kq, s, sys.EVFILT_READ, edge, 1)
		k.change(kq, s, sys.EVFILT_WRITE, edge, 2)
		k.want(k.notes(kq), "", "unconnected")
		e := name(k.Connect(s, ip(9), false))
		if k.m.SyncConnect {
			k.want(e, "ECONNREFUSED", "connect")
			return
		}
		k.want(e, "EINPROGRESS", "connect")
		order := "READ|EOF/ECONNREFUSED:0@1 WRITE|EOF/ECONNREFUSED@2"
		if k.m.WriteFirst {
			order = "WRITE|EOF/ECONNREFUSED@2 READ|EOF/ECONNREFUSED:0@1"
		}
		k.want(plain(k.notes(kq)), order, "refused")
		k.want(name(k.SockError(s)), "ECONNREFUSED", "SO_ERROR is still there")
		k.want(name(k.SockError(s)), "ok", "and is taken once")
	})
}

func TestKqueueClose(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		rd, wr := k.pipe()
		dup, e := k.Dup(rd)
		k.ok(e)
		k.change(kq, rd, sys.EVFILT_READ, sys.EV_ADD, 5)
		k.change(kq, dup, sys.EVFILT_READ, sys.EV_ADD, 6)
		k.send(wr, "x")
		k.want(plain(k.notes(kq)), "READ:1@5 READ:1@6", "a number and its duplicate")
		k.ok(k.Close(rd))
		k.want(plain(k.notes(kq)), "READ:1@6", "the duplicate alone")
		k.want(k.change(kq, rd, sys.EVFILT_READ, sys.EV_DELETE, 0), "EBADF", "delete of the closed one")
		again, _ := k.pipe()
		k.want(again, rd, "the number is reused")
		k.want(k.change(kq, again, sys.EVFILT_READ, sys.EV_DELETE, 0), "ENOENT", "delete of the new one")
	})
}

func TestKqueueErrorsAmongChanges(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		r1, w1 := k.pipe()
		r2, w2 := k.pipe()
		k.send(w1, "x")
		k.send(w2, "x")
		all := []sys.Kevent{
			sys.Change(r1, sys.EVFILT_READ, edge, 0, 1), sys.Change(99, sys.EVFILT_READ, edge, 0, 2), sys.Change(r2, sys.EVFILT_READ, edge, 0, 3),
		}
		n, e := k.Kevent(kq, all, nil, -1)
		k.want(name(e), "EBADF", "without room")
		k.want(n, 0, "events")
		k.want(plain(k.notes(kq)), "READ:1@1", "what was applied")
		evs := make([]sys.Kevent, 8)
		n, e = k.Kevent(kq, all, evs, -1)
		k.ok(e)
		k.want(list(evs[:n]), "READ|ERROR@2", "with room")
		k.want(plain(k.notes(kq)), "READ:1@1 READ:1@3", "what was applied")
		n, e = k.Kevent(kq, nil, nil, -1)
		k.want(n == 0 && e == 0, true, "no room: no wait")
		k.want(k.change(kq, r1, 77, sys.EV_ADD, 0), "EINVAL", "bad filter")
		k.want(k.change(kq, r1, sys.EVFILT_READ, sys.EV_ADD|0x80, 0), "EINVAL", "EV_DISPATCH is not for all")
	})
}

func TestKqueueUpdateAndRotation(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		rd, wr := k.pipe()
		k.send(wr, "x")
		k.change(kq, rd, sys.EVFILT_READ, sys.EV_ADD, 1)
		k.change(kq, rd, sys.EVFILT_READ, edge, 3)
		k.want(plain(k.notes(kq)), "READ:1@3", "level stays level")
		k.want(plain(k.notes(kq)), "READ:1@3", "and the token is new")
		k.change(kq, rd, sys.EVFILT_READ, sys.EV_DELETE, 0)
		for i := range 4 {
			r, w := k.pipe()
			k.send(w, "x")
			k.change(kq, r, sys.EVFILT_READ, sys.EV_ADD, uintptr(i))
		}
		got := ""
		for range 4 {
			evs := make([]sys.Kevent, 2)
			n, _ := k.Kevent(kq, nil, evs, 0)
			got += plain(list(evs[:n])) + ";"
		}
		k.want(got, "READ:1@0 READ:1@1;READ:1@2 READ:1@3;READ:1@0 READ:1@1;READ:1@2 READ:1@3;", "2 slots for 4")
	})
}

func TestKqueueOneshot(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		rd, wr := k.pipe()
		k.change(kq, rd, sys.EVFILT_READ, sys.EV_ADD|oneshot, 1)
		k.send(wr, "x")
		k.want(plain(k.notes(kq)), "READ|ONESHOT:1@1", "event")
		k.want(k.notes(kq), "", "again")
		k.want(k.change(kq, rd, sys.EVFILT_READ, sys.EV_DELETE, 1), "ENOENT", "delete")
	})
}

func TestKqueueUserEvents(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		k.want(k.UserEvents(), k.m.UserEvents, "UserEvents")
		if !k.m.UserEvents {
			k.want(k.change(kq, 1, sys.EVFILT_USER, edge, 8), "EINVAL", "add")
			return
		}
		trigger := func(token uintptr) sys.Errno {
			_, e := k.Kevent(kq, []sys.Kevent{sys.Change(1, sys.EVFILT_USER, 0, sys.NOTE_TRIGGER, token)}, nil, 0)
			return e
		}
		k.want(name(trigger(8)), "ENOENT", "trigger of nothing")
		k.want(k.change(kq, 1, sys.EVFILT_USER, edge, 8), "ok", "add")
		k.want(k.notes(kq), "", "idle")
		trigger(8)
		trigger(8)
		k.want(k.notes(kq), "USER@8", "two triggers, one event")
		k.want(k.notes(kq), "", "again")
		trigger(0)
		k.want(k.notes(kq), "USER@0", "the trigger's token")
		k.want(k.change(kq, 1, sys.EVFILT_USER, sys.EV_DELETE, 8), "ok", "delete")
	})
}

func TestKqueueFilesAndNesting(t *testing.T) {
	kqueues(t, func(t *testing.T, k kit, kq int) {
		f := k.File([]byte("abcdef"))
		k.change(kq, f, sys.EVFILT_READ, sys.EV_ADD, 1)
		k.want(plain(k.notes(kq)), "READ:6@1", "file")
		k.recv(f, 9)
		k.want(k.notes(kq), "", "at its end")
		want := "EINVAL"
		if k.m.FileWrite {
			want = "ok"
		}
		k.want(k.change(kq, f, sys.EVFILT_WRITE, sys.EV_ADD, 1), want, "WRITE on a file")
		k.notes(kq)
		outer := k.poller()
		k.want(k.change(outer, kq, sys.EVFILT_WRITE, sys.EV_ADD, 2), "EINVAL", "WRITE on a kqueue")
		k.want(k.change(outer, kq, sys.EVFILT_READ, sys.EV_ADD, 2), "ok", "READ on a kqueue")
		k.want(k.notes(outer), "", "nothing inside")
		rd, wr := k.pipe()
		k.change(kq, rd, sys.EVFILT_READ, sys.EV_ADD, 3)
		k.send(wr, "x")
		k.want(plain(k.notes(outer)), "READ:1@2", "something inside")
	})
}

func TestNoKqueueOnLinux(t *testing.T) {
	k := newKit(t, simkernel.Linux())
	_, e := k.KqueueCreate()
	k.want(name(e), "ENOSYS", "kqueue")
	k = newKit(t, simkernel.NetBSD())
	_, e = k.EpollCreate()
	k.want(name(e), "ENOSYS", "epoll")
	_, e = k.EventFD()
	k.want(name(e), "ENOSYS", "eventfd")
	k.want(k.Nest(0), nil, "Nest")
}
