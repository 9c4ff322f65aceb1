//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// tempFile is a new file on the ring with the given content, and its path.
func tempFile(t testing.TB, r *aio.Ring, content string) (*aio.FD, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := r.Open(soon(t), name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f, name
}

func TestFileReadsAndWrites(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, name := tempFile(t, r, "0123456789")
		ctx := soon(t)
		if f.Kind() != aio.KindFile {
			t.Errorf("a %v", f.Kind())
		}
		p := make([]byte, 4)
		for _, want := range []string{"0123", "4567", "89"} {
			if n, err := f.Read(ctx, p); err != nil || string(p[:n]) != want {
				t.Errorf("%q, %v, want %q", p[:n], err, want)
			}
		}
		for range 2 {
			if n, err := f.Read(ctx, p); n != 0 || err != io.EOF {
				t.Errorf("at the end: %d, %v", n, err)
			}
		}
		if n, err := f.ReadAt(ctx, p, 3); err != nil || string(p[:n]) != "3456" {
			t.Errorf("%q, %v", p[:n], err)
		}
		if n, err := f.ReadAt(ctx, p, 8); err != nil || string(p[:n]) != "89" {
			t.Errorf("%q, %v", p[:n], err)
		}
		if n, err := f.ReadAt(ctx, p, 10); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
		if n, err := f.ReadAt(ctx, nil, 99); n != 0 || err != nil {
			t.Errorf("of nothing: %d, %v", n, err)
		}
		if _, err := f.ReadAt(ctx, p, -1); err == nil || err == io.EOF {
			t.Errorf("at a negative offset: %v", err)
		}
		if n, err := f.WriteAll(ctx, []byte("abc")); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := f.Write(ctx, []byte("de")); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := f.WriteAt(ctx, []byte("XY"), 1); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if got := must(os.ReadFile(name)); string(got) != "0XY3456789abcde" {
			t.Errorf("the file has %q", got)
		}
		long := make([]byte, 9)
		if n, err := f.ReadFull(ctx, long); n != 0 || err != io.EOF {
			t.Errorf("%d, %v", n, err)
		}
		f.Close()
		if _, err := f.ReadAt(ctx, p, 0); err != aio.ErrClosed {
			t.Error(err)
		}
	})
}

func TestFileReadFullCutShort(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, _ := tempFile(t, r, "abc")
	if n, err := f.ReadFull(soon(t), make([]byte, 5)); n != 3 || err != io.ErrUnexpectedEOF {
		t.Errorf("%d, %v", n, err)
	}
}

func TestFileOpsComplete(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, name := tempFile(t, r, "")
	done := make(collect, 64)
	var ops [64]aio.Op
	for i := range ops { // one direction: in order, though many workers could run them
		ops[i].PrepWrite(f, []byte{byte(i), byte(i)})
		ops[i].Start(done)
	}
	for i := range ops {
		if n, err := done.next(t).Result(); n != 2 || err != nil {
			t.Error(i, n, err)
		}
	}
	got := must(os.ReadFile(name))
	for i := range ops {
		if got[2*i] != byte(i) || got[2*i+1] != byte(i) {
			t.Fatalf("% x", got)
		}
	}
	bufs := make([][2]byte, len(ops))
	for i := range ops {
		ops[i].PrepReadAt(f, bufs[i][:], int64(2*i))
		ops[i].Start(done)
	}
	for range ops {
		if n, err := done.next(t).Result(); n != 2 || err != nil {
			t.Error(n, err)
		}
	}
	for i, b := range bufs {
		if b[0] != byte(i) {
			t.Errorf("read %d at %d", b[0], i)
		}
	}
	ops[0].PrepWriteAt(f, []byte("!"), 0)
	ops[0].Start(done)
	if n, err := done.next(t).Result(); n != 1 || err != nil {
		t.Error(n, err)
	}
	if must(os.ReadFile(name))[0] != '!' {
		t.Error("nothing written")
	}
}

// blocked keeps all workers of r busy until the returned function is called.
func blocked(t *testing.T, r *aio.Ring, workers int) (release func()) {
	t.Helper()
	hold, begun := make(chan struct{}), make(chan struct{}, workers)
	done := make(collect, workers)
	ops := make([]aio.Op, workers)
	for i := range ops {
		ops[i].PrepCall(r, func() error { begun <- struct{}{}; <-hold; return nil })
		ops[i].Start(done)
	}
	for range ops {
		<-begun
	}
	return func() {
		close(hold)
		for range ops {
			done.next(t)
		}
	}
}

func TestFileWaitsForAWorkerAndCanBeCancelled(t *testing.T) {
	r := withWorkers(t, 1)
	f, name := tempFile(t, r, "abc")
	release := blocked(t, r, 1)
	ctx, cancel := context.WithCancel(t.Context())
	synced := make(chan error)
	go func() { synced <- f.Sync(ctx) }()
	pending(t, r, 2)
	cancel()
	if err := <-synced; err != context.Canceled {
		t.Error(err)
	}
	if err := f.SetReadDeadline(time.Now().Add(-1)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(t.Context(), make([]byte, 1), 0); err != os.ErrDeadlineExceeded {
		t.Error(err)
	}
	f.SetReadDeadline(time.Time{})
	go func() { synced <- f.Truncate(t.Context(), 1) }()
	pending(t, r, 2)
	f.Close()
	if err := <-synced; err != aio.ErrClosed {
		t.Error(err)
	}
	if _, err := r.Open(canceled(), name, os.O_RDONLY, 0); err != context.Canceled {
		t.Error(err)
	}
	release()
	if got := must(os.ReadFile(name)); string(got) != "abc" {
		t.Errorf("truncated after Close: %q", got)
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestFileCalls(t *testing.T) {
	r := newRing(t, aio.Auto)
	ctx := soon(t)
	f, name := tempFile(t, r, "0123456789")
	if err := errors.Join(f.Sync(ctx), f.Datasync(ctx), f.Truncate(ctx, 4)); err != nil {
		t.Error(err)
	}
	in, err := f.Stat(ctx)
	if err != nil || in.Size() != 4 || !in.Mode().IsRegular() || in.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", in, err)
	}
	if runtime.GOOS == "linux" && in.Name() != filepath.Base(name) {
		t.Errorf("name %q", in.Name())
	}
	switch err := f.Allocate(ctx, 0, 100); {
	case errors.Is(err, errors.ErrUnsupported):
	case err != nil:
		t.Error(err)
	case must(f.Stat(ctx)).Size() != 100:
		t.Errorf("size %d", must(f.Stat(ctx)).Size())
	}
	if err := f.Advise(ctx, 0, 0, 0); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := f.Truncate(ctx, -1); err == nil {
		t.Error("a negative size")
	}
	var oe *aio.OpError
	if _, err := r.Open(ctx, name+"x", os.O_RDONLY, 0); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &oe) || oe.Op != "open" {
		t.Error(err)
	}
	g, err := r.Open(ctx, name+"x", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if m := must(g.Stat(ctx)).Mode(); m&^0o022 != 0o640&^0o022 {
		t.Errorf("mode %v", m)
	}
	if _, err := g.Read(ctx, make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("read of a file open for writing: %v", err)
	}
	if _, err := r.Open(ctx, name+"x", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	rd, _, _ := r.Pipe()
	if _, err := rd.ReadAt(ctx, make([]byte, 1), 0); err == nil {
		t.Error("ReadAt of a pipe")
	}
	r.Close()
	if _, err := r.Open(ctx, name, os.O_RDONLY, 0); err != aio.ErrClosed {
		t.Error(err)
	}
}

func TestFileReadsFromPool(t *testing.T) {
	r := newRing(t, aio.Auto)
	content := bytes.Repeat([]byte("0123456789"), 100)
	f, _ := tempFile(t, r, string(content))
	var got []byte
	for b, err := range f.Reads(soon(t), aio.NewPool(64, 1)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b.Bytes()...)
		b.Release()
	}
	if !bytes.Equal(got, content) {
		t.Errorf("%d bytes, want %d", len(got), len(content))
	}
}

func TestFileVectors(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, name := tempFile(t, r, "")
	ctx := soon(t)
	if n, err := f.Writev(ctx, [][]byte{[]byte("ab"), nil, []byte("cde")}); n != 5 || err != nil {
		t.Error(n, err)
	}
	if got := must(os.ReadFile(name)); string(got) != "abcde" {
		t.Errorf("%q", got)
	}
	f, _ = tempFile(t, r, "0123")
	a, b := make([]byte, 1), make([]byte, 9)
	if n, err := f.Readv(ctx, [][]byte{a, b}); n != 4 || err != nil || string(b[:3]) != "123" {
		t.Error(n, err)
	}
	if n, err := f.Readv(ctx, [][]byte{a, b}); n != 0 || err != io.EOF {
		t.Error(n, err)
	}
}

// opens is the machine's kernel, but that Open gives a number that is none, or
// an error, and Adopt fails.
type opens struct {
	sys.Kernel
	sys.Files
	e      sys.Errno
	perm   uint32
	closed atomic.Int64
}

const opensNumber = 1 << 20

func (k *opens) Open(_ string, _ int, perm uint32) (int, sys.Errno) {
	k.perm = perm
	return opensNumber, k.e
}

func (k *opens) Adopt(int) (sys.Info, sys.Errno) { return sys.Info{}, syscall.EIO }

func (k *opens) Close(fd int) sys.Errno {
	if fd != opensNumber {
		return k.Kernel.Close(fd)
	}
	k.closed.Add(1)
	return 0
}

func TestOpenGivesTheModeInTheSystemsBits(t *testing.T) {
	k := &opens{Kernel: sys.Host(), Files: sys.Host().(sys.Files), e: syscall.EISDIR}
	r := newRing(t, aio.Auto, k)
	for mode, want := range map[fs.FileMode]uint32{
		0o640: 0o640, fs.ModeSetuid | 0o755: 0o4755, fs.ModeSetgid | 0o700: 0o2700, fs.ModeSticky | 0o777: 0o1777, fs.ModeDir: 0,
	} {
		if _, err := r.Open(soon(t), "name", os.O_CREATE, mode); !errors.Is(err, k.e) || !strings.HasPrefix(err.Error(), "aio: open name: ") {
			t.Error(err)
		}
		if k.perm != want {
			t.Errorf("%v: %#o, want %#o", mode, k.perm, want)
		}
	}
	if n := k.closed.Load(); n != 0 {
		t.Errorf("%d descriptors were closed, and none opened", n)
	}
}

// What was opened and cannot be taken in is closed.
func TestOpenOfWhatCannotBeAdopted(t *testing.T) {
	k := &opens{Kernel: sys.Host(), Files: sys.Host().(sys.Files)}
	r := newRing(t, aio.Auto, k)
	if f, err := r.Open(soon(t), "name", os.O_RDONLY, 0); f != nil || !errors.Is(err, syscall.EIO) || !strings.HasPrefix(err.Error(), "aio: open name: ") {
		t.Error(err)
	}
	if n := k.closed.Load(); n != 1 {
		t.Errorf("closed %d times", n)
	}
}

// Where a kernel has no calls for files, those say so that cannot do without.
func TestKernelWithoutFiles(t *testing.T) {
	r := newRing(t, aio.Auto, bend())
	ctx := soon(t)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := must(os.OpenFile(name, os.O_RDWR, 0))
	defer file.Close()
	f := must(r.AdoptConn(file))
	_, open := r.Open(ctx, name, os.O_RDONLY, 0)
	_, readAt := f.ReadAt(ctx, make([]byte, 1), 0)
	_, writeAt := f.WriteAt(ctx, make([]byte, 1), 0)
	_, stat := f.Stat(ctx)
	_, sendFile := f.SendFile(ctx, f, 0, 1)
	for what, err := range map[string]error{
		"open " + name: open, "read": readAt, "write": writeAt, "stat": stat, "sync": f.Sync(ctx), "datasync": f.Datasync(ctx),
		"truncate": f.Truncate(ctx, 1), "allocate": f.Allocate(ctx, 0, 1), "advise": f.Advise(ctx, 0, 1, 0), "read by SendFile": sendFile,
	} {
		op, _, _ := strings.Cut(what, " by ")
		if !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "aio: "+op+": ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	p := make([]byte, 20)
	if n, err := f.Read(ctx, p); string(p[:n]) != "0123456789" || err != nil {
		t.Errorf("%q, %v", p[:n], err)
	}
	rd, wr, _ := r.Pipe()
	wr.Write(ctx, []byte("abc"))
	wr.Close()
	if n, err := rd.SpliceTo(ctx, f, -1); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := must(os.ReadFile(name)); string(got) != "0123456789abc" {
		t.Errorf("%q", got)
	}
}
