//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// simRing is a Manual ring on a simulated kernel of its own.
type simRing struct {
	*aio.Ring
	t    tester
	k    *simkernel.Kernel
	m    simkernel.Manners
	idle bool // the kernel has nothing that could ever end the last Poll
}

func newSimRing(t tester, c simkernel.Config) *simRing {
	t.Helper()
	s := &simRing{t: t, m: c.Manners}
	c.Idle = func() {
		s.idle = true
		s.Wake()
	}
	s.k = simkernel.New(c)
	r, err := aio.NewOn(s.k, &aio.Options{Poller: aio.Manual, Budget: 3})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	s.Ring = r
	return s
}

// turn polls once, without waiting.
func (s *simRing) turn() {
	s.t.Helper()
	s.Wake()
	if _, err := s.Poll(context.Background(), 3); err != nil {
		s.t.Fatalf("Poll: %v", err)
	}
}

// settle polls until nothing more can happen. Time jumps as far as it has to,
// so all deadlines pass.
func (s *simRing) settle() {
	s.t.Helper()
	s.idle = false
	for i := 0; !s.idle; i++ {
		if _, err := s.Poll(context.Background(), 64); err != nil {
			s.t.Fatalf("Poll: %v", err)
		}
		if i > 1_000_000 {
			s.t.Fatalf("the ring does not come to rest")
		}
	}
}

// finish closes the ring; nothing may be left of it, and no call may ever
// have been made on a number that was not open.
func (s *simRing) finish() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Errorf("Close: %v", err)
	}
	if n := s.Stats().Pending; n != 0 {
		s.t.Errorf("%d operations are pending after Close", n)
	}
	if fds := s.k.Open(); len(fds) > 0 {
		s.t.Errorf("descriptors left open: %v", fds)
	}
	if bad := s.k.Misuse(); len(bad) > 0 {
		s.t.Errorf("calls on closed descriptors: %v", bad)
	}
}

// pairOf makes a connection of a kind, both ends on the ring. The first end of
// a pipe is the one to read.
func (s *simRing) pairOf(kind string) (a, b *aio.FD) {
	s.t.Helper()
	if kind == "pipe" {
		return check2(s.t)(s.Pipe())
	}
	domain, to := syscall.AF_INET, sys.Addr{IP: netip.MustParseAddrPort("127.0.0.1:9")}
	if kind == "unix" {
		domain, to = syscall.AF_UNIX, sys.Addr{Path: "/pair", Unix: true}
	}
	sock := func() int {
		fd, e := s.k.Socket(domain, syscall.SOCK_STREAM, 0)
		s.ok(e)
		return fd
	}
	l, c := sock(), sock()
	s.ok(s.k.Bind(l, to, false))
	s.ok(s.k.Listen(l, 1))
	if e := s.k.Connect(c, to, false); e != syscall.EINPROGRESS {
		s.ok(e)
	}
	s.k.Advance(1e9)
	d, _, e := s.k.Accept(l)
	for ; e == syscall.ECONNABORTED || e == syscall.EMFILE || e == syscall.ENFILE; d, _, e = s.k.Accept(l) {
	}
	s.ok(e)
	s.ok(s.k.Close(l))
	s.k.Unlink("/pair")
	a, err := s.Adopt(c, aio.KindAuto)
	if err != nil {
		s.t.Fatalf("Adopt: %v", err)
	}
	b, err = s.Adopt(d, aio.KindAuto)
	if err != nil {
		s.t.Fatalf("Adopt: %v", err)
	}
	return a, b
}

func (s *simRing) ok(e sys.Errno) {
	s.t.Helper()
	if e != 0 {
		s.t.Fatalf("kernel: %v", e)
	}
}

func check2(t tester) func(a, b *aio.FD, err error) (*aio.FD, *aio.FD) {
	return func(a, b *aio.FD, err error) (*aio.FD, *aio.FD) {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected: %v", err)
		}
		return a, b
	}
}

// everySystem runs a test on the kernels of all systems.
func everySystem(t *testing.T, f func(t *testing.T, m simkernel.Manners)) {
	for _, m := range simkernel.Systems() {
		t.Run(m.Name, func(t *testing.T) { f(t, m) })
	}
	t.Run("nested", func(t *testing.T) { f(t, simkernel.Nested()) })
}

// outcome is a result in one word.
func outcome(n int, err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return fmt.Sprint(n)
	case err == io.EOF:
		return "EOF"
	case err == io.ErrUnexpectedEOF:
		return fmt.Sprintf("%d,short", n)
	case err == aio.ErrClosed:
		return "closed"
	case err == aio.ErrCanceled:
		return "canceled"
	case err == os.ErrDeadlineExceeded:
		return "deadline"
	case errors.As(err, &errno):
		return errnoName(errno)
	}
	return err.Error()
}

func errnoName(e syscall.Errno) string {
	for n, x := range map[string]syscall.Errno{
		"EPIPE": syscall.EPIPE, "ECONNRESET": syscall.ECONNRESET, "ECONNREFUSED": syscall.ECONNREFUSED, "ENOTCONN": syscall.ENOTCONN,
		"EBADF": syscall.EBADF, "EINVAL": syscall.EINVAL, "ENOENT": syscall.ENOENT, "EAGAIN": syscall.EAGAIN, "ETIMEDOUT": syscall.ETIMEDOUT,
		"EISCONN": syscall.EISCONN, "EADDRINUSE": syscall.EADDRINUSE, "EDESTADDRREQ": syscall.EDESTADDRREQ, "ECONNABORTED": syscall.ECONNABORTED,
		"EMSGSIZE": syscall.EMSGSIZE, "ENETUNREACH": syscall.ENETUNREACH, "EOPNOTSUPP": syscall.EOPNOTSUPP, "ENOTSOCK": syscall.ENOTSOCK,
	} {
		if x == e {
			return n
		}
	}
	return e.Error()
}
