package modelrun

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// overlayFile writes the rewritten files and the overlay that puts them in
// place.
func (s *session) overlayFile(t *target, out map[string][]byte) (string, error) {
	s.runs++
	dir := filepath.Join(s.ws.dir, fmt.Sprintf("run%d", s.runs))
	replace := make(map[string]string)
	for _, name := range t.absent {
		replace[name] = ""
	}
	for name, text := range out {
		to := filepath.Join(dir, fmt.Sprintf("%d", len(replace)), filepath.Base(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return "", err
		}
		if err := os.WriteFile(to, text, 0o666); err != nil {
			return "", err
		}
		replace[name] = to
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, text, 0o666)
}

// export writes the rewritten files for a reader.
func (s *session) export(t *target, out map[string][]byte) error {
	var names []string
	for name := range out {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rel, err := filepath.Rel(t.dir, name)
		if err != nil {
			return err
		}
		to := filepath.Join(s.o.Out, strings.ReplaceAll(rel, "..", "_"))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(to, out[name], 0o666); err != nil {
			return err
		}
		fmt.Fprintln(s.o.Stdout, to)
	}
	return nil
}
