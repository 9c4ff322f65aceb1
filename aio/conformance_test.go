//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

// row is one behaviour.
type row struct {
	name  string
	kinds string // run once for each kind of connection; empty: once
	run   func(w *world, kind string) string
	want  string
	other map[string]string // by system, or by kind and system: "tcp/linux"; "kqueue" is all but linux
}

// conformance is what a user of aio can observe, a row for each behaviour: on
// the simulated kernel in the manners of every system and on the kernel of
// the machine, whichever it is. want is the answer of all systems; where they
// differ, and may differ, other has those of some. Several answers that are
// all right stand with | between them.
var conformance = []row{
	{"end of stream", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.read(f, 9)
		w.close(p)
		return j.text() + " " + w.read(f, 9).text()
	}, "EOF EOF", nil},

	{"data, then the end", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		w.say(p, "abc")
		w.close(p)
		return w.read(f, 2).text() + " " + w.read(f, 9).text() + " " + w.read(f, 9).text()
	}, "ab c EOF", nil},

	{"data and the end while a read waits", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.read(f, 9)
		s := j.waits()
		w.say(p, "abc")
		w.close(p)
		return s + " " + j.text() + " " + w.read(f, 9).text()
	}, "waits abc EOF", nil},

	{"data in pieces", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		var out []string
		for _, s := range []string{"a", "bc", "def"} {
			j := w.read(f, 9)
			out = append(out, j.waits())
			w.say(p, s)
			out = append(out, j.text())
		}
		return strings.Join(out, " ")
	}, "waits a waits bc waits def", nil},

	{"reads in line", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		a, b, c := w.read(f, 2), w.read(f, 2), w.read(f, 9)
		w.say(p, "12345")
		return a.text() + " " + b.text() + " " + c.text()
	}, "12 34 5", nil},

	{"full read", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.start(func(op *aio.Op) { op.PrepReadFull(f, make([]byte, 4)) })
		w.say(p, "abc")
		s := j.waits()
		w.say(p, "de")
		s += " " + j.result()
		j = w.start(func(op *aio.Op) { op.PrepReadFull(f, make([]byte, 4)) })
		w.close(p)
		s += " " + j.result()
		return s + " " + w.start(func(op *aio.Op) { op.PrepReadFull(f, make([]byte, 4)) }).result()
	}, "waits 4 1,short EOF", nil},

	{"half-close by the peer", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair(kind)
		w.ok(w.k.Shutdown(p, syscall.SHUT_WR))
		s := w.read(f, 9).text()
		return s + " " + w.write(f, "still").result() + " " + w.hear(p, 9)
	}, "EOF 5 still", nil},

	{"half-close by ourselves", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.read(f, 9)
		if err := f.Shutdown(syscall.SHUT_WR); err != nil {
			return outcome(0, err)
		}
		s := w.hear(p, 9) + " " + w.write(f, "x").result()
		w.say(p, "answer")
		return s + " " + j.text()
	}, "EOF EPIPE answer", nil},

	{"reads given up while one waits", "tcp unix", func(w *world, kind string) string {
		f, _ := w.pair(kind)
		j := w.read(f, 9)
		s := j.waits()
		if err := f.Shutdown(syscall.SHUT_RD); err != nil {
			return outcome(0, err)
		}
		return s + " " + j.text()
	}, "waits EOF", nil},

	{"writes given up while one waits", "tcp unix", func(w *world, kind string) string {
		f, _ := w.pair(kind)
		j := w.fill(f)
		if err := f.Shutdown(syscall.SHUT_WR); err != nil {
			return outcome(0, err)
		}
		return j.waits()
	}, "EPIPE", map[string]string{"unix/linux": "waits|EPIPE"}}, // no event there, and no room

	{"write to who reads no more", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair(kind)
		w.ok(w.k.Shutdown(p, syscall.SHUT_RD))
		return w.write(f, "x").result()
	}, "1", map[string]string{"unix/linux": "EPIPE", "unix/kqueue": "1|EPIPE"}},

	{"reset while a read waits", "tcp", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.read(f, 9)
		s := j.waits()
		w.reset(p)
		return s + " " + j.text() + " " + w.read(f, 9).text() + " " + w.write(f, "x").result()
	}, "waits ECONNRESET EOF EPIPE", nil},

	{"reset while a write waits", "tcp", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.fill(f)
		w.reset(p)
		return j.result()
	}, "ECONNRESET", map[string]string{"kqueue": "EPIPE|ECONNRESET"}},

	{"reset before a read", "tcp", func(w *world, kind string) string {
		f, p := w.pair(kind)
		w.reset(p)
		return w.read(f, 9).text()
	}, "ECONNRESET", nil},

	{"reset by ourselves", "tcp", func(w *world, kind string) string {
		f, p := w.pair(kind)
		if err := f.Reset(); err != nil {
			return outcome(0, err)
		}
		return w.hear(p, 9)
	}, "ECONNRESET", nil},

	{"write to who has closed", "tcp", func(w *world, kind string) string {
		f, p := w.pair(kind)
		w.close(p)
		s := w.read(f, 9).text()
		last := ""
		w.await("an error", func() bool {
			last = w.write(f, "x").result()
			return last != "1"
		})
		return s + " " + last
	}, "EOF EPIPE", map[string]string{"kqueue": "EOF EPIPE|EOF ECONNRESET"}},

	{"write to who has closed", "unix writer", func(w *world, kind string) string {
		f, p := w.pair(kind)
		w.close(p)
		return w.write(f, "x").result() + " " + w.write(f, "x").result()
	}, "EPIPE EPIPE", nil},

	{"peer closes while a write waits", "unix writer", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.fill(f)
		w.close(p)
		return j.result()
	}, "EPIPE", map[string]string{
		"unix/linux": "EPIPE|ECONNRESET", // it had not read everything
	}},

	{"peer closes without reading", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair(kind)
		s := w.write(f, "x").result()
		w.await("arrival", func() bool { r, _ := w.k.Poll(p, sys.Readable); return r != 0 })
		w.close(p)
		return s + " " + w.read(f, 9).text()
	}, "1 ECONNRESET", map[string]string{"kqueue": "1 EOF|1 ECONNRESET"}},

	{"write that drains slowly", "tcp unix writer", func(w *world, kind string) string {
		f, p := w.pair(kind)
		const size = 3 << 20
		j := w.writeAll(f, size)
		got, buf, bad := 0, make([]byte, 100_000), false
		w.await("all bytes", func() bool {
			n, e := w.k.Read(p, buf)
			for i, c := range buf[:max(n, 0)] {
				bad = bad || c != byte('0'+(got+i)%10)
			}
			if e == 0 {
				got += n
			}
			return got >= size/10*10 || e != 0 && e != syscall.EAGAIN
		})
		if bad {
			return "bytes out of order"
		}
		return j.result()
	}, "3145720", nil},

	{"writes in line", "tcp unix writer", func(w *world, kind string) string {
		f, p := w.pair(kind)
		a := w.fill(f)
		b := w.write(f, "b")
		s := b.waits()
		a.op.Cancel()
		s += " " + a.waits() // how much of it was taken does not matter
		w.await("room", func() bool { w.k.Read(p, make([]byte, 1<<20)); return b.over })
		return s + " " + b.result()
	}, "waits canceled 1", nil},

	{"nothing to read or write", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		s := w.read(f, 0).result()
		w.close(p)
		return s + " " + w.read(f, 0).result()
	}, "0 0", nil},

	{"nothing to write", "tcp unix writer", func(w *world, kind string) string {
		f, _ := w.pair(kind)
		return w.write(f, "").result() + " " + w.writeAll(f, 0).result()
	}, "0 0", nil},

	{"peek", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair(kind)
		b := make([]byte, 9)
		j := w.start(func(op *aio.Op) { op.PrepRecv(f, b, syscall.MSG_PEEK) })
		w.say(p, "abc")
		return j.result() + " " + w.read(f, 9).text()
	}, "3 abc", nil},

	{"both directions at once", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair(kind)
		out, in := w.fill(f), w.read(f, 9)
		w.say(p, "abc")
		s := in.text() + " " + out.waits()
		return s
	}, "abc waits", nil},

	{"connect", "tcp unix", func(w *world, kind string) string {
		l, at := w.listen(kind == "unix", 4)
		f := w.adopt(w.socket(kind == "unix"))
		s := w.connect(f, at).result()
		c := w.take(l)
		w.say(c, "hi")
		return s + " " + w.read(f, 9).text() + " " + w.connect(f, at).result()
	}, "0 hi 0", nil},

	{"connect refused", "tcp", func(w *world, kind string) string {
		l, at := w.listen(false, 1)
		w.close(l)
		return w.connect(w.adopt(w.socket(false)), at).result()
	}, "ECONNREFUSED", nil},

	{"connect to a path that is not there", "unix", func(w *world, kind string) string {
		return w.connect(w.adopt(w.socket(true)), w.path("none")).result()
	}, "ENOENT", nil},

	{"connect to a path that nobody listens on", "unix", func(w *world, kind string) string {
		l, at := w.listen(true, 1)
		w.close(l)
		return w.connect(w.adopt(w.socket(true)), at).result()
	}, "ECONNREFUSED", nil},

	{"connect to a full backlog", "unix", func(w *world, kind string) string {
		l, at := w.listen(true, 1)
		s := ""
		for s == "" || s == "0" {
			j := w.connect(w.adopt(w.socket(true)), at)
			if s = j.waits(); s == "waits" {
				w.take(l)
				w.take(l)
				s += " " + j.result()
			}
		}
		return s
	}, "waits 0", map[string]string{"kqueue": "ECONNREFUSED"}},

	{"reads before a connection", "tcp", func(w *world, kind string) string {
		return w.read(w.adopt(w.socket(false)), 9).text()
	}, "ENOTCONN", nil},

	{"shutdown before a connection", "tcp unix", func(w *world, kind string) string {
		return outcome(0, w.adopt(w.socket(kind == "unix")).Shutdown(syscall.SHUT_WR))
	}, "ENOTCONN", map[string]string{"unix/linux": "0", "netbsd": "0", "openbsd": "0"}},

	{"accept", "tcp unix", func(w *world, kind string) string {
		l, at := w.listen(kind == "unix", 4)
		f := w.adopt(l)
		j := w.accept(f)
		s := j.waits()
		c := w.dial(at)
		s += " " + j.result()
		w.say(c, "hi")
		return s + " " + w.read(j.op.Accepted(), 9).text()
	}, "waits 0 hi", nil},

	{"accepts in line", "tcp unix", func(w *world, kind string) string {
		l, at := w.listen(kind == "unix", 4)
		f := w.adopt(l)
		var jobs []*job
		for range 3 {
			jobs = append(jobs, w.accept(f))
		}
		s := ""
		for i, c := range []string{"a", "b", "c"} {
			w.say(w.dial(at), c)
			s += jobs[i].result() + w.read(jobs[i].op.Accepted(), 1).text() + " "
		}
		return s
	}, "0a 0b 0c ", nil},

	{"backlog", "tcp unix", func(w *world, kind string) string {
		l, at := w.listen(kind == "unix", 16)
		f := w.adopt(l)
		for range 8 {
			w.dial(at)
		}
		s := ""
		for range 9 {
			s += w.accept(f).waits() + " "
		}
		return s
	}, "0 0 0 0 0 0 0 0 waits ", nil},

	{"accept after a reset", "tcp", func(w *world, kind string) string {
		l, at := w.listen(false, 4)
		f := w.adopt(l)
		w.reset(w.dial(at))
		w.dial(at)
		j := w.accept(f)
		s := j.result()
		// On some systems the dead connection is accepted first.
		if r := w.read(j.op.Accepted(), 9).waits(); r != "waits" {
			s += " " + r + " " + w.accept(f).result()
		}
		return s
	}, "0 ECONNRESET 0", map[string]string{"kqueue": "0|0 ECONNRESET 0|0 EOF 0"}},

	{"listener closed with a connection in its queue", "tcp unix", func(w *world, kind string) string {
		l, at := w.listen(kind == "unix", 4)
		c := w.adopt(w.dial(at))
		j := w.read(c, 9)
		s := j.waits()
		w.close(l)
		return s + " " + j.text()
	}, "waits ECONNRESET", map[string]string{"kqueue": "waits EOF|waits ECONNRESET"}},

	{"close while everything waits", "tcp unix", func(w *world, kind string) string {
		f, _ := w.pair(kind)
		jobs := []*job{w.read(f, 9), w.fill(f), w.read(f, 9), w.write(f, "x"), w.wait(f, aio.HangUp)}
		return ended(w, jobs, func(*job) { f.Close() })
	}, "closed closed closed closed closed", nil},

	{"close while an accept waits", "tcp unix", func(w *world, kind string) string {
		l, _ := w.listen(kind == "unix", 4)
		f := w.adopt(l)
		return ended(w, []*job{w.accept(f), w.accept(f)}, func(*job) { f.Close() })
	}, "closed closed", nil},

	{"cancel of everything", "tcp unix", func(w *world, kind string) string {
		f, _ := w.pair(kind)
		jobs := []*job{w.read(f, 9), w.fill(f), w.read(f, 9), w.write(f, "x"), w.wait(f, aio.HangUp)}
		return ended(w, jobs, func(j *job) {
			if !j.op.Cancel() {
				w.t.Error("Cancel of a pending operation is false")
			}
		})
	}, "canceled canceled canceled canceled canceled", nil},

	{"deadlines", "tcp unix", func(w *world, kind string) string {
		f, _ := w.pair(kind)
		soon := func() time.Time {
			if w.sim != nil {
				return w.sim.Time().Add(20 * time.Millisecond)
			}
			return time.Now().Add(20 * time.Millisecond)
		}
		full := w.fill(f)
		full.op.Cancel()
		full.waits()
		r := w.start(func(op *aio.Op) { op.PrepRead(f, make([]byte, 9)); op.SetDeadline(soon()) })
		// There may be a little room again.
		x := w.start(func(op *aio.Op) { op.PrepWriteAll(f, make([]byte, 32<<20)); op.SetDeadline(soon()) })
		h := w.start(func(op *aio.Op) { op.PrepWait(f, aio.HangUp); op.SetDeadline(soon()) })
		late := w.start(func(op *aio.Op) { op.PrepRead(f, make([]byte, 9)); op.SetDeadline(time.Unix(1, 0)) })
		return late.result() + " " + r.result() + " " + x.result() + " " + h.result()
	}, "deadline deadline deadline deadline", nil},

	{"descriptor reuse", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.read(f, 9)
		j.waits()
		w.say(p, "old") // an event of it may be in a batch already
		n := f.Sysfd()
		f.Close()
		var other int
		for g := (*aio.FD)(nil); g == nil || g.Sysfd() != n; {
			g, other = w.pair(kind)
			f = g
		}
		s := j.text() + " "
		j = w.read(f, 9)
		s += j.waits() + " "
		w.say(other, "new")
		return s + j.text()
	}, "closed waits new|old waits new", nil},

	{"duplicate", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		dup := w.own(w.k.Dup(f.Sysfd()))
		j := w.read(f, 9)
		j.waits()
		f.Close()
		s := j.text()
		w.say(p, "for the duplicate")
		w.turn()
		return s + " " + w.hear(dup, 99)
	}, "closed for the duplicate", nil},

	{"release", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.read(f, 9)
		j.waits()
		fd, err := f.Release()
		if err != nil {
			return outcome(0, err)
		}
		w.own(fd, 0)
		w.say(p, "abc")
		return j.text() + " " + w.hear(fd, 9)
	}, "closed abc", nil},

	{"wait for the peer to hang up", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.wait(f, aio.HangUp)
		s := j.waits()
		w.say(p, "abc")
		s += " " + j.waits()
		w.close(p)
		return s + " " + bitsOf(j) + " " + bitsOf(w.wait(f, aio.HangUp)) + " " + w.read(f, 9).text()
	}, "waits waits HangUp HangUp abc", nil},

	{"wait for the reader to hang up", "writer", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.wait(f, aio.HangUp)
		s := j.waits()
		w.close(p)
		return s + " " + bitsOf(j)
	}, "waits HangUp", nil},

	{"wait for the peer's half-close", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.wait(f, aio.HangUp)
		j.waits()
		w.ok(w.k.Shutdown(p, syscall.SHUT_WR))
		return bitsOf(j) + " " + w.write(f, "still").result()
	}, "HangUp 5", nil},

	{"wait for data", "tcp unix pipe", func(w *world, kind string) string {
		f, p := w.pair(kind)
		j := w.wait(f, aio.Readable)
		s := j.waits()
		w.say(p, "abc")
		return s + " " + bitsOf(j) + " " + bitsOf(w.wait(f, aio.Readable)) + " " + w.read(f, 9).text() + " " + w.wait(f, aio.Readable).waits()
	}, "waits Readable Readable abc waits", nil},

	{"wait for room", "tcp unix writer", func(w *world, kind string) string {
		f, p := w.pair(kind)
		s := bitsOf(w.wait(f, aio.Writable))
		full := w.fill(f)
		full.op.Cancel()
		full.waits()
		j := w.wait(f, aio.Writable)
		s += " " + j.waits()
		w.await("room", func() bool { w.k.Read(p, make([]byte, 1<<20)); return j.over })
		return s + " " + bitsOf(j)
	}, "Writable waits Writable", nil},

	{"wait for a connection", "tcp unix", func(w *world, kind string) string {
		l, at := w.listen(kind == "unix", 4)
		f := w.adopt(l)
		j := w.wait(f, aio.Readable)
		s := j.waits()
		w.dial(at)
		return s + " " + bitsOf(j) + " " + w.accept(f).result()
	}, "waits Readable 0", nil},

	{"datagrams", "", func(w *world, _ string) string {
		u := func() int { return w.own(w.k.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)) }
		a, b := u(), u()
		w.ok(w.k.Bind(a, loopback, false))
		at, e := w.k.SockName(a)
		w.ok(e)
		w.ok(w.k.Connect(b, at, false))
		f, g := w.adopt(a), w.adopt(b)
		j := w.read(f, 3)
		s := j.waits() + " " + w.write(g, "").result() + " " + j.text()
		s += " " + w.write(g, "12345").result() + " " + w.read(f, 3).text() + " " + w.read(f, 3).waits()
		return s
	}, "waits 0 0 5 123 waits", nil},

	{"datagrams with senders", "", func(w *world, _ string) string {
		a, b := w.datagram(), w.datagram()
		j := w.recvFrom(a, 3)
		s := j.waits()
		for i, msg := range []string{"abc", "", "abcde"} {
			if i > 0 {
				j = w.recvFrom(a, 3)
			}
			s += " " + w.sendTo(b, msg, a.LocalAddr()).result() + " " + j.text()
			if j.op.From() != b.LocalAddr() {
				s += " from " + j.op.From().String()
			}
			if j.op.Flags()&sys.MSG_TRUNC != 0 {
				s += " truncated"
			}
		}
		return s
	}, "waits 3 abc 0 0 5 abc truncated", nil},

	{"datagram without an address", "", func(w *world, _ string) string {
		return w.sendTo(w.datagram(), "x", netip.AddrPort{}).result()
	}, "EDESTADDRREQ", nil},

	{"datagram to an address from a connected socket", "", func(w *world, _ string) string {
		a, b := w.datagram(), w.datagram()
		j := w.start(func(op *aio.Op) { op.PrepConnect(b, a.LocalAddr()) })
		return j.result() + " " + w.sendTo(b, "x", netip.AddrPort{}).result() + " " + w.sendTo(b, "x", a.LocalAddr()).result()
	}, "0 1 EISCONN", map[string]string{"linux": "0 1 1", "kqueue": "0 1 EISCONN|0 1 1"}},

	{"datagram that nobody wants", "", func(w *world, _ string) string {
		a, b := w.datagram(), w.datagram()
		j := w.start(func(op *aio.Op) { op.PrepConnect(b, a.LocalAddr()) })
		s := j.result()
		a.Close()
		j = w.recvFrom(b, 3)
		return s + " " + j.waits() + " " + w.write(b, "x").result() + " " + j.result()
	}, "0 waits 1 ECONNREFUSED", nil},

	{"message of what is no socket", "pipe", func(w *world, kind string) string {
		f, _ := w.pair(kind)
		return w.recvFrom(f, 1).result()
	}, "ENOTSOCK", nil},

	{"gathered and scattered", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair(kind)
		a, b := make([]byte, 2), make([]byte, 9)
		j := w.start(func(op *aio.Op) { op.PrepReadv(f, [][]byte{nil, a, b}) })
		s := j.waits()
		w.say(p, "abc")
		s += " " + j.result() + " " + string(a) + "+" + string(b[:1])
		j = w.start(func(op *aio.Op) { op.PrepWritev(f, [][]byte{[]byte("d"), nil, []byte("ef")}) })
		s += " " + j.result() + " " + w.hear(p, 9)
		w.close(p)
		return s + " " + w.start(func(op *aio.Op) { op.PrepReadv(f, [][]byte{a}) }).result()
	}, "waits 3 ab+c 3 def EOF", nil},

	{"gathered write that is given up", "tcp unix writer", func(w *world, kind string) string {
		f, p := w.pair(kind)
		big := make([]byte, 16<<20)
		j := w.start(func(op *aio.Op) { op.PrepWritev(f, [][]byte{[]byte("x"), big, big}) })
		s := j.waits()
		j.op.Cancel()
		s += " " + j.result()
		if j.n <= 1 || j.n >= 1+2*len(big) {
			s += " without a count"
		}
		return s + " " + w.hear(p, 1)
	}, "waits canceled x", nil},

	{"wake", "", func(w *world, _ string) string {
		w.turn()
		f, _ := w.pair("pipe")
		j := w.read(f, 9)
		w.turn()
		w.turn()
		return j.waits()
	}, "waits", nil},
}

// ended does something about operations that wait, and collects their ends.
func ended(w *world, jobs []*job, do func(*job)) string {
	w.t.Helper()
	for i, j := range jobs {
		if s := j.waits(); s != "waits" {
			w.t.Errorf("operation %d: %s", i, s)
		}
	}
	var out []string
	for _, j := range jobs {
		do(j)
	}
	for _, j := range jobs {
		s := j.result()
		out = append(out, strings.TrimLeft(s, "0123456789, "))
	}
	return strings.Join(out, " ")
}

// bitsOf is the result of a wait.
func bitsOf(j *job) string {
	j.w.t.Helper()
	s := j.result()
	if j.err != nil {
		return s
	}
	var out []string
	for _, b := range []struct {
		bit  aio.Interest
		name string
	}{{aio.Readable, "Readable"}, {aio.Writable, "Writable"}, {aio.Priority, "Priority"}, {aio.HangUp, "HangUp"}} {
		if aio.Interest(j.n)&b.bit != 0 {
			out = append(out, b.name)
		}
	}
	return strings.Join(out, "+")
}

func TestConformance(t *testing.T) {
	worlds := map[string]func(t *testing.T) *world{
		"machine": func(t *testing.T) *world { return hostWorld(t) },
	}
	for _, m := range simkernel.Systems() {
		worlds["simulated "+m.Name] = func(t *testing.T) *world { return simWorld(t, m) }
	}
	worlds["simulated linux, nested"] = func(t *testing.T) *world { return simWorld(t, simkernel.Nested()) }
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			rows := slices.Concat(conformance, conformanceOfFiles)
			if name == "machine" {
				rows = append(rows, conformanceOfProcesses...) // which a simulated kernel has not
			}
			for _, row := range rows {
				for _, kind := range strings.Split(row.kinds, " ") {
					t.Run(row.name+"/"+kind, func(t *testing.T) {
						w := open(t)
						want := wanted(row.want, row.other, kind, w.system)
						if got := row.run(w, kind); !slices.Contains(strings.Split(want, "|"), got) {
							t.Errorf("on %s: %q, want %q", w.system, got, want)
						}
					})
				}
			}
		})
	}
}

// wanted is the answer for a system.
func wanted(all string, other map[string]string, kind, system string) string {
	names := []string{kind + "/" + system, system}
	if system != "linux" {
		names = append(names, kind+"/kqueue", "kqueue")
	}
	for _, n := range names {
		if s, ok := other[n]; ok {
			return s
		}
	}
	return all
}
