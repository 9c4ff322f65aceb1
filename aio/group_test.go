//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

func newGroup(t *testing.T, n int) *aio.RingGroup {
	t.Helper()
	before := openFDs()
	g := must(aio.NewRingGroup(n, nil))
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		until(t, "descriptors are back", func() bool { return openFDs() <= before })
	})
	return g
}

func TestRingGroupTakesTurns(t *testing.T) {
	g := newGroup(t, 3)
	for i := range 7 {
		if g.Next() != g.Ring(i%3) {
			t.Errorf("turn %d", i)
		}
	}
	if n := newGroup(t, 0).Len(); n != runtime.GOMAXPROCS(0) {
		t.Errorf("%d rings", n)
	}
	panics(t, "negative", func() { aio.NewRingGroup(-1, nil) })
}

func TestRingGroupListens(t *testing.T) {
	g := newGroup(t, 3)
	ls, err := g.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := 1
	if sys.Host().Poller() == sys.Epoll {
		want = 3 // linux deals connections out among them
	}
	if len(ls) != want {
		t.Fatalf("%d listeners", len(ls))
	}
	for i, l := range ls {
		if l.LocalAddr() != ls[0].LocalAddr() || l.Ring() != g.Ring(i) {
			t.Errorf("listener %d: %v", i, l.LocalAddr())
		}
	}
	done := make(collect, len(ls))
	ops := make([]aio.Op, len(ls))
	for i, l := range ls {
		ops[i].PrepAccept(l)
		ops[i].Start(done)
	}
	c := must(net.Dial("tcp", ls[0].LocalAddr().String()))
	defer c.Close()
	if op := done.next(t); op.Accepted() == nil {
		t.Error("no connection")
	}
	if _, err := g.Listen("tcp", "nonsense", nil); err == nil {
		t.Error("nonsense")
	}
}

func TestRingGroupHandsOut(t *testing.T) {
	g := newGroup(t, 2)
	path := filepath.Join(shortDir(t), "s")
	ls, err := g.Listen("unix", path, nil)
	if err != nil || len(ls) != 1 {
		t.Fatal(ls, err)
	}
	for range 3 {
		c := must(net.Dial("unix", path))
		defer c.Close()
		c.Write([]byte("x"))
	}
	n := 0
	for f, err := range g.HandOut(soon(t), ls[0]) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Ring() != g.Ring(n%2) || f.Kind() != aio.KindStream {
			t.Errorf("connection %d is on another ring", n)
		}
		if m, err := f.Read(soon(t), make([]byte, 2)); m != 1 || err != nil {
			t.Error(m, err)
		}
		if n++; n == 3 {
			break
		}
	}
	for _, err := range g.HandOut(canceled(), ls[0]) {
		if err == nil {
			t.Error("no error")
		}
		n++
	}
	if n != 4 {
		t.Error("the error was not yielded once")
	}
}
