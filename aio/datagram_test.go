//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

func udp(t testing.TB, r *aio.Ring) *aio.FD {
	t.Helper()
	f, err := r.ListenPacket("udp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Unconnected sockets tell who sent, keep the boundaries, and know an empty
// message from none.
func TestDatagramsUnconnected(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		a, b := udp(t, r), udp(t, r)
		ctx := soon(t)
		for _, msg := range []string{"hello", "", "again"} {
			if n, err := a.SendTo(ctx, []byte(msg), b.LocalAddr()); n != len(msg) || err != nil {
				t.Fatalf("SendTo %q: %d, %v", msg, n, err)
			}
		}
		p := make([]byte, 10)
		for _, msg := range []string{"hello", "", "again"} {
			n, from, flags, err := b.RecvFrom(ctx, p)
			if string(p[:n]) != msg || from != a.LocalAddr() || flags&syscall.MSG_TRUNC != 0 || err != nil {
				t.Errorf("got %q from %v, flags %#x, %v; want %q from %v", p[:n], from, flags, err, msg, a.LocalAddr())
			}
		}
	})
}

// One that waits gets the message that comes, in every style.
func TestDatagramsAreWaitedFor(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		a, b := udp(t, r), udp(t, r)
		done := make(collect, 1)
		var op aio.Op
		p := make([]byte, 4)
		op.PrepRecvFrom(b, p)
		for _, msg := range []string{"one", "toolong", ""} { // Start repeats what was prepared
			op.Start(done)
			pending(t, r, 1)
			var send aio.Op
			send.PrepSendTo(a, []byte(msg), b.LocalAddr())
			if !send.Try(done) {
				done.next(t)
			}
			if n, err := send.Result(); n != len(msg) || err != nil || send.From().IsValid() {
				t.Errorf("send: %d, %v, from %v", n, err, send.From())
			}
			done.next(t)
			n, err := op.Result()
			cut := len(msg) > len(p)
			if n != min(len(msg), len(p)) || err != nil || string(p[:n]) != msg[:n] || op.From() != a.LocalAddr() {
				t.Errorf("got %q, %v from %v", p[:n], err, op.From())
			}
			if got := op.Flags()&syscall.MSG_TRUNC != 0; got != cut {
				t.Errorf("%q: truncated %v, want %v", msg, got, cut)
			}
		}
		if b.Close(); true {
			op.Start(done)
			done.next(t)
		}
		if _, err := op.Result(); err != aio.ErrClosed || op.From().IsValid() || op.Flags() != 0 {
			t.Errorf("closed: %v, from %v, flags %v", err, op.From(), op.Flags())
		}
	})
}

// A connected socket needs no address, gets its peer's messages alone, and
// the peer's refusal.
func TestDatagramsConnected(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		server, stranger := udp(t, r), udp(t, r)
		ctx := soon(t)
		c, err := r.Dial(ctx, "udp", server.LocalAddr())
		if err != nil {
			t.Fatal(err)
		}
		if c.RemoteAddr() != server.LocalAddr() {
			t.Errorf("connected to %v", c.RemoteAddr())
		}
		stranger.SendTo(ctx, []byte("stranger"), c.LocalAddr())
		if n, err := c.SendTo(ctx, []byte("ping"), netip.AddrPort{}); n != 4 || err != nil {
			t.Fatalf("SendTo nobody: %d, %v", n, err)
		}
		p := make([]byte, 20)
		n, from, _, err := server.RecvFrom(ctx, p)
		if string(p[:n]) != "ping" || from != c.LocalAddr() || err != nil {
			t.Fatalf("server got %q from %v, %v", p[:n], from, err)
		}
		server.SendTo(ctx, []byte("pong"), from)
		if n, from, _, err := c.RecvFrom(ctx, p); string(p[:n]) != "pong" || from != server.LocalAddr() || err != nil {
			t.Errorf("client got %q from %v, %v", p[:n], from, err)
		}
		server.Close()
		c.Write(ctx, []byte("anybody?"))
		if _, _, _, err := c.RecvFrom(ctx, p); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v, want ECONNREFUSED", err)
		}
	})
}

func TestDatagramErrorsSayWhat(t *testing.T) {
	r := newRing(t, aio.Auto)
	ctx := soon(t)
	f := must(r.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0))
	_, err := f.SendTo(ctx, []byte("x"), netip.AddrPort{})
	var e *aio.OpError
	if !errors.As(err, &e) || e.Op != "sendto" || e.Addr != "" || !errors.Is(err, syscall.EDESTADDRREQ) {
		t.Errorf("without an address: %v", err)
	}
	to := netip.MustParseAddrPort("127.0.0.1:9")
	if _, err = f.SendTo(ctx, make([]byte, 1<<17), to); !errors.As(err, &e) || e.Addr != to.String() || !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("too long: %v", err)
	}
	rd, _, _ := r.Pipe()
	if _, _, _, err := rd.RecvFrom(ctx, make([]byte, 1)); !errors.Is(err, syscall.ENOTSOCK) {
		t.Errorf("of a pipe: %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if n, from, flags, err := f.RecvFrom(canceled, make([]byte, 1)); n != 0 || from.IsValid() || flags != 0 || err != context.Canceled {
		t.Errorf("canceled: %d, %v, %v, %v", n, from, flags, err)
	}
	f.SetReadDeadline(time.Unix(1, 0))
	if _, _, _, err := f.RecvFrom(ctx, make([]byte, 1)); err != os.ErrDeadlineExceeded {
		t.Errorf("late: %v", err)
	}
}

// IPv4 goes over a socket of both families and comes back as IPv4.
func TestDatagramsOfBothFamilies(t *testing.T) {
	r := newRing(t, aio.Auto)
	ctx := soon(t)
	f, err := r.ListenPacket("udp", ":0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.LocalAddr().Addr().Is4() {
		t.Skip("no IPv6 here")
	}
	p := make([]byte, 10)
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := r.ListenPacket("udp", net.JoinHostPort(host, "0"), nil)
		if err != nil && host == "::1" {
			t.Logf("no loopback of IPv6: %v", err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(netip.MustParseAddr(host), f.LocalAddr().Port())
		if _, err := c.SendTo(ctx, []byte(host), to); err != nil {
			t.Fatal(err)
		}
		n, from, _, err := f.RecvFrom(ctx, p)
		if string(p[:n]) != host || from != c.LocalAddr() || err != nil {
			t.Fatalf("%q from %v, %v; want from %v", p[:n], from, err, c.LocalAddr())
		}
		if _, err := f.SendTo(ctx, p[:n], from); err != nil {
			t.Fatal(err)
		}
		if n, from, _, err := c.RecvFrom(ctx, p); string(p[:n]) != host || from != to || err != nil {
			t.Errorf("back: %q from %v, %v", p[:n], from, err)
		}
	}
}

func TestBindAndListenPacketErrors(t *testing.T) {
	r := newRing(t, aio.Auto)
	f := must(r.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0))
	if err := f.Bind(netip.MustParseAddrPort("127.0.0.1:0")); err != nil || f.LocalAddr().Port() == 0 {
		t.Errorf("Bind: %v, at %v", err, f.LocalAddr())
	}
	var e *aio.OpError
	g := must(r.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0))
	if err := g.Bind(f.LocalAddr()); !errors.As(err, &e) || e.Addr != f.LocalAddr().String() || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Bind to what is taken: %v", err)
	}
	if err := g.Bind(netip.AddrPort{}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Bind to nothing: %v", err)
	}
	g.Close()
	if err := g.Bind(f.LocalAddr()); err != aio.ErrClosed {
		t.Errorf("Bind after Close: %v", err)
	}
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "udp": "name:1", "udp4": "[::1]:0", "unixgram": "", "unix": "/x", "udp6": "127.0.0.1:0"} {
		f, err := r.ListenPacket(network, address, nil)
		if f != nil || !errors.As(err, &e) || e.Op != "listen" || e.Addr != network+" "+address {
			if network == "unixgram" && runtime.GOOS == "linux" && err == nil {
				f.Close() // an empty name lets linux choose one
				continue
			}
			t.Errorf("%s %s: %v", network, address, err)
		}
	}
}

func TestListenPacketReusePort(t *testing.T) {
	r := newRing(t, aio.Auto)
	a := must(r.ListenPacket("udp", "127.0.0.1:0", &aio.ListenOptions{ReusePort: true}))
	if _, err := r.ListenPacket("udp", a.LocalAddr().String(), nil); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("without the option: %v", err)
	}
	if _, err := r.ListenPacket("udp", a.LocalAddr().String(), &aio.ListenOptions{ReusePort: true}); err != nil {
		t.Error(err)
	}
	if on, err := aio.GetOption(a, aio.ReusePort); !on || err != nil {
		t.Errorf("ReusePort: %v, %v", on, err)
	}
}

// unixgram sockets with paths and names answer each other.
func TestUnixgram(t *testing.T) {
	r := newRing(t, aio.Auto)
	ctx := soon(t)
	dir := shortDir(t)
	a := must(r.ListenPacket("unixgram", filepath.Join(dir, "a"), nil))
	b := must(r.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0))
	if err := b.BindUnix(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if err := b.BindUnix(filepath.Join(dir, "c")); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "c") {
		t.Errorf("bound twice: %v", err)
	}
	if err := b.ConnectUnix(ctx, filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	for _, msg := range []string{"hi", ""} {
		b.Write(ctx, []byte(msg))
		p := make([]byte, 1)
		n, from, flags, err := a.RecvFrom(ctx, p)
		if string(p[:n]) != msg[:n] || from.IsValid() || (flags&syscall.MSG_TRUNC != 0) != (len(msg) > 1) || err != nil {
			t.Errorf("%q: %q from %v, %#x, %v", msg, p[:n], from, flags, err)
		}
	}
	c, err := r.DialUnix(ctx, "unixgram", filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Send(ctx, []byte("dialed"), 0); n != 6 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if runtime.GOOS == "linux" {
		name := fmt.Sprintf("@interlock-%d", os.Getpid())
		x := must(r.ListenPacket("unixgram", name, nil))
		if c := aio.NewPacketConn(x); c.LocalAddr().String() != name {
			t.Errorf("abstract name is %v", c.LocalAddr())
		}
	}
}

// The flags of recvmsg and sendmsg are the system's.
func TestMessagesPeekAndTruncation(t *testing.T) {
	r := newRing(t, aio.Auto)
	ctx := soon(t)
	a, b := udp(t, r), udp(t, r)
	if n, err := a.SendMsg(ctx, []byte("message"), nil, b.LocalAddr(), 0); n != 7 || err != nil {
		t.Fatal(n, err)
	}
	p := make([]byte, 3)
	for _, flags := range []int{syscall.MSG_PEEK, 0} {
		n, oobn, rflags, from, err := b.RecvMsg(ctx, p, nil, flags)
		if n != 3 || oobn != 0 || rflags != syscall.MSG_TRUNC || from != a.LocalAddr() || err != nil {
			t.Errorf("flags %d: %d, %d, %#x, %v, %v", flags, n, oobn, rflags, from, err)
		}
	}
}

func TestMessagesOnAStream(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	ctx := soon(t)
	if n, err := f.SendMsg(ctx, []byte("abc"), nil, netip.AddrPort{}, 0); n != 3 || err != nil {
		t.Error(n, err)
	}
	syscall.Write(peer, []byte("def"))
	p := make([]byte, 5)
	if n, from, _, err := f.RecvFrom(ctx, p); string(p[:n]) != "def" || from.IsValid() || err != nil {
		t.Errorf("%q, %v, %v", p[:n], from, err)
	}
	syscall.Shutdown(peer, syscall.SHUT_WR)
	if n, _, _, err := f.RecvFrom(ctx, p); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if n, _, _, err := f.RecvFrom(ctx, nil); n != 0 || err != nil {
		t.Errorf("into nothing: %d, %v", n, err)
	}
}

// RecvsFrom yields what comes with its sender, holds no buffer while nothing
// comes, and loses nothing when it is left.
func TestRecvsFrom(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		a, b := udp(t, r), udp(t, r)
		ctx := soon(t)
		pool := aio.NewPool(4, 1)
		msgs := []string{"one", "", "three", "four"}
		go func() {
			for _, m := range msgs {
				a.SendTo(ctx, []byte(m), b.LocalAddr())
			}
		}()
		i := 0
		for d, err := range b.RecvsFrom(ctx, pool) {
			if err != nil {
				t.Fatal(err)
			}
			m := msgs[i]
			if got := string(d.Buf.Bytes()); got != m[:min(len(m), 4)] || d.From != a.LocalAddr() || (d.Flags&syscall.MSG_TRUNC != 0) != (len(m) > 4) {
				t.Errorf("message %d: %q from %v, %#x", i, got, d.From, d.Flags)
			}
			d.Buf.Release()
			if i++; i == 3 {
				break
			}
		}
		p := make([]byte, 10)
		if n, _, _, err := b.RecvFrom(ctx, p); string(p[:n]) != "four" || err != nil {
			t.Errorf("after the loop: %q, %v", p[:n], err)
		}
		buf := must(pool.Get(ctx)) // the only one: nothing else holds it
		buf.Release()
		waiting, cancel := context.WithCancelCause(ctx)
		cause := errors.New("enough")
		go func() {
			pending(t, r, 1)
			must(pool.Get(ctx)).Release() // nor does one that waits
			cancel(cause)
		}()
		n := 0
		for d, err := range b.RecvsFrom(waiting, pool) {
			n++
			if d != (aio.Datagram{}) || err != cause {
				t.Errorf("%+v, %v; want nothing and the cause", d, err)
			}
		}
		if n != 1 {
			t.Errorf("yielded %d times", n)
		}
	})
}

// With an exhausted pool messages wait in the system until there is a buffer.
func TestRecvsFromWaitsForABuffer(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		a, b := udp(t, r), udp(t, r)
		ctx := soon(t)
		pool := aio.NewPool(8, 1)
		held := must(pool.Get(ctx))
		a.SendTo(ctx, []byte("patience"), b.LocalAddr())
		got := make(chan aio.Datagram, 1)
		go func() {
			for d, err := range b.RecvsFrom(ctx, pool) {
				if err != nil {
					t.Error(err)
				}
				got <- d
				return
			}
		}()
		pending(t, r, 1)
		held.Release()
		d := <-got
		if string(d.Buf.Bytes()) != "patience" || d.From != a.LocalAddr() {
			t.Errorf("%q from %v", d.Buf.Bytes(), d.From)
		}
		d.Buf.Release()
	})
}

func TestRecvsFromEndsWithAStream(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	syscall.Write(peer, []byte("x"))
	syscall.Shutdown(peer, syscall.SHUT_WR)
	n := 0
	for d, err := range f.RecvsFrom(soon(t), aio.NewPool(4, 1)) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(d.Buf.Bytes())
		d.Buf.Release()
	}
	if n != 1 {
		t.Errorf("%d bytes", n)
	}
}

// Datagrams on the kernels of all systems: senders, truncation, empty ones,
// waiting, a refusal.
func TestDatagramsOnEverySystem(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		for seed := range uint64(10) {
			s := newSimRing(t, simkernel.Config{Manners: m, Seed: seed, Latency: 1000, Chance: simkernel.Chance{Spurious: 0.2, NoBuffers: 0.2, Interrupt: 0.1}})
			a := must(s.ListenPacket("udp", "127.0.0.1:1", nil))
			b := must(s.ListenPacket("udp", "127.0.0.1:2", nil))
			q := aio.HandlerFunc(func(*aio.Op) {})
			p := make([]byte, 3)
			var in, out aio.Op
			in.PrepRecvFrom(b, p)
			for _, msg := range []string{"abc", "", "abcdef"} {
				in.Start(q)
				out.PrepSendTo(a, []byte(msg), b.LocalAddr())
				out.Start(q)
				s.settle()
				n, err := in.Result()
				if string(p[:n]) != msg[:min(3, len(msg))] || err != nil || in.From() != a.LocalAddr() || (in.Flags()&sys.MSG_TRUNC != 0) != (len(msg) > 3) {
					t.Errorf("seed %d: %q from %v, %#x, %v", seed, p[:n], in.From(), in.Flags(), err)
				}
			}
			c := must(s.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0))
			out.PrepConnect(c, netip.MustParseAddrPort("127.0.0.1:3"))
			out.Start(q)
			s.settle()
			out.PrepSendTo(c, p, netip.AddrPort{})
			out.Start(q)
			in.PrepRecvFrom(c, p)
			in.Start(q)
			s.settle()
			if got := outcome(in.Result()); got != "ECONNREFUSED" {
				t.Errorf("seed %d: nobody there: %s", seed, got)
			}
			s.finish()
		}
	})
}

func TestDatagramsAllocateNothing(t *testing.T) {
	if runtime.GOOS == "darwin" || runtime.GOOS == "openbsd" {
		t.Skip("x/sys allocates here")
	}
	r := manual(t)
	a, b := udp(t, r), udp(t, r)
	ctx := context.Background()
	to := b.LocalAddr()
	p := make([]byte, 64)
	var in, out aio.Op
	var h aio.HandlerFunc = func(*aio.Op) {}
	zero(t, "blocking", func() {
		a.SendTo(ctx, p, to)
		arrived(t, b, sys.Readable) // for nobody polls
		b.RecvFrom(ctx, p)
	})
	oob := make([]byte, 64)
	zero(t, "messages", func() {
		a.SendMsg(ctx, p, nil, to, 0)
		arrived(t, b, sys.Readable)
		b.RecvMsg(ctx, p, oob, 0)
	})
	zero(t, "Op", func() {
		in.PrepRecvFrom(b, p)
		in.Start(h)
		out.PrepSendTo(a, p, to)
		out.Try(h)
		for in.Pending() {
			must(r.Poll(ctx, 1))
		}
	})
	pool := aio.NewPool(64, 1)
	recvs := b.RecvsFrom(ctx, pool)
	body := func(d aio.Datagram, err error) bool { d.Buf.Release(); return false }
	zero(t, "RecvsFrom", func() {
		a.SendTo(ctx, p, to)
		arrived(t, b, sys.Readable)
		recvs(body)
	})
}
