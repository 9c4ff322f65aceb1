package onceconn_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn"
)

// fake is a connection that knows what was done to it.
type fake struct {
	id      int
	key     string
	closed  atomic.Int32
	stopped atomic.Int32 // calls of the watch's stop
	closing func()       // called by Close
	dead    func(error)  // set by host.watch
}

func (c *fake) Close() error {
	c.closed.Add(1)
	if c.closing != nil {
		c.closing()
	}
	return nil
}

type (
	fmap  = onceconn.Map[string, *fake]
	fopts = onceconn.Options[string, *fake]
	ftry  = onceconn.Attempt[string]
)

// host is what the fakes connect to: it counts, and behaves as told.
type host struct {
	mu       sync.Mutex
	launches int
	running  map[string]int
	overlap  bool // two launches of one key ran at once
	conns    []*fake
	behave   func(ctx context.Context, a *ftry) error // nil: succeed at once
}

func (h *host) launch(ctx context.Context, a *ftry) (*fake, error) {
	h.mu.Lock()
	h.launches++
	if h.running == nil {
		h.running = make(map[string]int)
	}
	if h.running[a.Key]++; h.running[a.Key] > 1 {
		h.overlap = true
	}
	behave := h.behave
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.running[a.Key]--
		h.mu.Unlock()
	}()
	if behave != nil {
		if err := behave(ctx, a); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &fake{id: len(h.conns) + 1, key: a.Key}
	h.conns = append(h.conns, c)
	return c, nil
}

// watch lets tests kill connections.
func (h *host) watch(c *fake, dead func(error)) func() {
	c.dead = dead
	return func() { c.stopped.Add(1) }
}

func (h *host) set(behave func(ctx context.Context, a *ftry) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behave = behave
}

func (h *host) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.launches
}

// settled checks what must hold when the Map is closed: every connection closed
// once, no launches at once for a key.
func (h *host) settled(t testing.TB) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.overlap {
		t.Error("two launches of one key ran at once")
	}
	for _, c := range h.conns {
		if n := c.closed.Load(); n != 1 {
			t.Errorf("connection %d of %s was closed %d times", c.id, c.key, n)
		}
		if n := c.stopped.Load(); c.dead != nil && n != 1 {
			t.Errorf("watch of connection %d of %s was stopped %d times", c.id, c.key, n)
		}
	}
}

// after makes a launch take d, and fail with err if that is not nil. It heeds
// its context.
func after(d time.Duration, err error) func(context.Context, *ftry) error {
	return func(ctx context.Context, _ *ftry) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// bubble runs f in a synctest bubble with a Map over a host, closes the Map, and
// checks that all is settled.
func bubble(t *testing.T, o *fopts, f func(t *testing.T, m *fmap, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := new(host)
		if o == nil {
			o = new(fopts)
		}
		own := *o
		if own.Watch == nil {
			own.Watch = h.watch
		}
		m := onceconn.New(h.launch, &own)
		f(t, m, h)
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		synctest.Wait()
		h.settled(t)
	})
}

var (
	bg         = context.Background()
	errRefused = errors.New("refused")
	errHungUp  = errors.New("peer hung up")
)

func get(t testing.TB, m *fmap, k string) *fake {
	t.Helper()
	c, err := m.Get(bg, k)
	if err != nil {
		t.Fatalf("Get(%s): %v", k, err)
	}
	return c
}

func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(bg, d)
}

func phase(m *fmap, k string) string {
	for key, s := range m.All() {
		if key == k {
			return s.Phase.String()
		}
	}
	return "absent"
}

func expectPhase(t testing.TB, m *fmap, k, want string) {
	t.Helper()
	if got := phase(m, k); got != want {
		t.Errorf("phase of %s: %s, want %s", k, got, want)
	}
}

func expectLaunches(t testing.TB, h *host, want int) {
	t.Helper()
	if got := h.count(); got != want {
		t.Errorf("%d launches, want %d", got, want)
	}
}

func expectIs(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}
