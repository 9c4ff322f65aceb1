package onceconn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/interlock/onceconn"
)

// A Client stands for what a launch makes: something that many may use at once.
type Client struct{ addr string }

func (c *Client) Ask(q string) string { return c.addr + " answers " + q }
func (c *Client) Close() error        { return nil }

func connect(ctx context.Context, addr string) (*Client, error) {
	if addr == "down:1" {
		return nil, errors.New("connection refused")
	}
	return &Client{addr}, nil
}

func Example() {
	launches := 0
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) {
		launches++
		return connect(ctx, a.Key)
	}, nil)
	defer m.Close()

	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			c, err := m.Get(context.Background(), "db:5432")
			if err != nil {
				fmt.Println(err)
				return
			}
			c.Ask("ping")
		})
	}
	wg.Wait()
	fmt.Println(launches, "launch")
	// Output: 1 launch
}

func ExampleMap_Get() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) }, nil)
	defer m.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := m.Get(ctx, "db:5432")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Ask("ping"))
	// Output: db:5432 answers ping
}

func ExampleMap_Acquire() {
	closed := false
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) },
		&onceconn.Options[string, *Client]{Close: func(*Client) error { closed = true; return nil }})
	defer m.Close()

	lease, err := m.Acquire(context.Background(), "db:5432")
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Evict("db:5432", lease.Conn(), errors.New("replaced"))
	fmt.Println("closed while it is used:", closed)
	lease.Release()
	fmt.Println("closed after the last use:", closed)
	// Output:
	// closed while it is used: false
	// closed after the last use: true
}

func ExampleLease() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) }, nil)
	defer m.Close()
	ask := func(q string) (string, error) {
		lease, err := m.Acquire(context.Background(), "db:5432")
		if err != nil {
			return "", err
		}
		defer lease.Release()
		return lease.Conn().Ask(q), nil
	}
	fmt.Println(ask("ping"))
	fmt.Println(m.Stats().Leases, "leases")
	// Output:
	// db:5432 answers ping <nil>
	// 0 leases
}

func ExampleMap_Do() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) }, nil)
	defer m.Close()
	calls := 0
	err := m.Do(context.Background(), "db:5432", func(c *Client) error {
		calls++
		if calls == 1 { // the first write failed before anything reached the peer
			return fmt.Errorf("%w: broken pipe", onceconn.ErrStale)
		}
		fmt.Println(c.Ask("ping"))
		return nil
	})
	fmt.Println(calls, "calls,", err)
	// Output:
	// db:5432 answers ping
	// 2 calls, <nil>
}

func ExampleEntry() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) }, nil)
	defer m.Close()
	db := m.Key("db:5432") // keep it where the requests are made
	for range 3 {
		c, err := db.Get(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		c.Ask("ping")
	}
	fmt.Println(db.Key(), m.Stats().Open, "open")
	// Output: db:5432 1 open
}

// What was learnt about a peer outlives the attempts that taught it.
func ExampleWithData() {
	type seen struct{ bad []string }
	hosts := []string{"a", "b", "c"}
	m := onceconn.New(onceconn.WithData(func(ctx context.Context, a *onceconn.Attempt[string], d *seen) (*Client, error) {
		for _, h := range hosts {
			if slices.Contains(d.bad, h) {
				continue
			}
			if h != "c" {
				d.bad = append(d.bad, h)
				return nil, errors.New(h + " does not answer")
			}
			return &Client{h}, nil
		}
		return nil, errors.New("no host left")
	}), nil)
	defer m.Close()
	for range 3 {
		c, err := m.Get(context.Background(), "cluster")
		fmt.Println(c != nil, err)
		m.ResetBackoff("cluster") // not to wait in an example
	}
	// Output:
	// false onceconn: launch of cluster failed (attempt 1): a does not answer
	// false onceconn: launch of cluster failed (attempt 2): b does not answer
	// true <nil>
}

func ExampleLaunch() {
	var launch onceconn.Launch[string, *Client] = func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) {
		return connect(ctx, a.Key)
	}
	m := onceconn.New(launch, nil)
	defer m.Close()
	_, err := m.Get(context.Background(), "down:1")
	fmt.Println(err)
	// Output: onceconn: launch of down:1 failed (attempt 1): connection refused
}

func ExampleAttempt() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) {
		fmt.Printf("attempt %d for %d caller, last error: %v\n", a.N, a.Waiters(), a.LastErr)
		if a.N == 1 {
			return nil, errors.New("refused")
		}
		return &Client{a.Key}, nil
	}, nil)
	defer m.Close()
	m.Get(context.Background(), "db")
	m.ResetBackoff("db")
	m.Get(context.Background(), "db")
	// Output:
	// attempt 1 for 1 caller, last error: <nil>
	// attempt 2 for 1 caller, last error: refused
}

// A key that failed rests: callers get the old error, marked.
func ExampleError() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) }, nil)
	defer m.Close()
	for range 2 {
		_, err := m.Get(context.Background(), "down:1")
		var e *onceconn.Error
		if errors.As(err, &e) {
			fmt.Println(e.Key, e.Attempt, e.Cached, e.RetryAt.After(time.Now()), e.Err)
		}
	}
	// Output:
	// down:1 1 false true connection refused
	// down:1 1 true true connection refused
}

func ExamplePanicError() {
	m := onceconn.New(func(context.Context, *onceconn.Attempt[string]) (*Client, error) { panic("oops") }, nil)
	defer m.Close()
	_, err := m.Get(context.Background(), "db")
	var p *onceconn.PanicError
	if errors.As(err, &p) {
		fmt.Println("launch panicked:", p.Value)
	}
	// Output: launch panicked: oops
}

func ExampleOptions() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) },
		&onceconn.Options[string, *Client]{
			LaunchTimeout: 5 * time.Second,
			IdleTimeout:   time.Minute,
			MaxLifetime:   time.Hour,
			MaxLaunches:   32,
			Ping:          func(ctx context.Context, c *Client) error { c.Ask("ping"); return nil },
			PingAfterIdle: 15 * time.Second,
		})
	defer m.Close()
	_, err := m.Get(context.Background(), "db")
	fmt.Println(err)
	// Output: <nil>
}

func ExampleBackoff() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) },
		&onceconn.Options[string, *Client]{Backoff: onceconn.Backoff{Base: time.Minute, Max: time.Hour, StableAfter: 10 * time.Minute}})
	defer m.Close()
	_, err := m.Get(context.Background(), "down:1")
	var e *onceconn.Error
	if errors.As(err, &e) {
		rest := time.Until(e.RetryAt)
		fmt.Println(rest > 45*time.Second, rest < 75*time.Second) // a minute, give or take 20 %
	}
	// Output: true true
}

// Callers who have the time wait for the next launch instead of failing.
func ExampleBackoffMode() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) {
		if a.N == 1 {
			return nil, errors.New("refused")
		}
		return &Client{a.Key}, nil
	}, &onceconn.Options[string, *Client]{OnBackoff: onceconn.Wait, Backoff: onceconn.Backoff{Base: 20 * time.Millisecond}})
	defer m.Close()
	_, err := m.Get(context.Background(), "db")
	fmt.Println("at first:", err != nil)
	_, err = m.Get(context.Background(), "db")
	fmt.Println("then:", err)
	// Output:
	// at first: true
	// then: <nil>
}

func ExampleAbandonPolicy() {
	for _, p := range []onceconn.AbandonPolicy{onceconn.AfterLast(5 * time.Millisecond), onceconn.AtOnce} {
		began, ended := make(chan struct{}), make(chan error)
		m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) {
			close(began)
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}, &onceconn.Options[string, *Client]{Abandon: p})
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			<-began
			cancel() // the only caller gives up
		}()
		_, err := m.Get(ctx, "db")
		fmt.Println("caller:", err)
		fmt.Println("launch:", <-ended)
		m.Close()
	}
	// Output:
	// caller: context canceled
	// launch: context canceled
	// caller: context canceled
	// launch: context canceled
}

// Drop leaves closing to the users, as a garbage-collected handle would.
func ExampleRetireMode() {
	gone := make(chan error, 1)
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) },
		&onceconn.Options[string, *Client]{IdleTimeout: 5 * time.Millisecond, OnRetire: onceconn.Drop,
			Hooks: onceconn.Hooks{Evict: func(_ any, cause error) { gone <- cause }}})
	defer m.Close()
	c, _ := m.Get(context.Background(), "db")
	fmt.Println(<-gone)
	fmt.Println(c.Ask("are you still there?"))
	// Output:
	// onceconn: idle for too long
	// db answers are you still there?
}

func ExampleHooks() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) },
		&onceconn.Options[string, *Client]{Hooks: onceconn.Hooks{
			LaunchStart: func(key any, attempt int) { fmt.Println("launching", key) },
			LaunchEnd:   func(key any, attempt int, took time.Duration, err error) { fmt.Println("launched", key, err) },
			Backoff:     func(key any, err error, retryAt time.Time) { fmt.Println(key, "rests after", err) },
			Evict:       func(key any, cause error) { fmt.Println(key, "is gone:", cause) },
		}})
	m.Get(context.Background(), "db")
	m.Get(context.Background(), "down:1")
	m.Close()
	// Output:
	// launching db
	// launched db <nil>
	// launching down:1
	// launched down:1 connection refused
	// down:1 rests after connection refused
	// db is gone: onceconn: closed
}

func ExampleStats() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) }, nil)
	defer m.Close()
	m.Get(context.Background(), "db")
	m.Get(context.Background(), "down:1")
	s := m.Stats()
	fmt.Println(s.Records, "keys,", s.Open, "open,", s.Backoff, "resting")
	// Output: 2 keys, 1 open, 1 resting
}

func ExampleState() {
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) { return connect(ctx, a.Key) }, nil)
	defer m.Close()
	m.Get(context.Background(), "down:1")
	for key, s := range m.All() {
		fmt.Println(key, s.Phase, s.Attempts, s.Err)
	}
	// Output: down:1 backoff 1 connection refused
}

func ExamplePhase() {
	for p := onceconn.PhaseClosed; p <= onceconn.PhaseOpen; p++ {
		fmt.Println(p)
	}
	// Output:
	// closed
	// launching
	// cancelling
	// backoff
	// open
}

// A tenant shares connections with itself, and with whoever belongs to nobody.
type Tenant string

func (t Tenant) Join(o Tenant) (Tenant, bool) {
	switch {
	case t == "":
		return o, true
	case o == "" || o == t:
		return t, true
	}
	return "", false
}

func ExampleIsolated() {
	launches := 0
	s := onceconn.NewIsolated[string, Tenant](func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) {
		launches++
		return connect(ctx, a.Key)
	}, nil)
	defer s.Close()
	ctx := context.Background()
	nobody, _ := s.Get(ctx, "proxy:1080", "")
	alice, _ := s.Get(ctx, "proxy:1080", "alice")
	bob, _ := s.Get(ctx, "proxy:1080", "bob")
	fmt.Println(nobody == alice, alice == bob, launches)
	// Output: true false 2
}

func ExampleJoiner() {
	var a, b onceconn.Joiner[Tenant] = Tenant(""), Tenant("alice")
	fmt.Println(a.Join("alice"))
	fmt.Println(b.Join("bob"))
	// Output:
	// alice true
	//  false
}
