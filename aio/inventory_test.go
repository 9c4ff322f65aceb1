//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/interlock/aio"
)

// The README's inventory says of each of its rows what every system does and
// which test shows it: that test exists.
func TestInventory(t *testing.T) {
	if _, err := os.Stat("README.md"); err != nil {
		t.Skip("the sources are not beside the binary:", err)
	}
	var tests []byte
	for _, name := range must(filepath.Glob("*_test.go")) {
		tests = append(tests, must(os.ReadFile(name))...)
	}
	_, section, ok := strings.Cut(string(must(os.ReadFile("README.md"))), "\n## Inventory\n")
	if !ok {
		t.Fatal("the README has no inventory")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	name := regexp.MustCompile(`[A-Z]\w+`)
	rows := 0
	for line := range strings.SplitSeq(section, "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what") {
			continue
		}
		if rows++; len(cells) != 5 {
			t.Errorf("%d cells in %q", len(cells), line)
			continue
		}
		shown := name.FindAllString(cells[4], -1)
		for _, answer := range cells[1:3] {
			switch word, why, _ := strings.Cut(strings.Trim(answer, " "), ":"); word {
			case "yes", "fallback":
				if len(shown) == 0 {
					t.Errorf("no test in %q", line)
				}
			case "refused", "same":
			default:
				t.Errorf("neither yes nor fallback nor refused: %q (%s)", word, why)
			}
		}
		for _, s := range shown {
			if !strings.HasPrefix(s, "Test") && !strings.HasPrefix(s, "Example") {
				s = "Test" + s
			}
			if !bytes.Contains(tests, []byte("\nfunc "+s)) {
				t.Errorf("there is no test %s: %q", s, line)
			}
		}
	}
	if rows < 25 {
		t.Errorf("%d rows", rows)
	}
}

func init() {
	// A child that copies its standard input to its standard output and
	// tells the number of bytes on its standard error, all on a ring.
	roles["cat"] = func() int {
		r := must(aio.New(nil))
		defer r.Close()
		ctx := context.Background()
		in, out, tell := must(r.AdoptConn(os.Stdin)), must(r.AdoptConn(os.Stdout)), must(r.AdoptConn(os.Stderr))
		n := 0
		for b, err := range in.Reads(ctx, aio.NewPool(1<<12, 1)) {
			if err != nil {
				return 3
			}
			m, err := out.WriteAll(ctx, b.Bytes())
			if b.Release(); err != nil {
				return 4
			}
			n += m
		}
		if _, err := tell.WriteAll(ctx, []byte{byte(n >> 16), byte(n >> 8), byte(n)}); err != nil {
			return 5
		}
		return 0
	}
}

// The standard streams are a ring's through os.Stdin and its like.
func TestStandardStreams(t *testing.T) {
	want := noise(1 << 20)
	for name, in := range map[string]func(cmd *exec.Cmd){
		"pipe": func(cmd *exec.Cmd) { cmd.Stdin = bytes.NewReader(want) },
		"file": func(cmd *exec.Cmd) {
			f := must(os.CreateTemp(t.TempDir(), ""))
			t.Cleanup(func() { f.Close() })
			f.Write(want)
			f.Seek(0, 0)
			cmd.Stdin = f
		},
	} {
		cmd := exec.CommandContext(soon(t), binary)
		cmd.Env = append(os.Environ(), "AIO_TEST_ROLE=cat")
		var out, tell bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &tell
		in(cmd)
		if err := cmd.Run(); err != nil || !bytes.Equal(out.Bytes(), want) || !bytes.Equal(tell.Bytes(), []byte{0x10, 0, 0}) {
			t.Errorf("from a %s: %v, %d bytes, said %x", name, err, out.Len(), tell.Bytes())
		}
	}
}

// Names are changed by workers, through package os.
func TestCallsOfNames(t *testing.T) {
	r := newRing(t, aio.Auto)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	done := make(collect, 1)
	var op aio.Op
	for _, c := range []struct {
		name string
		call func() error
		want error
	}{
		{"mkdir", func() error { return os.Mkdir(at("a"), 0o700) }, nil},
		{"mkdir again", func() error { return os.Mkdir(at("a"), 0o700) }, fs.ErrExist},
		{"rename", func() error { return os.Rename(at("a"), at("b")) }, nil},
		{"remove", func() error { return os.Remove(at("b")) }, nil},
		{"remove again", func() error { return os.Remove(at("b")) }, fs.ErrNotExist},
	} {
		op.PrepCall(r, c.call)
		op.Start(done)
		if _, err := done.next(t).Result(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
