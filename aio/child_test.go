//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func child(role string) int {
	if f, ok := roles[role]; ok {
		return f()
	}
	return 2
}

// binary is this program, found when it starts: it may change its folder
// later, and not every system can say where a program was started from.
var binary = func() string {
	name := os.Args[0]
	if found, err := exec.LookPath(name); err == nil {
		name = found
	}
	if abs, err := filepath.Abs(name); err == nil {
		name = abs
	}
	return name
}()

// again is a command that runs this binary in a role.
func again(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	if _, ok := roles[role]; !ok {
		t.Fatalf("no role %q", role)
	}
	cmd := exec.Command(binary, "-test.run=NONE")
	cmd.Env = append(os.Environ(), "AIO_TEST_ROLE="+role)
	return cmd
}

// roles are what a second process of this binary can be.
var roles = map[string]func() int{}
