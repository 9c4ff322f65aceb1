// Release packs, checks and moves the modules of this repository.
//
// Usage:
//
//	release pack   [-o DIR] [-tree] [MODULE[@VERSION]...]
//	release sum    [-w] [MODULE...]
//	release check  [-tree] [MODULE...]
//	release api    [-tree] [MODULE...]
//	release mods
//	release tag    MODULE [VERSION]
//	release rehost PREFIX
//
// A library is a folder that tools/versions.txt names with the version that it
// has next or has now. A version that is tagged (line/v0.1.0) is always taken
// from its tag; one that is not is taken from HEAD, so that everything works
// before the first tag exists. Where HEAD has moved on from a tagged version,
// HEAD gets a pseudo-version after it, as the go command would give it.
//
//   - pack writes a GOPROXY directory (dist/proxy) that any static file server
//     can serve.
//   - sum prints the go.sum lines of the libraries as they lie in the working
//     tree; -w puts them into the go.sum files of their siblings.
//   - check looks at each library as a stranger gets it: unpacked from its zip,
//     outside the workspace, tidy and tested; then fetched into an empty module
//     with an empty module cache, built, its examples run, and what was compiled
//     in held against tools/imports.txt.
//   - api compares the exported API with the last tag and says which version is due.
//   - mods checks every go.mod and go.work for what would leak to users or
//     hide faults.
//   - tag does all of that for one library, then makes the annotated tag.
//   - rehost moves every module to another prefix and checks the result.
//
// All but sum and mods refuse a tree with uncommitted changes, since they work on
// commits; -tree takes the working tree as it is. The exit status is 1 when a
// check failed and 2 when the input was refused; a refusal is one line and changes
// nothing.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// A refusal is an error in what the user asked for: one line, exit status 2.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error {
	return refusal(fmt.Sprintf(format, args...))
}

// errFailed ends a command whose failures have been printed.
var errFailed = errors.New("failed")

func main() {
	os.Exit(run(".", os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command in the repository that dir lies in.
func run(dir string, args []string, stdout, stderr io.Writer) int {
	err := dispatch(dir, args, stdout)
	var r refusal
	switch {
	case err == nil:
		return 0
	case errors.As(err, &r):
		fmt.Fprintln(stderr, "release:", firstLine(err.Error()))
		return 2
	case !errors.Is(err, errFailed):
		fmt.Fprintln(stderr, "release:", err)
	}
	return 1
}

// options are the flags of all commands.
type options struct {
	out   string // pack: the proxy directory
	tree  bool   // take the working tree, not HEAD
	write bool   // sum: into the go.sum files
}

// commands has what each command takes and does.
var commands = map[string]struct {
	usage string
	flags func(*flag.FlagSet, *options)
	do    func(*repo, options, []string, io.Writer) error
}{
	"pack":   {"[-o DIR] [-tree] [MODULE[@VERSION]...]", packFlags, packCommand},
	"sum":    {"[-w] [MODULE...]", sumFlags, sumCommand},
	"check":  {"[-tree] [MODULE...]", treeFlag, checkCommand},
	"api":    {"[-tree] [MODULE...]", treeFlag, apiCommand},
	"mods":   {"", nil, modsCommand},
	"tag":    {"MODULE [VERSION]", nil, tagCommand},
	"rehost": {"PREFIX", nil, rehostCommand},
}

func treeFlag(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.tree, "tree", false, "take the working tree, committed or not")
}

func packFlags(f *flag.FlagSet, o *options) {
	treeFlag(f, o)
	f.StringVar(&o.out, "o", "", "the proxy `directory` (dist/proxy)")
}

func sumFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.write, "w", false, "write the lines into the siblings' go.sum files")
}

func dispatch(dir string, args []string, stdout io.Writer) error {
	const known = "one of pack, sum, check, api, mods, tag, rehost"
	if len(args) == 0 {
		return refuse("no command: %s", known)
	}
	c, ok := commands[args[0]]
	if !ok {
		return refuse("unknown command %q: %s", args[0], known)
	}
	var o options
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	f.SetOutput(io.Discard)
	if c.flags != nil {
		c.flags(f, &o)
	}
	if err := f.Parse(args[1:]); err != nil {
		return refuse("%v; usage: release %s %s", err, args[0], c.usage)
	}
	r, err := openRepo(dir)
	if err != nil {
		return err
	}
	return c.do(r, o, f.Args(), stdout)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
