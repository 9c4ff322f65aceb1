package modelrun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// goCmd runs the go command in a folder with a changed environment.
type goCmd struct {
	dir string
	env []string // over os.Environ
}

func (g goCmd) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), g.env...)
	return cmd
}

// output returns what the command prints; its error carries what it complained
// about.
func (g goCmd) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := g.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if msg := strings.TrimSpace(stderr.String()); msg != "" {
			err = errors.New(msg)
		}
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// goEnv is what of go env matters here.
type goEnv struct {
	GOWORK, GOMOD, GOMODCACHE, GOFLAGS string
}

func (g goCmd) readEnv(ctx context.Context) (goEnv, error) {
	var e goEnv
	out, err := g.output(ctx, "env", "-json", "GOWORK", "GOMOD", "GOMODCACHE", "GOFLAGS")
	if err == nil {
		err = json.Unmarshal(out, &e)
	}
	return e, err
}

// A listed package, as go list prints it.
type listed struct {
	ImportPath  string
	Dir         string
	Standard    bool
	TestGoFiles []string
	Module      *module
}

type module struct {
	Path, Version, Dir, GoMod string
	Main                      bool
}

func (g goCmd) list(ctx context.Context, patterns ...string) ([]listed, error) {
	args := append([]string{"list", "-json=ImportPath,Dir,Standard,Module,TestGoFiles", "--"}, patterns...)
	out, err := g.output(ctx, args...)
	if err != nil {
		return nil, err
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		switch err := d.Decode(&l); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		all = append(all, l)
	}
}
