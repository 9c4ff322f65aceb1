package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A stranger runs the go command as somebody who has never seen this
// repository: outside the workspace, with a module cache of its own that starts
// empty, and with the packed proxy in front of the usual ones.
//
// The user's own module cache serves as a second proxy, so that a warm machine
// needs no network. The checksum database is off, since it knows nothing of
// unpublished versions: whoever uses a stranger compares the hashes of other people's
// modules with a go.sum file that was made with the database on.
type stranger struct {
	env []string
}

// newStranger makes one whose module cache lies under dir.
func newStranger(x proxy, prefix, dir string) (*stranger, error) {
	abs, err := filepath.Abs(string(x))
	if err != nil {
		return nil, err
	}
	usual, err := goEnv("GOPROXY")
	if err != nil {
		return nil, err
	}
	warm, err := goEnv("GOMODCACHE")
	if err != nil {
		return nil, err
	}
	if usual == "" {
		usual = "off"
	}
	return &stranger{env: append(os.Environ(),
		"GOWORK=off",
		// Files of the cache stay writable, so that it can be removed. Without the names of
		// temporary folders in them, packages are compiled once for all strangers.
		"GOFLAGS=-modcacherw -buildvcs=false -trimpath",
		"GOPROXY="+strings.Join([]string{fileURL(abs), fileURL(filepath.Join(warm, "cache", "download")), usual}, ","),
		"GOMODCACHE="+filepath.Join(dir, "modcache"),
		// GOPRIVATE would make the go command pass by the file proxy.
		"GOPRIVATE=", "GONOPROXY=", "GONOSUMDB="+prefix+"/*", "GOSUMDB=off",
		"GOTOOLCHAIN=local",
	)}, nil
}

func fileURL(abs string) string {
	path := filepath.ToSlash(abs)
	if !strings.HasPrefix(path, "/") { // a drive letter
		path = "/" + path
	}
	return "file://" + path
}

func goEnv(name string) (string, error) {
	out, err := exec.Command("go", "env", name).Output()
	return strings.TrimSpace(string(out)), err
}

// run executes the go command in dir. The error holds all that it printed.
func (s *stranger) run(dir string, args ...string) (string, error) {
	return runGo(dir, s.env, args...)
}

func runGo(dir string, env []string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(env, []string{"PWD=" + dir})
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, strings.TrimSpace(out.String()+errs.String()))
	}
	return out.String(), nil
}
