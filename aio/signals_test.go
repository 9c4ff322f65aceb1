//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"example.com/interlock/aio"
)

func raise(sig syscall.Signal) { syscall.Kill(os.Getpid(), sig) }

func TestSignals(t *testing.T) {
	r := newRing(t, aio.Auto)
	others := make(chan os.Signal, 10) // keeps the test alive, and must be served too
	signal.Notify(others, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(others)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seq := r.Signals(ctx, syscall.SIGUSR1)
	raise(syscall.SIGUSR1) // before the loop
	n := 0
	for sig := range seq {
		if sig != syscall.SIGUSR1 {
			t.Errorf("got %v", sig)
		}
		if <-others != syscall.SIGUSR1 {
			t.Error("the others got another")
		}
		if n++; n == 3 {
			break
		}
		raise(syscall.SIGUSR1)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// The second loop registers anew: what is raised until it has is lost.
		for ctx.Err() == nil {
			raise(syscall.SIGUSR1)
			<-others // so that none is on its way when the next test begins
		}
	}()
	for range seq {
		cancel()
	}
	<-ended
}

func TestSignalsEndWithContextAndRing(t *testing.T) {
	r := must(aio.New(nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // the watch over the context runs beside the loop
		for range r.Signals(ctx, syscall.SIGUSR1) {
			t.Error("a signal")
		}
	}
	ended := make(chan bool)
	go func() {
		for range r.Signals(t.Context(), syscall.SIGUSR1) {
			t.Error("a signal")
		}
		close(ended)
	}()
	until(t, "the loop waits", func() bool { return parked("(*signals).each") })
	r.Close()
	<-ended
	for range r.Signals(t.Context(), syscall.SIGUSR1) {
		t.Error("a signal after Close")
	}
}

// parked says whether a goroutine waits in a select of the named function.
func parked(name string) bool {
	buf := make([]byte, 1<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		head, rest, _ := strings.Cut(g, "\n")
		if strings.Contains(head, "[select") && strings.HasPrefix(rest, "example.com/interlock/aio."+name) {
			return true
		}
	}
	return false
}

// The end of the context goes before what has come besides.
func TestSignalsEndGoesFirst(t *testing.T) {
	r := newRing(t, aio.Auto)
	others := make(chan os.Signal, 10)
	signal.Notify(others, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(others)
	for range 30 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		seq := r.Signals(ctx, syscall.SIGUSR1, syscall.SIGUSR2)
		raise(syscall.SIGUSR1)
		<-others
		for range seq {
			n++
			for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2} {
				raise(sig)
				<-others
			}
			cancel()
		}
		cancel()
		if n != 1 {
			t.Fatalf("%d signals", n)
		}
	}
}
