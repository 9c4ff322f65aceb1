// Testall runs the tests of several modules of the workspace as one suite.
//
// Usage:
//
//	testall MODULE... [-- FLAGS]
//
// MODULE is a module's folder, FLAGS go to go test as they are. Each package
// gets a line when it is done; only failures show their output. The last line
// counts the whole: modules, packages, tests passed, failed and skipped (each
// subtest, example and fuzz seed is a test), and the time. The exit status is 1
// if anything failed, a package that does not compile included, and 2 for
// wrong usage.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	modules, flags := args, []string(nil)
	if i := slices.Index(args, "--"); i >= 0 {
		modules, flags = args[:i], args[i+1:]
	}
	if len(modules) == 0 || slices.ContainsFunc(modules, func(m string) bool { return strings.HasPrefix(m, "-") }) {
		fmt.Fprintln(stderr, "usage: testall MODULE... [-- FLAGS]")
		return 2
	}
	ok, err := suite(modules, flags, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "testall:", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}

// suite runs go test once over all packages, so that the go command schedules
// them, and reports whether everything passed.
func suite(modules, flags []string, stdout, stderr io.Writer) (bool, error) {
	args := append([]string{"test", "-json"}, flags...)
	for _, m := range modules {
		args = append(args, "./"+strings.TrimSuffix(strings.TrimPrefix(m, "./"), "/")+"/...")
	}
	start := time.Now()
	cmd := exec.Command("go", args...)
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	rep := newReport(stdout)
	readErr := rep.read(events)
	if readErr != nil {
		// go test must not block on a pipe that nobody reads.
		io.Copy(io.Discard, events)
	}
	waitErr := cmd.Wait()
	if readErr != nil {
		return false, readErr
	}
	// What go test reports only by its status, such as a module that cannot
	// be resolved, must not be lost.
	if waitErr != nil && rep.failed == 0 {
		rep.failed++
		fmt.Fprintf(stdout, "FAIL  go test: %v\n", waitErr)
	}
	rep.summary(len(modules), time.Since(start))
	return rep.failed == 0, nil
}
