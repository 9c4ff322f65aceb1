package waitmap_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails when goroutines are left over. Those that are about to exit have
// twenty seconds for it, however busy the machine is.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	if f := flag.Lookup("test.fuzz"); f != nil && f.Value.String() != "" {
		before++ // the fuzzing engine's, for signals
	}
	for range 2000 {
		if runtime.NumGoroutine() <= before {
			os.Exit(code)
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	fmt.Fprintf(os.Stderr, "waitmap: goroutines are left over:\n%s\n", stacks[:runtime.Stack(stacks, true)])
	os.Exit(1)
}
