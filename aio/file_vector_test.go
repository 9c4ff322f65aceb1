//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"example.com/interlock/aio"
)

// A regular file takes and gives vectors at its position, and ends.
func TestVectorsOfAFile(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		ctx := soon(t)
		f, err := r.Open(ctx, filepath.Join(t.TempDir(), "file"), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		want := noise(100_000)
		if n, err := f.Writev(ctx, split(want, 2000, rand.New(rand.NewPCG(1, 1)))); n != len(want) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		got := make([]byte, len(want))
		if n, err := f.ReadAt(ctx, got, 0); n != len(want) || err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d, %v, or not the same", n, err)
		}
		if n, err := f.Readv(ctx, [][]byte{got}); n != 0 || err != io.EOF {
			t.Errorf("behind the end: %d, %v", n, err)
		}
	})
}
