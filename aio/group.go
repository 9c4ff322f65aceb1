package aio

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"

	"example.com/interlock/aio/internal/sys"
)

// RingGroup is several rings that share the work of one server, usually one
// for each core. A connection belongs to one of them for its life, so the
// handlers of different rings run at the same time, and those of one do not.
// It is made by NewRingGroup, may be used by any number of goroutines, and
// must be closed and not be copied.
type RingGroup struct {
	rings []*Ring
	next  atomic.Uint32
}

// NewRingGroup makes n rings, 0 meaning GOMAXPROCS, all with the same options.
// It panics when n is negative.
func NewRingGroup(n int, opts *Options) (*RingGroup, error) {
	if n < 0 {
		panic("aio: NewRingGroup of a negative number")
	}
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	g := new(RingGroup)
	for range n {
		r, err := New(opts)
		if err != nil {
			_ = g.Close()
			return nil, err
		}
		g.rings = append(g.rings, r)
	}
	return g, nil
}

// Len is the number of rings.
func (g *RingGroup) Len() int { return len(g.rings) }

// Ring is the i-th of the rings.
func (g *RingGroup) Ring(i int) *Ring { return g.rings[i] }

// Next is each of the rings in turn.
func (g *RingGroup) Next() *Ring {
	return g.rings[int((g.next.Add(1)-1)%uint32(len(g.rings)))]
}

// Close closes the rings, one after the other; see [Ring.Close].
func (g *RingGroup) Close() error {
	errs := make([]error, len(g.rings))
	for i, r := range g.rings {
		errs[i] = r.Close()
	}
	return errors.Join(errs...)
}

// Listen listens on an address as [Ring.Listen] does. Where the system deals
// connections out among the listeners of one port (linux, for "tcp") it gives
// one listener for each ring, in the rings' order, with ReusePort. Elsewhere it
// gives one, on the first ring: HandOut serves the others from it.
func (g *RingGroup) Listen(network, address string, opts *ListenOptions) ([]*FD, error) {
	var o ListenOptions
	if opts != nil {
		o = *opts
	}
	rings := g.rings[:1]
	if strings.HasPrefix(network, "tcp") && g.rings[0].k.Poller() == sys.Epoll {
		rings, o.ReusePort = g.rings, true
	}
	var all []*FD
	for _, r := range rings {
		l, err := r.Listen(network, address, &o)
		if err != nil {
			for _, l := range all {
				_ = l.Close()
			}
			return nil, err
		}
		if all = append(all, l); len(rings) > 1 {
			address = l.LocalAddr().String() // the port, if it was the system's choice
		}
	}
	return all, nil
}

// HandOut yields the connections that l accepts, each on another of the
// group's rings in turn, until the loop is left, the context ends or accepting
// fails; the last two are yielded once as the error. Leaving the loop loses
// none.
func (g *RingGroup) HandOut(ctx context.Context, l *FD) iter.Seq2[*FD, error] {
	return func(yield func(*FD, error) bool) {
		for f, err := range l.Accepts(ctx) {
			if err == nil {
				f, err = f.move(g.Next())
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// move gives a descriptor that nobody uses yet to another ring.
func (f *FD) move(to *Ring) (*FD, error) {
	if to == f.ring {
		return f, nil
	}
	fd, err := f.Release()
	if err != nil {
		return nil, err
	}
	return to.newFD(fd, f.kind, sys.Info{
		Socket: f.is(traitSocket), Inet6: f.is(traitInet6), Unix: f.is(traitUnix), Seq: f.is(traitSeq),
	})
}
