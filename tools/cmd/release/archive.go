package main

import (
	"archive/zip"
	"io"
	"io/fs"
	"strings"

	modzip "golang.org/x/mod/zip"
)

// An archived file is one of a module's files as a commit or tree has it. (x/mod's own
// CreateFromVCS knows neither trees nor linked worktrees.)
type archived struct {
	path string // in the module
	file *zip.File
}

func (a archived) Path() string                 { return a.path }
func (a archived) Lstat() (fs.FileInfo, error)  { return a.file.FileInfo(), nil }
func (a archived) Open() (io.ReadCloser, error) { return a.file.Open() }

// archive lists the files of a library's module zip. As the go command does, it takes the
// LICENSE from the root where the module has none.
func (r *repo) archive(rev string, l lib) ([]modzip.File, error) {
	// The options keep line endings as committed, whatever the machine prefers.
	args := []string{"-c", "core.autocrlf=input", "-c", "core.eol=lf", "archive", "--format=zip", rev, l.dir}
	if _, err := r.git("cat-file", "-e", rev+":LICENSE"); err == nil {
		args = append(args, "LICENSE")
	}
	data, err := r.gitEnv(nil, args...)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var files []modzip.File
	var root *zip.File
	own := false
	for _, f := range z.File {
		switch name, inside := strings.CutPrefix(f.Name, l.dir+"/"); {
		case strings.HasSuffix(f.Name, "/"):
		case inside:
			files = append(files, archived{name, f})
			own = own || name == "LICENSE"
		case f.Name == "LICENSE":
			root = f
		}
	}
	if root != nil && !own {
		files = append(files, archived{"LICENSE", root})
	}
	return files, nil
}
