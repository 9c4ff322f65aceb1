package main

import (
	"bytes"
	"go/format"
	"path"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// replacePrefix replaces old by new wherever it stands as whole path elements. A dot after it
// may end a sentence.
func replacePrefix(data []byte, old, new string) []byte {
	inPath := func(s []byte) bool {
		if len(s) == 0 {
			return false
		}
		c := s[0]
		return c == '_' || c == '~' || c == '-' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
	}
	var out []byte
	for {
		i := bytes.Index(data, []byte(old))
		if i < 0 {
			return append(out, data...)
		}
		rest := data[i+len(old):]
		longer := inPath(rest) || len(rest) > 0 && rest[0] == '.' && inPath(rest[1:])
		within := i > 0 && (inPath(data[i-1:]) || data[i-1] == '.')
		out = append(out, data[:i]...)
		if longer || within {
			out = append(out, old...)
		} else {
			out = append(out, new...)
		}
		data = rest
	}
}

// arrange puts lines back into the order that their format wants, since a new prefix can sort
// elsewhere. A Go file that was not in gofmt's form stays out of it.
func arrange(name string, old, text []byte) ([]byte, error) {
	switch base := path.Base(name); {
	case base == "go.mod":
		mod, err := modfile.Parse(name, text, nil)
		if err != nil {
			return text, nil // a fixture
		}
		mod.SortBlocks()
		return mod.Format()
	case base == "go.work":
		work, err := modfile.ParseWork(name, text, nil)
		if err != nil {
			return text, nil
		}
		work.SortBlocks()
		return modfile.Format(work.Syntax), nil
	case base == "go.sum" || base == "go.work.sum":
		return sortSums(sumsWithout(text, func(module.Version) bool { return false })), nil
	case strings.HasSuffix(base, ".go"):
		if was, err := format.Source(old); err == nil && bytes.Equal(was, old) {
			return format.Source(text)
		}
	}
	return text, nil
}
