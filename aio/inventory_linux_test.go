package aio_test

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/interlock/aio"
)

// Open passes the flags on that only linux has.
func TestOpenFlagsOfLinux(t *testing.T) {
	r := newRing(t, aio.Auto)
	dir := t.TempDir()
	f, err := r.Open(soon(t), dir, unix.O_TMPFILE|os.O_RDWR, 0o600)
	if err != nil {
		t.Skip("no unnamed files here:", err)
	}
	if n, err := f.WriteAll(soon(t), []byte("abc")); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if names := must(os.ReadDir(dir)); len(names) > 0 {
		t.Errorf("the file has a name: %v", names)
	}
	g := must(r.Open(soon(t), filepath.Join(dir, "g"), os.O_CREATE|os.O_RDWR|unix.O_DIRECT, 0o600))
	page := make([]byte, 2*4096)
	page = page[4096-uintptr(unsafe.Pointer(unsafe.SliceData(page)))%4096:][:4096]
	page[7] = 7
	if n, err := g.WriteAt(soon(t), page, 0); n != 4096 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	page[7] = 0
	if n, err := g.ReadAt(soon(t), page, 0); n != 4096 || err != nil || page[7] != 7 {
		t.Errorf("%d, %v", n, err)
	}
}

// Descriptors of linux's own kinds can be adopted: here one that watches a
// directory.
func TestAdoptOfLinux(t *testing.T) {
	r := newRing(t, aio.Auto)
	dir := t.TempDir()
	n := must(unix.InotifyInit1(unix.IN_CLOEXEC))
	must(unix.InotifyAddWatch(n, dir, unix.IN_CREATE))
	w := must(r.Adopt(n, aio.KindAuto))
	done := make(collect, 1)
	p := make([]byte, 4096)
	var op aio.Op
	op.PrepRead(w, p)
	op.Start(done)
	pending(t, r, 1)
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := done.next(t).Result(); n < unix.SizeofInotifyEvent || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if e := (*unix.InotifyEvent)(unsafe.Pointer(unsafe.SliceData(p))); e.Mask&unix.IN_CREATE == 0 {
		t.Errorf("event %x", e.Mask)
	}
}
