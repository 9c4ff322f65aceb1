package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/tools/rpc"
)

func serve(t *testing.T, handle func([]byte) ([]byte, error)) *rpc.Server {
	t.Helper()
	s, err := rpc.NewServer(handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func echo(p []byte) ([]byte, error) { return p, nil }

// connect makes a client whose tokens come from s.
func connect(t *testing.T, s *rpc.Server) *rpc.Client {
	t.Helper()
	c := rpc.NewClient(func(context.Context) (string, error) { return s.Login(), nil })
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// crowd calls n times at once and returns how the calls ended; a call whose
// reply is not its own ends as "wrong".
func crowd(ctx context.Context, c *rpc.Client, addr string, n int) map[string]int {
	var mu sync.Mutex
	outcomes := make(map[string]int)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			body := fmt.Appendf(nil, "request %d", i)
			got, err := c.Call(ctx, addr, body)
			outcome := "ok"
			switch {
			case errors.Is(err, rpc.ErrLost):
				outcome = "lost"
			case errors.Is(err, rpc.ErrClosed):
				outcome = "closed"
			case err != nil:
				outcome = err.Error()
			case string(got) != string(body):
				outcome = "wrong"
			}
			mu.Lock()
			outcomes[outcome]++
			mu.Unlock()
		})
	}
	wg.Wait()
	return outcomes
}

func TestOneConnectionAndOneLoginForACrowd(t *testing.T) {
	s := serve(t, echo)
	c := connect(t, s)
	if got := crowd(t.Context(), c, s.Addr(), 500); got["ok"] != 500 {
		t.Fatalf("outcomes %v, want 500 ok", got)
	}
	if n := s.Counts(); n.Accepted != 1 || n.Logins != 1 {
		t.Errorf("%+v, want 1 connection and 1 login", n)
	}
}

func TestExpiredTokenUnderLoadIsRenewedOnce(t *testing.T) {
	s := serve(t, echo)
	c := connect(t, s)
	const expiries = 5
	for range expiries {
		if got := crowd(t.Context(), c, s.Addr(), 200); got["ok"] != 200 {
			t.Fatalf("outcomes %v, want 200 ok", got)
		}
		s.Expire()
	}
	if got := crowd(t.Context(), c, s.Addr(), 200); got["ok"] != 200 {
		t.Fatalf("outcomes %v, want 200 ok", got)
	}
	if n := s.Counts(); n.Logins != expiries+1 {
		t.Errorf("%d logins for %d expiries and the first, want %d", n.Logins, expiries, expiries+1)
	}
}

func TestRefusedLoginIsAskedOnceAndToldToAll(t *testing.T) {
	s := serve(t, echo)
	no := errors.New("the user says no")
	var asked atomic.Int64
	inLogin := make(chan struct{})
	c := rpc.NewClient(func(context.Context) (string, error) {
		asked.Add(1)
		<-inLogin
		return "", no
	})
	defer c.Close()
	var told atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := c.Call(t.Context(), s.Addr(), nil); errors.Is(err, no) {
				told.Add(1)
			}
		})
	}
	await(t, "refused requests", func() int { return s.Counts().Refused }, 50) // all of them have met the same failure
	close(inLogin)
	wg.Wait()
	if asked.Load() != 1 || told.Load() != 50 {
		t.Errorf("asked %d times, told %d callers; want 1 and 50", asked.Load(), told.Load())
	}
}

func TestConnectionLossInMidRequestReachesEveryRequest(t *testing.T) {
	arrived, leave := make(chan struct{}, 100), make(chan struct{})
	s := serve(t, func(p []byte) ([]byte, error) {
		arrived <- struct{}{}
		<-leave
		return p, nil
	})
	c := connect(t, s)
	outcomes := make(chan map[string]int)
	go func() { outcomes <- crowd(t.Context(), c, s.Addr(), 100) }()
	for range 100 {
		<-arrived
	}
	s.Drop()
	if got := <-outcomes; got["lost"] != 100 {
		t.Errorf("outcomes %v, want 100 lost", got)
	}
	close(leave)
	if got := crowd(t.Context(), c, s.Addr(), 100); got["ok"] != 100 {
		t.Errorf("after the loss: %v, want 100 ok", got)
	}
	if n := s.Counts(); n.Accepted != 2 || n.Logins != 1 {
		t.Errorf("%+v, want 2 connections and 1 login", n)
	}
}

// Every request has its own reply, or is told that it was lost or that nobody
// listens.
func TestRestartUnderLoadLosesNoRequest(t *testing.T) {
	s := serve(t, echo)
	c := connect(t, s)
	const restarts, callers = 3, 20
	var ok, lost atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			body := fmt.Sprint("caller ", i)
			for {
				select {
				case <-stop:
					return
				default:
				}
				switch got, err := c.Call(t.Context(), s.Addr(), []byte(body)); {
				case err == nil && string(got) == body:
					ok.Add(1)
				case errors.Is(err, rpc.ErrLost), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
					lost.Add(1)
				default:
					t.Errorf("%s got %q, %v", body, got, err)
					return
				}
			}
		})
	}
	for range restarts {
		await(t, "answers", count(&ok), int(ok.Load())+200)
		if err := s.Restart(); err != nil {
			t.Error(err)
			break
		}
	}
	await(t, "answers", count(&ok), int(ok.Load())+200)
	close(stop)
	wg.Wait()
	t.Logf("%d answers, %d lost", ok.Load(), lost.Load())
	if n := s.Counts(); n.Accepted != restarts+1 || n.Logins != 1 {
		t.Errorf("%+v, want %d connections and 1 login", n, restarts+1)
	}
}

func count(n *atomic.Int64) func() int { return func() int { return int(n.Load()) } }

// await waits until have has reached want, for a time that no machine needs.
func await(t *testing.T, what string, have func() int, want int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); have() < want; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: stuck at %d of %d", what, have(), want)
		}
	}
}

func TestCallerLeavesAloneAndLateReplyFindsNobody(t *testing.T) {
	arrived, leave := make(chan struct{}, 2), make(chan struct{})
	s := serve(t, func(p []byte) ([]byte, error) {
		if string(p) == "slow" {
			arrived <- struct{}{}
			<-leave
		}
		return p, nil
	})
	c := connect(t, s)
	gone := errors.New("gone for lunch")
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		_, err := c.Call(ctx, s.Addr(), []byte("slow"))
		ended <- err
	}()
	<-arrived
	cancel(gone)
	if err := <-ended; !errors.Is(err, gone) {
		t.Errorf("the caller who left got %v, want its own cause", err)
	}
	close(leave)
	if got := crowd(t.Context(), c, s.Addr(), 10); got["ok"] != 10 {
		t.Errorf("the others: %v, want 10 ok", got)
	}
	if n := s.Counts(); n.Accepted != 1 {
		t.Errorf("%d connections, want 1: a caller that leaves hurts nobody", n.Accepted)
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	arrived, leave := make(chan struct{}, 10), make(chan struct{})
	s := serve(t, func(p []byte) ([]byte, error) {
		arrived <- struct{}{}
		<-leave
		return p, nil
	})
	defer close(leave)
	c := rpc.NewClient(func(context.Context) (string, error) { return s.Login(), nil })
	outcomes := make(chan map[string]int)
	go func() { outcomes <- crowd(t.Context(), c, s.Addr(), 10) }()
	for range 10 {
		<-arrived
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got := <-outcomes; got["closed"] != 10 {
		t.Errorf("outcomes %v, want 10 closed", got)
	}
	if _, err := c.Call(t.Context(), s.Addr(), nil); !errors.Is(err, rpc.ErrClosed) {
		t.Errorf("Call after Close: %v, want ErrClosed", err)
	}
}

func TestRemoteErrorIsTheHandlersWord(t *testing.T) {
	s := serve(t, func([]byte) ([]byte, error) { return nil, errors.New("no such row") })
	c := connect(t, s)
	_, err := c.Call(t.Context(), s.Addr(), nil)
	if want := rpc.RemoteError("no such row"); !errors.Is(err, want) {
		t.Errorf("Call: %v, want %v", err, want)
	}
}

func TestMessageTooLongIsRefusedAlone(t *testing.T) {
	s := serve(t, echo)
	c := connect(t, s)
	if _, err := c.Call(t.Context(), s.Addr(), make([]byte, 2<<20)); err == nil {
		t.Error("a message of 2 MiB was sent")
	}
	if got := crowd(t.Context(), c, s.Addr(), 5); got["ok"] != 5 {
		t.Errorf("afterwards: %v, want 5 ok", got)
	}
}
