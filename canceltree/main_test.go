package canceltree_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
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
	code := 0
	if kind := os.Getenv(stuckVariable); kind != "" {
		before += leaveStuck(kind)
	} else {
		flag.Set("rapid.checks", "2000") // unless the command line says otherwise
		code = m.Run()
		if flag.Lookup("test.fuzz").Value.String() != "" {
			before++ // the fuzzing engine's, for signals
		}
	}
	if code == 0 {
		if left := leftover(before); left != "" {
			fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
			code = 1
		}
	}
	os.Exit(code)
}

// patience is how long goroutines may take to end.
var patience = 20 * time.Second

// leftover waits for goroutines that are on their way out and returns the stacks
// of those that are not, or else of those that the collector proves to be stuck
// for ever.
func leftover(before int) string {
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			var b strings.Builder
			pprof.Lookup("goroutine").WriteTo(&b, 1)
			return b.String()
		}
	}
	return stuck()
}

// grown returns how many goroutines more there are than before, once those that
// come and go, the runtime's among them, had time to go. The time is not that of a
// clock, which may be a bubble's.
func grown(before int) int {
	for range 5_000_000 {
		if runtime.NumGoroutine() <= before {
			return 0
		}
		runtime.Gosched()
	}
	return runtime.NumGoroutine() - before
}

// inBubble counts the goroutines of the caller's bubble: one of a test before may
// not be gone yet.
func inBubble() (n int) {
	stacks := make([]byte, 1<<20)
	all := regexp.MustCompile(`synctest bubble \d+\b`).FindAll(stacks[:runtime.Stack(stacks, true)], -1)
	for _, b := range all { // the caller's is the first
		if bytes.Equal(b, all[0]) {
			n++
		}
	}
	return n
}

// collected gives the collector time, and says whether gone holds then.
func collected(gone func() bool) bool {
	for deadline := time.Now().Add(5 * time.Second); !gone(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
		runtime.GC()
	}
	return true
}

// stuck returns the goroutineleak profile, if it is not empty and the runtime
// has it, which it has with GOEXPERIMENT=goroutineleakprofile.
func stuck() string {
	p := pprof.Lookup("goroutineleak")
	if p == nil {
		return ""
	}
	var b strings.Builder
	if p.WriteTo(&b, 1); p.Count() == 0 { // writing looks for them
		return ""
	}
	return b.String()
}

const stuckVariable = "CANCELTREE_TEST_STUCK"

var rooted chan bool

// leaveStuck is what the test binary does instead of its tests if the environment
// says so: it leaves a goroutine behind, which is to be found. It returns how
// many goroutines are to be taken for there before.
func leaveStuck(kind string) (before int) {
	patience = 100 * time.Millisecond
	c := make(chan bool)
	go func() { <-c }()
	if kind == "unreachable" {
		return 1 // so that counting finds none
	}
	rooted = c
	return 0
}

// TestAGoroutineLeftBehindFailsTheSuite: what TestMain looks for, it finds.
func TestAGoroutineLeftBehindFailsTheSuite(t *testing.T) {
	for kind, found := range map[string]bool{
		"rooted":      true,
		"unreachable": pprof.Lookup("goroutineleak") != nil,
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), stuckVariable+"="+kind)
		out, err := cmd.CombinedOutput()
		if (err != nil) != found || strings.Contains(string(out), "leaveStuck") != found {
			t.Errorf("%s: %v, want found: %v\n%s", kind, err, found, out)
		}
	}
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
