//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"errors"
	"net/netip"
	"runtime"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// dialled notes where connects go to, and how they end.
type dialled struct {
	sys.Kernel
	to  []sys.Addr
	end sys.Errno
}

func (d *dialled) Connect(_ int, to sys.Addr, _ bool) sys.Errno {
	d.to = append(d.to, to)
	return d.end
}

func (d *dialled) Connected(int) bool { return false }

func (d *dialled) SockError(int) sys.Errno { return 0 }

// Each form of an address arrives as it was, also when the Op is started
// again, and is the one that an error names.
func TestConnectKeepsItsAddress(t *testing.T) {
	for _, text := range []string{
		"192.0.2.1:80", "255.255.255.255:65535", "0.0.0.0:1", "[2001:db8::1]:443", "[::ffff:192.0.2.1]:7", "[fe80::1%7]:9", "[::]:0", "/path",
	} {
		k := &dialled{Kernel: sys.Host(), end: syscall.ENETUNREACH}
		r := manual(t, k)
		f := must(r.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
		want := sys.Addr{Path: text, Unix: true}
		var op aio.Op
		op.PrepRead(f, make([]byte, 3)) // of another kind before
		if text[0] == '/' {
			op.PrepConnectUnix(f, text)
		} else {
			want = sys.Addr{IP: netip.MustParseAddrPort(text)}
			op.PrepConnect(f, want.IP)
		}
		for i := range 2 {
			if !op.Try(make(collect, 1)) {
				t.Fatal("it waits")
			}
			e := &aio.OpError{}
			if n, err := op.Result(); n != 0 || !errors.Is(err, k.end) || !errors.As(err, &e) || e.Addr != text {
				t.Errorf("%s: %d, %v", text, n, err)
			}
			if len(k.to) != i+1 || k.to[i] != want {
				t.Errorf("connected to %v, want %v", k.to, want)
			}
		}
	}
}

// A connect that is started again connects again: that it had begun before
// does not count.
func TestConnectBeginsAnew(t *testing.T) {
	k := &dialled{Kernel: sys.Host(), end: syscall.EINPROGRESS}
	r := manual(t, k)
	f := must(r.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
	var op aio.Op
	done := make(collect, 1)
	op.PrepConnect(f, netip.MustParseAddrPort("192.0.2.1:80"))
	for range 2 {
		op.Start(done)
		if !op.Cancel() {
			t.Fatal("not pending")
		}
		must(r.Poll(t.Context(), 9))
		if _, err := done.next(t).Result(); err != aio.ErrCanceled {
			t.Fatal(err)
		}
	}
	if len(k.to) != 2 {
		t.Errorf("%d calls, want 2", len(k.to))
	}
}

// A dial that waits is an FD, an Op and a place in the table.
func TestMemoryPerPendingDial(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has its own idea of memory")
	}
	const n = 200
	k := bend()
	k.connect = func(int) (sys.Errno, bool) { return syscall.EINPROGRESS, true }
	var h aio.HandlerFunc = func(*aio.Op) {}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	perDial := func() int64 {
		r := manual(t, k)
		ops := make([]*aio.Op, n)
		before := heap()
		for i := range ops {
			ops[i] = new(aio.Op)
			ops[i].PrepConnect(must(r.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)), netip.MustParseAddrPort("192.0.2.1:80"))
			ops[i].Start(h)
		}
		per := int64(heap()-before) / n
		if p := r.Stats().Pending; p != n {
			t.Errorf("%d are pending", p)
		}
		runtime.KeepAlive(ops)
		r.Close()
		return per
	}
	per := perDial()
	for range 4 { // somebody else may allocate too, but not each time
		per = min(per, perDial())
	}
	if t.Logf("%d bytes per pending dial", per); per > 270 {
		t.Errorf("%d bytes per pending dial", per)
	}
}
