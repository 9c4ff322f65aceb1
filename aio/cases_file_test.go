//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// What no poller reports is never waited for: regular files end, a directory
// is an error, and the null device takes and gives nothing for ever.
func TestC26_FilesAndDevices(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		ctx := soon(t)
		p := make([]byte, 8)

		plain := must(os.CreateTemp(t.TempDir(), ""))
		defer plain.Close()
		plain.WriteString("abc")
		f := must(r.AdoptConn(plain)) // shares the position, which is at the end
		if f.Kind() != aio.KindFile {
			t.Errorf("a regular file is %v", f.Kind())
		}
		if n, err := f.Read(ctx, p); n != 0 || err != io.EOF {
			t.Errorf("a file at its end: %d, %v", n, err)
		}
		plain.Seek(1, io.SeekStart)
		if n, err := f.Read(ctx, p); n != 2 || err != nil {
			t.Errorf("two bytes before the end: %d, %v", n, err)
		}
		if err := f.Wait(ctx, aio.Readable|aio.Writable); err != nil {
			t.Errorf("a file is always ready: %v", err)
		}

		dir := must(r.Open(ctx, t.TempDir(), os.O_RDONLY, 0))
		// Some systems let a program read what the disk has.
		if n, err := dir.Read(ctx, p); !errors.Is(err, syscall.EISDIR) && (err != nil || runtime.GOOS == "linux") {
			t.Errorf("reading a directory: %d, %v", n, err)
		}

		null := must(r.Open(ctx, os.DevNull, os.O_RDWR, 0))
		if null.Kind() != aio.KindOther {
			t.Errorf("the null device is %v", null.Kind())
		}
		for range 2 {
			if n, err := null.Read(ctx, p); n != 0 || err != io.EOF {
				t.Errorf("reading the null device: %d, %v", n, err)
			}
			if n, err := null.WriteAll(ctx, p); n != 8 || err != nil {
				t.Errorf("writing to it: %d, %v", n, err)
			}
		}
		if err := null.Wait(ctx, aio.Writable); err != nil {
			t.Errorf("the null device is always ready: %v", err)
		}
	})
}

// A FIFO that nobody has opened to write does not hold Open up. It ends when
// its last writer leaves, which makes no poller spin, and goes on with the
// next one.
func TestC28_FIFOWithoutWriter(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		ctx := soon(t)
		name := filepath.Join(t.TempDir(), "fifo")
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Open(ctx, name, os.O_WRONLY, 0); !errors.Is(err, syscall.ENXIO) {
			t.Errorf("opened to write before there is a reader: %v", err)
		}
		rd := must(r.Open(ctx, name, os.O_RDONLY, 0))
		if rd.Kind() != aio.KindOther {
			t.Errorf("a FIFO is %v", rd.Kind())
		}
		p := make([]byte, 8)
		if runtime.GOOS != "linux" { // FreeBSD has it wait for the first one
			rd.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		}
		if n, err := rd.Read(ctx, p); n != 0 || err != io.EOF && (err != os.ErrDeadlineExceeded || runtime.GOOS == "linux") {
			t.Errorf("without a writer: %d, %v", n, err)
		}
		rd.SetReadDeadline(time.Time{})
		for i := range 3 {
			wr := must(r.Open(ctx, name, os.O_WRONLY, 0))
			done := make(collect, 1)
			var op aio.Op
			op.PrepRead(rd, p)
			op.Start(done)
			if n, err := wr.WriteAll(ctx, []byte{byte(i)}); n != 1 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			if n, err := done.next(t).Result(); n != 1 || err != nil || p[0] != byte(i) {
				t.Fatalf("writer %d: %d, %v, %d", i, n, err, p[0])
			}
			op.Start(done) // waits for a writer that will leave
			wr.Close()
			if n, err := done.next(t).Result(); n != 0 || err != io.EOF {
				t.Fatalf("after writer %d: %d, %v", i, n, err)
			}
			if n, err := rd.Read(ctx, p); n != 0 || err != io.EOF {
				t.Fatalf("once more: %d, %v", n, err)
			}
		}
		// A hang-up that is not looked at is no event again and again.
		before := r.Stats().Waits
		var op aio.Op
		done := make(collect, 1)
		for range 50 { // turns of the poller
			op.PrepTimeout(r, 0)
			op.Start(done)
			done.next(t)
		}
		if n := r.Stats().Waits - before; n > 200 {
			t.Errorf("%d wake-ups for 50 turns", n)
		}
	})
}

// A buffer longer than a system call takes goes in pieces, and so do more
// buffers than it takes, of which some may be empty.
func TestC32_LongBuffersAndVectors(t *testing.T) {
	t.Run("vector", func(t *testing.T) {
		each(t, func(t *testing.T, r *aio.Ring) {
			rd, wr, _ := r.Pipe()
			var bufs [][]byte
			var want []byte
			for i := range 3*sys.MaxVector + 1 {
				b := bytes.Repeat([]byte{byte(i)}, i%4) // each fourth is empty
				bufs, want = append(bufs, b), append(want, b...)
			}
			if n, err := wr.Writev(soon(t), bufs); n != len(want) || err != nil {
				t.Fatalf("%d, %v, want %d", n, err, len(want))
			}
			got := make([]byte, len(want))
			if _, err := rd.ReadFull(soon(t), got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v, or not the same", err)
			}
		})
	})
	t.Run("buffer", func(t *testing.T) {
		if raceEnabled || strconv.IntSize == 32 {
			t.Skip("no room for the buffer's shadow, or for the buffer")
		}
		k := &counted{Kernel: sys.Host()}
		r := newRing(t, aio.Thread, k)
		null := must(r.Adopt(must(syscall.Open(os.DevNull, syscall.O_RDWR, 0)), aio.KindAuto))
		size := 1 << 30
		size += size + 1
		p, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			t.Skip("no room for the buffer:", err)
		}
		defer syscall.Munmap(p) // never touched, so it took no memory
		if n, err := null.WriteAll(soon(t), p); n != len(p) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if k.writes != 3 {
			t.Errorf("%d calls for two GiB and a byte, want 3", k.writes)
		}
		if n, err := null.Writev(soon(t), [][]byte{p, nil, p[:1]}); n != len(p)+1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// counted counts writes, and says so when one was longer than it may be.
type counted struct {
	sys.Kernel
	writes int
}

func (c *counted) Write(fd int, p []byte) (int, sys.Errno) {
	n, e := c.Kernel.Write(fd, p)
	if len(p) > 1<<20 || n == 1 { // not what wakes the poller
		c.writes++
	}
	return n, e
}
