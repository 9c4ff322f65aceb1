// Package echo measures echo servers: the same one over aio, over net and
// over the event loops that people use, each in a process of its own, under
// one load generator.
//
// The main figure is the CPU time that the server's process takes for one
// request: other load on the machine hardly moves it, while it moves rates
// and latencies a lot.
package echo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
)

// maxMessage is the size of the buffers that servers read into, in bytes.
const maxMessage = 4096

// servers are the programs, by name. Each listens on a free port of loopback,
// calls ready with the address and serves until the process ends.
var servers = map[string]func(ready func(addr string)) error{}

// ServeEnv names the server that a child process should be.
const ServeEnv = "INTERLOCK_BENCH_ECHO"

// Serve runs the server that the environment asks for, if it does, and
// reports whether it did. It ends when standard input does.
func Serve() bool {
	name := os.Getenv(ServeEnv)
	if name == "" {
		return false
	}
	serve, ok := servers[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "echo: no server %q\n", name)
		os.Exit(2)
	}
	go obey(os.Stdin)
	err := serve(func(addr string) { fmt.Println(addr) })
	fmt.Fprintf(os.Stderr, "echo: %s: %v\n", name, err)
	os.Exit(1)
	return true
}

// obey answers each line of in with the process's memory figures and ends the
// process at the end of in.
func obey(in io.Reader) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.HeapAlloc+m.StackInuse, m.Mallocs)
	}
	os.Exit(0)
}

// Peers returns the names of the event loops other than ours and net.
func Peers() []string {
	var names []string
	for name := range servers {
		if name != "net" && !strings.HasPrefix(name, "aio") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

var errNoCompiler = errors.New("echo: no C compiler")
