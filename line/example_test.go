package line_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"example.com/interlock/line"
)

// Many requests share one credential. It has expired: one of them asks the
// user to log in, the others wait and retry. Later the user says no, and is
// asked once.
func Example() {
	var (
		l          line.Line
		credential atomic.Value // what the requests send
		valid      atomic.Value // what the server takes
		prompts    atomic.Int64
		willing    atomic.Bool
	)
	credential.Store("old")
	valid.Store("old")
	willing.Store(true)
	errUnauthorized := errors.New("401 unauthorized")

	request := func(context.Context) (string, error) {
		if credential.Load() != valid.Load() {
			return "", errUnauthorized
		}
		return "200 OK", nil
	}
	opts := line.RetryOptions{
		Broken: func(err error) bool { return errors.Is(err, errUnauthorized) },
		Repair: func(context.Context, error) error {
			prompts.Add(1)
			if !willing.Load() {
				return errors.New("the user says no")
			}
			credential.Store(valid.Load())
			return nil
		},
	}
	// crowd sends 100 requests that all have failed before the first of them
	// asks for a repair, and counts the answers.
	crowd := func() map[string]int {
		answers := make(map[string]int)
		var mu sync.Mutex
		var failed, wg sync.WaitGroup
		failed.Add(100)
		for range 100 {
			wg.Go(func() {
				var first sync.Once
				answer, err := line.Retry(context.Background(), &l, opts, func(ctx context.Context) (string, error) {
					answer, err := request(ctx)
					first.Do(func() {
						failed.Done()
						failed.Wait()
					})
					return answer, err
				})
				if err != nil {
					answer = err.Error()
				}
				mu.Lock()
				answers[answer]++
				mu.Unlock()
			})
		}
		wg.Wait()
		return answers
	}

	valid.Store("new")
	fmt.Println(crowd(), "prompts:", prompts.Load())

	willing.Store(false)
	valid.Store("newer")
	fmt.Println(crowd(), "prompts:", prompts.Load())
	// Output:
	// map[200 OK:100] prompts: 1
	// map[the user says no:100] prompts: 2
}

// The operations that Do and Retry are made of.
func ExampleLine() {
	var l line.Line
	since := l.Epoch() // before the request

	// The request fails.
	first := l.Enter(since)
	second := l.Enter(since)
	fmt.Println(first.Outcome(), second.Outcome())

	token, _ := first.Token()
	token.Release() // repaired

	after, err := second.Wait(context.Background())
	fmt.Println(after.Outcome(), err)

	// A request that failed before the repair, and says so only now:
	fmt.Println(l.Enter(since).Outcome())
	// Output:
	// Acquired Busy
	// Stale <nil>
	// Stale
}

func ExampleToken_Yield() {
	var l line.Line
	token, _ := l.TryAcquire().Token()
	waiter := l.TryAcquire()

	// The holder's own request was cancelled: it knows nothing about the
	// repair, and lets another go on.
	token.Yield()
	next, err := waiter.Wait(context.Background())
	fmt.Println(next.Outcome(), err, l.Epoch())
	// Output: Acquired <nil> 0
}

func ExampleToken_Fail() {
	var l line.Line
	since := l.Epoch()
	token, _ := l.Enter(since).Token()
	token.Fail(errors.New("the user says no"))

	// Whoever failed in the same epoch gets the verdict and asks no more.
	late := l.Enter(since)
	fmt.Println(late.Outcome(), late.Err())
	// Output: Stale the user says no
}

func ExamplePass_OrToken() {
	var l line.Line
	token, _ := l.TryAcquire().Token()

	// Deep inside the repair the same code fails again and asks again. It
	// holds the line already and must not wait for itself.
	pass := l.Enter(l.Epoch()).OrToken(token)
	fmt.Println(pass.Outcome())
	token.Release()
	// Output: Acquired
}

func ExampleLine_Do() {
	var l line.Line
	since := l.Epoch()
	for range 3 { // three requests that failed together
		_, err := l.Do(context.Background(), since, func(context.Context) error {
			fmt.Println("log in")
			return nil
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output: log in
}

func ExampleRetry() {
	var l line.Line
	errStale := errors.New("connection is gone")
	connected := false
	answer, err := line.Retry(context.Background(), &l, line.RetryOptions{
		Broken: func(err error) bool { return errors.Is(err, errStale) },
		Repair: func(_ context.Context, cause error) error {
			fmt.Println("reconnect:", cause)
			connected = true
			return nil
		},
	}, func(context.Context) (string, error) {
		if !connected {
			return "", errStale
		}
		return "hello", nil
	})
	fmt.Println(answer, err)
	// Output:
	// reconnect: connection is gone
	// hello <nil>
}

func ExampleCell() {
	token := line.NewCell("token 1")
	value, epoch := token.Load()
	fmt.Println("sent with", value)

	// The server refuses it, to this caller and to another.
	for range 2 {
		value, _, err := token.Renew(context.Background(), epoch, func(_ context.Context, old string) (string, error) {
			fmt.Println("refresh", old)
			return "token 2", nil
		})
		fmt.Println("sent with", value, err)
	}
	// Output:
	// sent with token 1
	// refresh token 1
	// sent with token 2 <nil>
	// sent with token 2 <nil>
}

func ExampleGroup() {
	var hosts line.Group[string]
	since := hosts.Epoch("db-1")
	for range 2 {
		hosts.Do(context.Background(), "db-1", since, func(context.Context) error {
			fmt.Println("reconnect db-1")
			return nil
		})
	}
	fmt.Println(hosts.Len(), "keys held")
	// Output:
	// reconnect db-1
	// 0 keys held
}

func ExampleOutcome() {
	var l line.Line
	switch pass := l.Enter(0); pass.Outcome() {
	case line.Acquired:
		fmt.Println("repair, then end the token")
	case line.Busy:
		fmt.Println("wait, then retry")
	case line.Stale:
		fmt.Println("retry, unless", pass.Err())
	}
	// Output: repair, then end the token
}
