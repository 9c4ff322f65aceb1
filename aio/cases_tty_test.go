//go:build linux

package aio_test

import (
	"errors"
	"io"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/interlock/aio"
)

// terminal makes a pseudo-terminal: its master's end, and the end of the
// program in it.
func terminal(t *testing.T, r *aio.Ring) (master, tty *aio.FD) {
	t.Helper()
	m, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no pseudo-terminals:", err)
	}
	master = must(r.Adopt(m, aio.KindAuto))
	if err := unix.IoctlSetPointerInt(m, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	s, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(m), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if e != 0 {
		n := must(unix.IoctlGetInt(m, unix.TIOCGPTN))
		fd, err := unix.Open("/dev/pts/"+strconv.Itoa(n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Skip("no end for a program:", e, err)
		}
		s = uintptr(fd)
	}
	return master, must(r.Adopt(int(s), aio.KindAuto))
}

// A terminal gives lines and takes what is written; reading the end of one
// whose other end has gone is an error of the system or the end of the stream,
// never a wait.
func TestC27_Terminal(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		ctx := soon(t)
		master, tty := terminal(t, r)
		if tty.Kind() != aio.KindOther || master.Kind() != aio.KindOther {
			t.Errorf("a terminal is %v and %v", tty.Kind(), master.Kind())
		}
		p, q := make([]byte, 99), make([]byte, 99)
		done := make(collect, 1)
		var op aio.Op
		op.PrepRead(tty, p)
		op.Start(done)
		master.WriteAll(ctx, []byte("half a line"))
		pending(t, r, 1) // a line is what it waits for
		if !op.Pending() {
			t.Error("half a line was read")
		}
		master.WriteAll(ctx, []byte(", and a line\n"))
		if n, err := done.next(t).Result(); err != nil || string(p[:n]) != "half a line, and a line\n" {
			t.Errorf("%q, %v", p[:n], err)
		}
		want := "half a line, and a line\r\n" // the echo
		if n, err := master.ReadFull(ctx, q[:len(want)]); err != nil || string(q[:n]) != want {
			t.Errorf("%q, %v", q[:n], err)
		}
		if n, err := tty.WriteAll(ctx, []byte("out")); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := master.Read(ctx, q); err != nil || string(q[:n]) != "out" {
			t.Errorf("%q, %v", q[:n], err)
		}
		// A ^D is the end of what a reader sees, for once.
		op.Start(done)
		master.WriteAll(ctx, []byte{4})
		if n, err := done.next(t).Result(); n != 0 || err != io.EOF {
			t.Errorf("at ^D: %d, %v", n, err)
		}
		master.WriteAll(ctx, []byte("more\n"))
		if n, err := tty.Read(ctx, p); err != nil || string(p[:n]) != "more\n" {
			t.Errorf("after ^D: %q, %v", p[:n], err)
		}
	})
}

func TestC27_TerminalHangsUp(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		ctx := soon(t)
		p := make([]byte, 9)
		done := make(collect, 2)
		var read, wait aio.Op
		master, tty := terminal(t, r)
		read.PrepRead(master, p)
		wait.PrepWait(master, aio.HangUp)
		read.Start(done)
		wait.Start(done)
		tty.Close()
		done.next(t)
		done.next(t)
		if _, err := read.Result(); !errors.Is(err, syscall.EIO) {
			t.Errorf("the program has gone: %v", err)
		}
		if n, err := wait.Result(); aio.Interest(n) != aio.HangUp || err != nil {
			t.Errorf("waiting for that: %d, %v", n, err)
		}

		master, tty = terminal(t, r)
		read.PrepRead(tty, p)
		read.Start(done)
		master.Close()
		if n, err := done.next(t).Result(); n != 0 || err != io.EOF && !errors.Is(err, syscall.EIO) {
			t.Errorf("the terminal has gone: %d, %v", n, err)
		}
		if _, err := tty.WriteAll(ctx, p); !errors.Is(err, syscall.EIO) {
			t.Errorf("writing to a terminal that has gone: %v", err)
		}
	})
}
