package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// A proxy is a directory that the go command can use as a file GOPROXY, and that
// a static file server can serve as one.
type proxy string

// file is the place of a version's .info, .mod or .zip file.
func (x proxy) file(m module.Version, ext string) (string, error) {
	path, err := module.EscapePath(m.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(m.Version)
	if err != nil {
		return "", err
	}
	return filepath.Join(string(x), filepath.FromSlash(path), "@v", version+ext), nil
}

// unzip writes the files of a version into dir.
func (x proxy) unzip(m module.Version, dir string) error {
	name, err := x.file(m, ".zip")
	if err != nil {
		return err
	}
	return modzip.Unzip(dir, m, name)
}

// zipped reads one file of a module zip.
func zipped(name string, m module.Version, file string) ([]byte, error) {
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	f, err := z.Open(m.Path + "@" + m.Version + "/" + file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// conflict refuses a version that x has with other content.
func (x proxy) conflict(staged proxy, m module.Version) error {
	name, err := x.file(m, ".zip")
	if err != nil {
		return err
	}
	if _, err := os.Stat(name); err != nil {
		return nil
	}
	have, err := dirhash.HashZip(name, dirhash.DefaultHash)
	if err != nil {
		return err
	}
	want, _, err := staged.hashes(m)
	if err != nil {
		return err
	}
	if have != want {
		return refuse("version already used: %s holds another %s; give it a new number or remove the directory", x, m)
	}
	return nil
}

// take copies a version out of the staging directory and lists it.
func (x proxy) take(staged proxy, m module.Version) error {
	for _, ext := range []string{".mod", ".zip", ".info"} {
		from, err := staged.file(m, ext)
		if err != nil {
			return err
		}
		to, err := x.file(m, ext)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o666); err != nil {
			return err
		}
	}
	return x.list(m)
}

// list adds a version to the module's list. Pseudo-versions are not listed: they are
// fetched by name only, so that nobody gets one who asked for the latest.
func (x proxy) list(m module.Version) error {
	zip, err := x.file(m, ".zip")
	if err != nil {
		return err
	}
	name := filepath.Join(filepath.Dir(zip), "list")
	data, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	versions := strings.Fields(string(data))
	if !module.IsPseudoVersion(m.Version) && !slices.Contains(versions, m.Version) {
		versions = append(versions, m.Version)
	}
	semver.Sort(versions)
	text := strings.Join(versions, "\n")
	if text != "" {
		text += "\n"
	}
	return os.WriteFile(name, []byte(text), 0o666)
}

// hashes are the h1 hashes of a version's zip and go.mod, as go.sum has them.
func (x proxy) hashes(m module.Version) (zip, mod string, err error) {
	name, err := x.file(m, ".zip")
	if err != nil {
		return "", "", err
	}
	if zip, err = dirhash.HashZip(name, dirhash.DefaultHash); err != nil {
		return "", "", err
	}
	data, err := zipped(name, m, "go.mod")
	if err != nil {
		return "", "", err
	}
	mod, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
	return zip, mod, err
}

// sumLines are the two go.sum lines of a dependant.
func (x proxy) sumLines(m module.Version) ([]string, error) {
	zip, mod, err := x.hashes(m)
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("%s %s %s", m.Path, m.Version, zip),
		fmt.Sprintf("%s %s/go.mod %s", m.Path, m.Version, mod),
	}, nil
}
