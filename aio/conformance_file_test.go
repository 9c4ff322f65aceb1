//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

// file is a new file with a content, on the ring.
func (w *world) file(content string, flags ...int) *aio.FD {
	w.t.Helper()
	disk := w.k.(sys.Files)
	name := filepath.Join(w.dir, fmt.Sprint("file", len(flags)))
	fd, e := disk.Open(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	w.ok(e)
	if content != "" {
		for at := 0; at < len(content); {
			n, e := disk.WriteAt(fd, []byte(content[at:]), int64(at), true)
			w.ok(e)
			at += n
		}
	}
	w.ok(w.k.Close(fd))
	flag := os.O_RDWR
	for _, x := range flags {
		flag = x
	}
	return w.adopt(w.own(disk.Open(name, flag, 0)))
}

// content is all of a file.
func (w *world) content(f *aio.FD) string {
	w.t.Helper()
	p := make([]byte, 1<<16)
	n, e := w.k.(sys.Files).ReadAt(f.Sysfd(), p, 0, true)
	w.ok(e)
	return string(p[:n])
}

// fifo makes a FIFO and says how to open an end of it.
func (w *world) fifo() func(flag int) (int, sys.Errno) {
	w.t.Helper()
	name := filepath.Join(w.dir, "fifo")
	if disk, ok := w.k.(*simkernel.Disk); ok {
		disk.Mkfifo(name)
	} else if err := syscall.Mkfifo(name, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return func(flag int) (int, sys.Errno) { return w.k.(sys.Files).Open(name, flag, 0) }
}

func (w *world) readAt(f *aio.FD, n int, off int64) *job {
	p := make([]byte, n)
	j := w.start(func(op *aio.Op) { op.PrepReadAt(f, p, off) })
	j.buf = p
	return j
}

func (w *world) writeAt(f *aio.FD, p string, off int64) *job {
	return w.start(func(op *aio.Op) { op.PrepWriteAt(f, []byte(p), off) })
}

// blocking runs a call that blocks, while the ring is driven.
func (w *world) blocking(call func(ctx context.Context) error) string {
	w.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- call(soon(w.t)) }()
	var err error
	w.await("the call", func() bool {
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	})
	return outcome(0, err)
}

var conformanceOfFiles = []row{
	{"file to its end", "", func(w *world, _ string) string {
		f := w.file("abcde")
		return w.read(f, 2).text() + " " + w.read(f, 9).text() + " " + w.read(f, 9).text() + " " + w.read(f, 9).text()
	}, "ab cde EOF EOF", nil},

	{"file read in full", "", func(w *world, _ string) string {
		f := w.file("abcde")
		full := func() *job { return w.start(func(op *aio.Op) { op.PrepReadFull(f, make([]byte, 3)) }) }
		return full().result() + " " + full().result() + " " + full().result()
	}, "3 2,short EOF", nil},

	{"file at offsets", "", func(w *world, _ string) string {
		f := w.file("abcde")
		s := w.readAt(f, 2, 3).text() + " " + w.readAt(f, 9, 1).text() + " " + w.readAt(f, 9, 5).text() + " " + w.readAt(f, 9, -1).text()
		return s + " " + w.readAt(f, 0, 9).result() + " " + w.read(f, 1).text()
	}, "de bcde EOF EINVAL 0 a", nil},

	{"file that grows", "", func(w *world, _ string) string {
		f := w.file("abc")
		s := w.writeAt(f, "XY", 1).result() + " " + w.writeAt(f, "z", 5).result() + " " + w.writeAt(f, "", 9).result()
		s += " " + w.write(f, "12").result() + " " + w.writeAll(f, 10).result()
		return s + " " + strings.ReplaceAll(w.content(f), "\x00", "-")
	}, "2 1 0 2 10 120123456789", nil},

	{"file that is appended to", "", func(w *world, _ string) string {
		f := w.file("abc", os.O_RDWR|os.O_APPEND)
		return w.write(f, "de").result() + " " + w.content(f) + " " + w.writeAt(f, "x", -1).result()
	}, "2 abcde EINVAL", nil},

	{"file opened for one direction", "", func(w *world, _ string) string {
		r := w.file("abc", os.O_RDONLY)
		s := w.write(r, "x").result() + " " + w.writeAt(r, "x", 0).result() + " " + w.read(r, 9).text()
		f := w.file("abc", os.O_WRONLY)
		return s + " " + w.read(f, 9).text() + " " + w.readAt(f, 9, 0).text() + " " + w.write(f, "x").result()
	}, "EBADF EBADF abc EBADF EBADF 1", nil},

	{"file in pieces", "", func(w *world, _ string) string {
		f := w.file("")
		j := w.start(func(op *aio.Op) { op.PrepWritev(f, [][]byte{[]byte("ab"), nil, []byte("cde")}) })
		s := j.result() + " " + w.content(f)
		a, b := make([]byte, 2), make([]byte, 9)
		f = w.file("abcde")
		j = w.start(func(op *aio.Op) { op.PrepReadv(f, [][]byte{a, nil, b}) })
		s += " " + j.result() + " " + string(a) + "+" + string(b[:3])
		return s + " " + w.start(func(op *aio.Op) { op.PrepReadv(f, [][]byte{a}) }).result()
	}, "5 abcde 5 ab+cde EOF", nil},

	{"file is always ready", "", func(w *world, _ string) string {
		f := w.file("")
		return bitsOf(w.wait(f, aio.Readable)) + " " + bitsOf(w.wait(f, aio.Writable))
	}, "Readable Writable", nil},

	{"file that is closed", "", func(w *world, _ string) string {
		f := w.file("abc")
		f.Close()
		return w.read(f, 1).text() + " " + w.readAt(f, 1, 0).text() + " " + w.writeAt(f, "x", 0).result()
	}, "closed closed closed", nil},

	{"file and its deadline", "", func(w *world, _ string) string {
		f := w.file("abc")
		f.SetDeadline(time.Unix(1, 0))
		s := w.read(f, 1).text()
		f.SetDeadline(time.Time{})
		return s + " " + w.read(f, 9).text()
	}, "deadline abc", nil},

	{"file into a pool's buffers", "", func(w *world, _ string) string {
		f, p := w.file("abcde"), aio.NewPool(3, 1)
		var out []string
		for range 3 {
			j := w.start(func(op *aio.Op) { op.PrepReadPool(f, p) })
			out = append(out, j.result())
			if b := j.op.Buf(); b != nil {
				out = append(out, string(b.Bytes()))
				b.Release()
			}
		}
		return strings.Join(out, " ")
	}, "3 abc 2 de EOF", nil},

	{"calls on a file", "", func(w *world, _ string) string {
		f := w.file("abcde")
		s := w.blocking(func(ctx context.Context) error { return f.Truncate(ctx, 3) }) + " " + w.content(f)
		s += " " + w.blocking(f.Sync) + " " + w.blocking(f.Datasync)
		return s + " " + w.blocking(func(ctx context.Context) error { return f.Truncate(ctx, -1) })
	}, "0 abc 0 0 EINVAL", nil},

	{"calls that only some systems have", "", func(w *world, _ string) string {
		f := w.file("abc")
		s := w.blocking(func(ctx context.Context) error { return f.Allocate(ctx, 0, 5) })
		return s + " " + w.blocking(func(ctx context.Context) error { return f.Advise(ctx, 0, 0, 0) })
	}, "0 0", map[string]string{"kqueue": syscall.ENOSYS.Error() + " " + syscall.ENOSYS.Error()}},

	{"file that is described", "", func(w *world, _ string) string {
		f := w.file("abc")
		var size int64
		return w.blocking(func(ctx context.Context) error {
			in, err := f.Stat(ctx)
			if err == nil {
				size = in.Size()
			}
			return err
		}) + " " + fmt.Sprint(size)
	}, "0 3", nil},

	{"pipe at an offset", "pipe", func(w *world, kind string) string {
		f, _ := w.pair(kind)
		return w.readAt(f, 1, 0).text()
	}, syscall.ESPIPE.Error(), nil},

	{"file sent", "tcp unix writer", func(w *world, kind string) string {
		from, f := w.file("0123456789"), (*aio.FD)(nil)
		f, p := w.pair(kind)
		n := int64(0)
		s := w.blocking(func(ctx context.Context) (err error) {
			n, err = f.SendFile(ctx, from, 2, -1)
			return err
		})
		return s + fmt.Sprint(" ", n, " ") + w.hear(p, 99)
	}, "0 8 23456789", nil},

	{"pipe spliced", "tcp unix", func(w *world, kind string) string {
		f, p := w.pair("pipe")
		g, q := w.pair(kind)
		w.say(p, "abcdefgh")
		n := int64(0)
		s := w.blocking(func(ctx context.Context) (err error) {
			n, err = f.SpliceTo(ctx, g, 8)
			return err
		})
		return s + fmt.Sprint(" ", n, " ") + w.hear(q, 99)
	}, "0 8 abcdefgh", nil},

	{"FIFO without a writer", "", func(w *world, _ string) string {
		open := w.fifo()
		if _, e := open(os.O_WRONLY); e != syscall.ENXIO {
			return "opened: " + errnoName(e)
		}
		f := w.adopt(w.own(open(os.O_RDONLY)))
		j := w.read(f, 9)
		s := j.waits()
		if s == "waits" {
			j.op.Cancel()
			j.result()
		}
		p := w.own(open(os.O_WRONLY))
		j = w.read(f, 9)
		s += " " + j.waits()
		w.say(p, "abc")
		return s + " " + j.text()
	}, "EOF waits abc", map[string]string{"freebsd": "waits waits abc|EOF waits abc", "dragonfly": "waits waits abc|EOF waits abc"}},

	{"FIFO with one writer after the other", "", func(w *world, _ string) string {
		open := w.fifo()
		f := w.adopt(w.own(open(os.O_RDONLY)))
		s := ""
		for range 3 {
			p := w.own(open(os.O_WRONLY))
			j := w.read(f, 9)
			w.say(p, "a")
			s += j.text() + " "
			j = w.read(f, 9)
			s += j.waits() + " "
			w.close(p)
			s += j.text() + " "
		}
		return s
	}, "a waits EOF a waits EOF a waits EOF ", nil},

	{"datagrams of unix sockets", "", func(w *world, _ string) string {
		u := func() int { return w.own(w.k.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)) }
		a, b, at := u(), u(), w.path("packets")
		w.ok(w.k.Bind(a, at, false))
		w.ok(w.k.Connect(b, at, false))
		f, g := w.adopt(a), w.adopt(b)
		j := w.recvFrom(f, 3)
		s := j.waits()
		s += " " + w.write(g, "abc").result() + " " + j.text()
		if j.op.From().IsValid() {
			s += " from " + j.op.From().String()
		}
		s += " " + w.write(g, "").result() + " " + w.recvFrom(f, 3).text()
		s += " " + w.write(g, "abcde").result()
		j = w.recvFrom(f, 3)
		return s + " " + j.text() + fmt.Sprint(" ", j.op.Flags()&sys.MSG_TRUNC != 0)
	}, "waits 3 abc 0 0 5 abc true", nil},

	{"datagrams gathered and scattered", "", func(w *world, _ string) string {
		a, b := w.datagram(), w.datagram()
		s := w.start(func(op *aio.Op) { op.PrepConnect(b, a.LocalAddr()) }).result()
		s += " " + w.start(func(op *aio.Op) { op.PrepWritev(b, [][]byte{[]byte("ab"), nil, []byte("cde")}) }).result()
		s += " " + w.start(func(op *aio.Op) { op.PrepWritev(b, [][]byte{[]byte("next")}) }).result()
		p, q := make([]byte, 1), make([]byte, 9)
		s += " " + w.start(func(op *aio.Op) { op.PrepReadv(a, [][]byte{p, q}) }).result()
		return s + " " + string(p) + "+" + string(q[:4]) + " " + w.read(a, 9).text()
	}, "0 5 4 5 a+bcde next", nil},

	{"datagrams in line", "", func(w *world, _ string) string {
		a, b := w.datagram(), w.datagram()
		x, y, z := w.recvFrom(a, 9), w.recvFrom(a, 9), w.recvFrom(a, 9)
		for _, s := range []string{"one", "two", "three"} {
			w.sendTo(b, s, a.LocalAddr()).result()
		}
		return x.text() + " " + y.text() + " " + z.text()
	}, "one two three", nil},

	{"cancel and close of messages that wait", "", func(w *world, _ string) string {
		a := w.datagram()
		x, y, z := w.recvFrom(a, 9), w.recvFrom(a, 9), w.recvFrom(a, 9)
		s := fmt.Sprint(x.waits(), " ", y.op.Cancel(), " ", y.result())
		a.Close()
		return s + " " + x.result() + " " + z.result() + " " + w.sendTo(a, "x", netip.MustParseAddrPort("127.0.0.1:9")).result()
	}, "waits true canceled closed closed closed", nil},
}

// child starts a process that ends with 7 when the returned function is called.
func (w *world) child() (*exec.Cmd, func()) {
	w.t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "AIO_TEST_ROLE=wait")
	in := must(cmd.StdinPipe())
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	return cmd, func() { in.Close() }
}

func (w *world) waitFor(p *os.Process) *job {
	return w.start(func(op *aio.Op) { op.PrepWaitProcess(w.r, p) })
}

var conformanceOfProcesses = []row{
	{"process that ends", "", func(w *world, _ string) string {
		cmd, end := w.child()
		j := w.waitFor(cmd.Process)
		s := j.waits()
		end()
		s += " " + j.result() + " " + fmt.Sprint(j.op.ProcessState().ExitCode())
		if again := w.waitFor(cmd.Process); again.result() == "0" || again.op.ProcessState() != nil {
			s += " twice"
		}
		return s
	}, "waits 0 7", nil},

	{"process that is killed", "", func(w *world, _ string) string {
		cmd, _ := w.child()
		j := w.waitFor(cmd.Process)
		s := j.waits()
		cmd.Process.Kill()
		return s + " " + j.result() + " " + j.op.ProcessState().String()
	}, "waits 0 signal: killed", nil},

	{"process that nobody waits for any more", "", func(w *world, _ string) string {
		cmd, end := w.child()
		j := w.waitFor(cmd.Process)
		s := j.waits() + fmt.Sprint(" ", j.op.Cancel(), " ") + j.result()
		end()
		return s + " " + w.waitFor(cmd.Process).result()
	}, "waits true canceled 0", nil},
}
