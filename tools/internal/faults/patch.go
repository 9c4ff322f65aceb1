package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// Apply applies the fault's diff to the module in dir and returns the changed
// files by absolute name; a nil text is a removed file. It is strict: each line
// of context must be where the diff says, so a diff that went stale is an error
// and never hits another place.
func (f *Fault) Apply(dir string) (map[string][]byte, error) {
	files, preamble, err := gitdiff.Parse(strings.NewReader(f.Diff))
	if err != nil {
		return nil, fmt.Errorf("the diff cannot be read: %w", err)
	}
	if strings.TrimSpace(preamble) != "" {
		return nil, fmt.Errorf("text before the diff: %q", strings.TrimSpace(preamble))
	}
	if len(files) == 0 {
		return nil, errors.New("no diff")
	}
	out := make(map[string][]byte)
	git := strings.HasPrefix(f.Diff, "diff --git ")
	for _, file := range files {
		name, err := nameOf(file, git)
		if err != nil {
			return nil, err
		}
		if err := apply(out, dir, name, file); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nameOf gives the path of a file in the module. The parser drops the first
// element of the paths in git's headers and leaves those of plain diffs alone.
func nameOf(file *gitdiff.File, git bool) (string, error) {
	name, prefix := file.NewName, "b/"
	if file.IsDelete {
		name, prefix = file.OldName, "a/"
	}
	if git {
		return name, nil
	}
	bare, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return "", fmt.Errorf("%s: the paths of the diff must begin with a/ and b/", name)
	}
	return bare, nil
}

func apply(out map[string][]byte, dir, name string, file *gitdiff.File) error {
	if file.IsRename || file.IsCopy || file.IsBinary {
		return fmt.Errorf("%s: only changes of text can be applied", name)
	}
	if len(file.TextFragments) == 0 {
		return fmt.Errorf("%s: the diff changes nothing", name)
	}
	full, err := within(dir, name)
	if err != nil {
		return err
	}
	if _, twice := out[full]; twice {
		return fmt.Errorf("%s: the diff has it twice", name)
	}
	src, err := os.ReadFile(full)
	switch {
	case file.IsNew && err == nil:
		return fmt.Errorf("%s: the diff makes a file that exists", name)
	case file.IsNew && errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("the diff is stale: %w", err)
	}
	var text bytes.Buffer
	if err := gitdiff.Apply(&text, bytes.NewReader(src), file); err != nil {
		return fmt.Errorf("%s: the diff is stale: %w", name, err)
	}
	if bytes.Equal(text.Bytes(), src) {
		return fmt.Errorf("%s: the diff changes nothing", name)
	}
	out[full] = text.Bytes()
	if file.IsDelete {
		out[full] = nil
	}
	return nil
}

// within joins a name from a diff to dir, and refuses one that leaves it.
func within(dir, name string) (string, error) {
	name = filepath.FromSlash(name)
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%s: not a path in the module", name)
	}
	return filepath.Join(dir, name), nil
}
