package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"example.com/interlock/onceconn"
	"example.com/interlock/onceconn/dial"
	"golang.org/x/sync/singleflight"
)

// A source is a way for callers to come by a connection of a key.
type source interface {
	// call sends the caller's request on a connection of key and returns the
	// answer.
	call(ctx context.Context, key string, request []byte) ([]byte, error)
	// again reports whether a caller should try once more after err, and
	// waits as long as it should before.
	again(ctx context.Context, err error) bool
	close() error
}

// dialTimeout bounds one launch in every crowd.
const dialTimeout = 10 * time.Second

// shared is the subject of the demo: onceconn over aio.
type shared struct {
	dialer *dial.Dialer
	conns  *onceconn.Map[string, *pipeline]
}

func newShared(p protocol, hooks onceconn.Hooks) *shared {
	s := &shared{dialer: &dial.Dialer{Timeout: dialTimeout}}
	s.conns = onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*pipeline, error) {
		return launch(ctx, s.dialer.DialContext, a.Key, p)
	}, &onceconn.Options[string, *pipeline]{
		LaunchTimeout: dialTimeout,
		OnBackoff:     onceconn.Wait, // a caller has the time that its context gives
		Watch:         watchPipeline,
		Hooks:         hooks,
	})
	return s
}

// watchPipeline tells the map of a connection's end: its reader sees it
// first.
func watchPipeline(l *pipeline, dead func(error)) (stop func()) {
	stopped := make(chan struct{})
	go func() {
		select {
		case <-l.dead:
			dead(l.err)
		case <-stopped:
		}
	}()
	return sync.OnceFunc(func() { close(stopped) })
}

func (s *shared) call(ctx context.Context, key string, request []byte) (p []byte, err error) {
	err = s.conns.Do(ctx, key, func(l *pipeline) error {
		p, err = l.call(ctx, request)
		if err != nil && ctx.Err() == nil {
			s.conns.Evict(key, l, err)
		}
		if errors.Is(err, errUnsent) {
			return fmt.Errorf("%w: %w", onceconn.ErrStale, err) // Do tries once more
		}
		return err
	})
	return p, err
}

// again leaves the pause to the map's back-off. A caller who has no time to
// wait for its end was told so at once.
func (s *shared) again(ctx context.Context, err error) bool {
	var rests *onceconn.Error
	if deadline, ok := ctx.Deadline(); ok && errors.As(err, &rests) && deadline.Before(rests.RetryAt) {
		return false
	}
	return ctx.Err() == nil
}

func (s *shared) close() error { return errors.Join(s.conns.Close(), s.dialer.Close()) }

// launch dials and greets.
func launch(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), key string, p protocol) (*pipeline, error) {
	c, err := dial(ctx, "tcp", key)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	err = p.greet(c)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return newPipeline(c, p), nil
}

// naive dials for every caller.
type naive struct {
	p    protocol
	room chan struct{} // as many connections at once as descriptors allow
}

func newNaive(p protocol, room int) *naive { return &naive{p, make(chan struct{}, room)} }

func (n *naive) call(ctx context.Context, key string, request []byte) ([]byte, error) {
	select {
	case n.room <- struct{}{}:
		defer func() { <-n.room }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	l, err := launch(ctx, new(net.Dialer).DialContext, key, n.p)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.call(ctx, request)
}

func (n *naive) again(ctx context.Context, _ error) bool { return pause(ctx) }

func (n *naive) close() error { return nil }

// flight is what many write first: a map of connections, and singleflight
// for the dial with the context of whoever comes first.
type flight struct {
	p     protocol
	group singleflight.Group

	mu    sync.Mutex // protects conns
	conns map[string]*pipeline
}

func newFlight(p protocol) *flight { return &flight{p: p, conns: make(map[string]*pipeline)} }

func (f *flight) call(ctx context.Context, key string, request []byte) ([]byte, error) {
	l, ok := f.open(key)
	if !ok {
		v, err, _ := f.group.Do(key, func() (any, error) {
			l, err := launch(ctx, new(net.Dialer).DialContext, key, f.p)
			if err == nil {
				f.mu.Lock()
				f.conns[key] = l
				f.mu.Unlock()
			}
			return l, err
		})
		if err != nil {
			return nil, err
		}
		l = v.(*pipeline)
	}
	return l.call(ctx, request)
}

// open returns the live connection of key, if there is one.
func (f *flight) open(key string) (*pipeline, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.conns[key]
	if !ok {
		return nil, false
	}
	select {
	case <-l.dead:
		delete(f.conns, key)
		return nil, false
	default:
		return l, true
	}
}

func (f *flight) again(ctx context.Context, _ error) bool { return pause(ctx) }

func (f *flight) close() error {
	for _, l := range f.conns {
		l.Close()
	}
	return nil
}

// pause is the retry of the crowds that have no back-off of their own. It
// reports false when ctx ended first.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(20 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}
