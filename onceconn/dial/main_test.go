package dial_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run if goroutines or descriptors outlive the tests.
func TestMain(m *testing.M) {
	if os.Getenv("DIAL_TEST_CHILD") != "" {
		child()
		return
	}
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close() // the runtime's poller has its own descriptors from here on
	}
	before := descriptors()
	code := m.Run()
	if code == 0 {
		if left := leaked(); left != "" {
			fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
			code = 1
		}
		if after := settle(before); after > before {
			fmt.Fprintf(os.Stderr, "%d descriptors left behind\n", after-before)
			code = 1
		}
	}
	os.Exit(code)
}

// leaked returns the stacks of goroutines that run our code, once they have had
// time to end.
func leaked() string {
	end := time.Now().Add(20 * time.Second)
	for {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		var left []string
		for _, g := range strings.Split(string(buf), "\n\n") {
			if strings.Contains(g, "interlock/") && !strings.Contains(g, "TestMain") {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
		time.Sleep(5 * time.Millisecond) // not to synchronise: to let them end
	}
}

// descriptors counts what the process has open; 0 where that cannot be seen.
func descriptors() int {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if list, err := os.ReadDir(dir); err == nil {
			return len(list)
		}
	}
	return 0
}

// settle waits until no more than want are open, or time is up.
func settle(want int) int {
	end := time.Now().Add(20 * time.Second)
	for {
		n := descriptors()
		if n <= want || time.Now().After(end) {
			return n
		}
		time.Sleep(time.Millisecond) // not to synchronise: the kernel is not in step
	}
}
