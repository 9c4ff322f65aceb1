//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
)

// The property, for any history of calls on a file whose bytes are now and
// then not in memory, that moves less than it was asked to, and that may run
// out of room: each operation does what it does to the plain bytes of the
// specification, no matter whether it was made at once or by a worker.
func TestPropFiles(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		rapid.Check(t, func(t *rapid.T) {
			h := newFileHistory(t, m)
			t.Repeat(map[string]func(*rapid.T){
				"read":     h.read,
				"full":     h.readFull,
				"readAt":   h.readAt,
				"pool":     h.readPool,
				"write":    h.write,
				"writeAt":  h.writeAt,
				"truncate": h.truncate,
			})
			h.end()
		})
	})
}

// fileHistory is a file and its specification: its bytes, and the position.
type fileHistory struct {
	t    *rapid.T
	k    *simkernel.Kernel
	disk *simkernel.Disk
	r    *aio.Ring
	f    *aio.FD
	pool *aio.Pool
	data []byte
	at   int
	room int // what the disk has for it; negative: no limit
}

func newFileHistory(t *rapid.T, m simkernel.Manners) *fileHistory {
	chance := func(name string) float64 { return []float64{0, 0.3, 1}[rapid.IntRange(0, 2).Draw(t, name)] }
	k := simkernel.New(simkernel.Config{
		Manners: m, Seed: rapid.Uint64().Draw(t, "seed"),
		Chance: simkernel.Chance{Short: chance("short"), Interrupt: chance("interrupt") / 2, Spurious: chance("spurious") / 2},
	})
	h := &fileHistory{t: t, k: k, disk: simkernel.NewDisk(k, chance("cold")), pool: aio.NewPool(5, 1), room: -1}
	h.r = must(aio.NewOn(h.disk, &aio.Options{Poller: aio.Manual, Workers: 2, Budget: 3}))
	fd, e := h.disk.Open("/f", os.O_CREATE|os.O_RDWR, 0)
	if e != 0 {
		t.Fatal(e)
	}
	h.f = must(h.r.Adopt(fd, aio.KindAuto))
	if rapid.Bool().Draw(t, "small disk") {
		h.room = 40
		h.disk.Space(h.room)
	}
	return h
}

// do runs one operation to its end.
func (h *fileHistory) do(prep func(op *aio.Op)) (*aio.Op, int, error) {
	h.t.Helper()
	var op aio.Op
	over := 0
	prep(&op)
	op.Start(aio.HandlerFunc(func(*aio.Op) { over++ }))
	for i := 0; op.Pending(); i++ {
		for h.r.Workers() > 0 {
			runtime.Gosched()
		}
		h.r.Wake()
		must(h.r.Poll(h.t.Context(), 3))
		if i > 10_000 {
			h.t.Fatal("it does not end")
		}
	}
	if over != 1 {
		h.t.Fatalf("completed %d times", over)
	}
	n, err := op.Result()
	return &op, n, err
}

// got compares what was read from an offset with the specification.
func (h *fileHistory) got(p []byte, size, off int, err error) {
	h.t.Helper()
	left := h.data[min(off, len(h.data)):]
	switch {
	case size == 0:
		if len(p) != 0 || err != nil {
			h.t.Fatalf("of nothing: %d, %v", len(p), err)
		}
	case len(left) == 0:
		if len(p) != 0 || err != io.EOF {
			h.t.Fatalf("at the end: %d, %v", len(p), err)
		}
	case err != nil || len(p) == 0 || len(p) > size || !bytes.HasPrefix(left, p):
		h.t.Fatalf("%q of %q, %v", p, left, err)
	}
}

func (h *fileHistory) size(t *rapid.T) []byte {
	return make([]byte, rapid.IntRange(0, 20).Draw(t, "size"))
}

func (h *fileHistory) read(t *rapid.T) {
	p := h.size(t)
	_, n, err := h.do(func(op *aio.Op) { op.PrepRead(h.f, p) })
	h.got(p[:n], len(p), h.at, err)
	h.at += n
}

func (h *fileHistory) readFull(t *rapid.T) {
	p := h.size(t)
	left := max(len(h.data)-h.at, 0)
	_, n, err := h.do(func(op *aio.Op) { op.PrepReadFull(h.f, p) })
	if n > 0 && n < len(p) && err == io.ErrUnexpectedEOF {
		err = nil
	}
	h.got(p[:n], len(p), h.at, err)
	if n != min(len(p), left) {
		t.Fatalf("%d bytes of %d, with %d left", n, len(p), left)
	}
	h.at += n
}

func (h *fileHistory) readAt(t *rapid.T) {
	p, off := h.size(t), rapid.IntRange(0, 50).Draw(t, "offset")
	_, n, err := h.do(func(op *aio.Op) { op.PrepReadAt(h.f, p, int64(off)) })
	h.got(p[:n], len(p), off, err)
}

func (h *fileHistory) readPool(t *rapid.T) {
	op, n, err := h.do(func(op *aio.Op) { op.PrepReadPool(h.f, h.pool) })
	var p []byte
	if b := op.Buf(); b != nil {
		p = bytes.Clone(b.Bytes())
		b.Release()
	}
	if len(p) != n {
		t.Fatalf("%d bytes in the buffer, the result is %d", len(p), n)
	}
	h.got(p, 5, h.at, err)
	h.at += n
}

// wrote takes a write in.
func (h *fileHistory) wrote(p []byte, off, n int, err error) {
	h.t.Helper()
	switch {
	case err == nil && n == len(p):
	case h.room >= 0 && n < len(p) && outcome(n, err) == syscall.ENOSPC.Error():
	default:
		h.t.Fatalf("%d of %d written, %v", n, len(p), err)
	}
	if n == 0 {
		return
	}
	if more := off + n - len(h.data); more > 0 {
		h.data = append(h.data, make([]byte, more)...)
	}
	copy(h.data[off:], p[:n])
}

func (h *fileHistory) bytes(t *rapid.T) []byte {
	return rapid.SliceOfN(rapid.ByteRange('a', 'z'), 0, 20).Draw(t, "bytes")
}

func (h *fileHistory) write(t *rapid.T) {
	p := h.bytes(t)
	_, n, err := h.do(func(op *aio.Op) { op.PrepWriteAll(h.f, p) })
	h.wrote(p, h.at, n, err)
	h.at += n
}

func (h *fileHistory) writeAt(t *rapid.T) {
	p, off := h.bytes(t), rapid.IntRange(0, 50).Draw(t, "offset")
	_, n, err := h.do(func(op *aio.Op) { op.PrepWriteAt(h.f, p, int64(off)) })
	h.wrote(p, off, n, err)
}

func (h *fileHistory) truncate(t *rapid.T) {
	n := rapid.IntRange(0, 60).Draw(t, "length")
	if e := h.disk.Truncate(h.f.Sysfd(), int64(n)); e != 0 {
		t.Fatal(e)
	}
	h.data = append(h.data, make([]byte, max(n-len(h.data), 0))...)[:n]
}

func (h *fileHistory) end() {
	p := make([]byte, 1<<14)
	n := 0
	for {
		m, e := h.disk.ReadAt(h.f.Sysfd(), p[n:], int64(n), true)
		if e != 0 || m == 0 {
			break
		}
		n += m
	}
	if !bytes.Equal(p[:n], h.data) {
		h.t.Errorf("the file has %q, want %q", p[:n], h.data)
	}
	h.r.Close()
	if bad := h.k.Misuse(); len(bad) > 0 {
		h.t.Error(bad)
	}
	if fds := h.k.Open(); len(fds) > 0 {
		h.t.Errorf("descriptors left open: %v", fds)
	}
}
