package onceconn

import (
	"context"
	"slices"
	"sync/atomic"
)

// Joiner is implemented by types of isolation: what says who may share a
// connection. Join returns the isolation of both together, or false if they must
// not share.
//
// Join must be reflexive (a.Join(a) is a, true), commutative, and idempotent
// (joining a result with either side again changes nothing). It need not be
// transitive: a and b may share, b and c too, and a and c not.
type Joiner[I any] interface {
	Join(I) (I, bool)
}

// Isolated is a [Map] whose users bring an isolation along with the key:
// compatible ones share a connection, incompatible ones never do. The isolation
// of a connection's record is the join of all who ever got it, or tried to; it
// only narrows, and stays for as long as the record does, over launches and
// failures, since what was learnt about the peer is shared as well.
//
// A user gets the record whose isolation is equal to its own, or else one that
// need not be narrowed, or else the first that it may join, or else a new one.
// Join is called without locks; it may be called more often than there are users.
//
// Make one with [NewIsolated]. All methods may be called at once; an Isolated must
// not be copied.
type Isolated[K comparable, I interface {
	comparable
	Joiner[I]
}, C any] struct {
	m      *Map[room[K], C]
	groups table[K, group[K, I]]
	serial atomic.Uint64
}

// room is a key of the Map below: one record of K.
type room[K comparable] struct {
	key K
	n   uint64
}

// group is the records of one K.
//
//	G1  The list changes only by swapping it whole, so whoever found nothing
//	    compatible in a list and swaps it for one with a new record has not
//	    overlooked anything.
//	G2  A nil list is that of a group which is not in the table any more; nothing is
//	    added to it.
//	G3  The isolation of a record changes only by joining, so whoever has once
//	    been included stays included.
type group[K comparable, I comparable] struct {
	list atomic.Pointer[[]*record[K, I]]
}

type record[K comparable, I comparable] struct {
	room room[K]
	iso  atomic.Pointer[I]
}

// NewIsolated returns an empty Isolated; launch and opts are as for [New]. The
// launch is not told the isolation, because that may narrow while it runs.
func NewIsolated[K comparable, I interface {
	comparable
	Joiner[I]
}, C any](launch Launch[K, C], opts *Options[K, C]) *Isolated[K, I, C] {
	if launch == nil {
		panic("onceconn: NewIsolated with a nil Launch")
	}
	inner := func(ctx context.Context, a *Attempt[room[K]]) (C, error) {
		return launch(ctx, &Attempt[K]{Key: a.Key.key, N: a.N, LastErr: a.LastErr, LastFailure: a.LastFailure,
			waiters: a.waiters, data: a.data})
	}
	var o *Options[room[K], C]
	if opts != nil {
		o = (*Options[room[K], C])(opts) // K is in none of its fields
	}
	s := &Isolated[K, I, C]{m: New(inner, o)}
	s.m.name = func(r room[K]) any { return r.key }
	s.m.forgot = s.forget
	return s
}

// Get is [Map.Get] for users with this isolation.
func (s *Isolated[K, I, C]) Get(ctx context.Context, k K, iso I) (C, error) {
	e, err := s.entry(k, iso)
	if err != nil {
		var none C
		return none, err
	}
	return e.Get(ctx)
}

// Acquire is [Map.Acquire] for users with this isolation.
func (s *Isolated[K, I, C]) Acquire(ctx context.Context, k K, iso I) (Lease[C], error) {
	e, err := s.entry(k, iso)
	if err != nil {
		return Lease[C]{}, err
	}
	return e.Acquire(ctx)
}

// Evict takes c away from k, whatever its isolation, as [Map.Evict] does.
func (s *Isolated[K, I, C]) Evict(k K, c C, cause error) bool {
	for _, r := range s.groups.find(k, nil).records() {
		if s.m.Evict(r.room, c, cause) {
			return true
		}
	}
	return false
}

// Stats is [Map.Stats]; each record counts.
func (s *Isolated[K, I, C]) Stats() Stats { return s.m.Stats() }

// Drain is [Map.Drain].
func (s *Isolated[K, I, C]) Drain(ctx context.Context) error { return s.m.Drain(ctx) }

// Close is [Map.Close].
func (s *Isolated[K, I, C]) Close() error { return s.m.Close() }

// entry finds the record for k and iso and narrows it, or makes one.
func (s *Isolated[K, I, C]) entry(k K, iso I) (*Entry[room[K], C], error) {
	if s.m.state.Load() != running {
		return nil, ErrClosed // or new users would leave records that nothing forgets
	}
	if k != k || iso != iso {
		return nil, &Error{Key: k, Err: errBadKey}
	}
	g := s.groups.load(k)
	for {
		if g == nil || g.list.Load() == nil {
			g = s.groups.find(k, newGroup[K, I])
		}
		list := g.list.Load()
		if list == nil {
			continue // forgotten between the two looks
		}
		r, old, joined := choose(list, iso)
		switch {
		case r == nil:
			r = &record[K, I]{room: room[K]{k, s.serial.Add(1)}}
			r.iso.Store(&iso)
			longer := append(slices.Clone(deref(list)), r)
			if g.list.CompareAndSwap(list, &longer) {
				return s.m.entry(r.room), nil
			}
		case joined == *old || r.iso.CompareAndSwap(old, &joined):
			return s.m.entry(r.room), nil
		}
	}
}

func newGroup[K comparable, I comparable]() *group[K, I] {
	g := new(group[K, I])
	g.list.Store(new([]*record[K, I]))
	return g
}

// choose finds the best record for iso, what its isolation was, and their join.
func choose[K comparable, I interface {
	comparable
	Joiner[I]
}](list *[]*record[K, I], iso I) (best *record[K, I], old *I, joined I) {
	fits := 0
	for _, r := range deref(list) {
		was := r.iso.Load()
		j, ok := (*was).Join(iso)
		fit := 0
		switch {
		case !ok:
		case *was == iso:
			return r, was, j
		case j == *was:
			fit = 2
		default:
			fit = 1
		}
		if fit > fits {
			fits, best, old, joined = fit, r, was, j
		}
	}
	return best, old, joined
}

// forget drops the record of a room that the Map has forgotten. Who has chosen it
// at this moment gets its entry nevertheless, and nobody joins those.
func (s *Isolated[K, I, C]) forget(gone room[K]) {
	g := s.groups.find(gone.key, nil)
	if g == nil {
		return
	}
	for {
		list := g.list.Load()
		if list == nil {
			return
		}
		shorter := slices.DeleteFunc(slices.Clone(deref(list)), func(r *record[K, I]) bool { return r.room == gone })
		if !g.list.CompareAndSwap(list, &shorter) {
			continue
		}
		if len(shorter) == 0 {
			s.groups.remove(gone.key, g, func() bool { return g.list.CompareAndSwap(&shorter, nil) })
		}
		return
	}
}

func (g *group[K, I]) records() []*record[K, I] {
	if g == nil {
		return nil
	}
	return deref(g.list.Load())
}

func deref[T any](list *[]T) []T {
	if list == nil {
		return nil
	}
	return *list
}
