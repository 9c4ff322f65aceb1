package canceltree_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// TestMain fails when goroutines are left over after the tests.
func TestMain(m *testing.M) {
	if deepChild() {
		return
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	if code == 0 {
		if left := leftover(before); left != "" {
			fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
			code = 1
		}
	}
	os.Exit(code)
}

// leftover waits for goroutines that are on their way out and returns the stacks
// of those that are not. With GOEXPERIMENT=goroutineleakprofile it also returns
// what the collector proves to be stuck for ever.
func leftover(before int) string {
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			var b strings.Builder
			pprof.Lookup("goroutine").WriteTo(&b, 1)
			return b.String()
		}
	}
	if p := pprof.Lookup("goroutineleak"); p != nil {
		runtime.GC()
		var b strings.Builder
		p.WriteTo(&b, 1)
		if p.Count() > 0 {
			return b.String()
		}
	}
	return ""
}

// panics returns what f panics with, nil if it does not.
func panics(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// mustPanic fails unless f panics with a text that has the package's name and
// all of parts in it.
func mustPanic(t *testing.T, f func(), parts ...string) {
	t.Helper()
	text, _ := panics(f).(string)
	if !strings.HasPrefix(text, "canceltree: ") {
		t.Fatalf("panic %q, want one of canceltree", text)
	}
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Fatalf("panic %q does not mention %q", text, p)
		}
	}
}
