//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

// split cuts b into n pieces of random sizes, empty ones among them.
func split(b []byte, n int, rnd *rand.Rand) (bufs [][]byte) {
	for i := range n {
		k := len(b)
		if i < n-1 {
			k = min(rnd.IntN(2*len(b)/(n-i)+1), len(b))
		}
		if rnd.IntN(5) == 0 {
			bufs = append(bufs, nil)
		}
		bufs = append(bufs, b[:k])
		b = b[k:]
	}
	return bufs
}

func noise(n int) []byte {
	b := make([]byte, n)
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// Any number of buffers goes out whole and in order, also through a buffer of
// the system that is much smaller, on sockets and pipes.
func TestWritevWritesAllOfAnyNumberOfBuffers(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		want := noise(1 << 20)
		for _, pieces := range []int{1, 2, 15, 16, 17, sys.MaxVector, sys.MaxVector + 1, 5000} {
			for _, kind := range []string{"socket", "pipe"} {
				rd, wr, err := r.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				if kind == "socket" {
					rd.Close()
					wr.Close()
					var peer int
					wr, peer = unixPair(t, r, syscall.SOCK_STREAM)
					rd = must(r.Adopt(must(syscall.Dup(peer)), aio.KindAuto))
				}
				bufs := split(want, pieces, rand.New(rand.NewPCG(2, uint64(pieces))))
				before := append([][]byte(nil), bufs...)
				wrote := make(chan error, 1)
				go func() {
					n, err := wr.Writev(soon(t), bufs)
					if err == nil && n != len(want) {
						err = errors.New("a short count without an error")
					}
					wrote <- err
				}()
				got := make([]byte, len(want))
				if n, err := rd.ReadFull(soon(t), got); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s, %d pieces: %d bytes, %v; or not the same", kind, pieces, n, err)
				}
				if err := <-wrote; err != nil {
					t.Errorf("%s, %d pieces: %v", kind, pieces, err)
				}
				for i := range bufs {
					if len(bufs[i]) != len(before[i]) {
						t.Fatalf("the caller's buffer %d was changed", i)
					}
				}
				rd.Close()
				wr.Close()
			}
		}
	})
}

// Readv fills the buffers in order, skips empty ones, and takes what there is.
func TestReadvTakesWhatThereIs(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, peer := unixPair(t, r, syscall.SOCK_STREAM)
		ctx := soon(t)
		syscall.Write(peer, []byte("abcdefg"))
		a, b, c := make([]byte, 2), make([]byte, 3), make([]byte, 100)
		n, err := f.Readv(ctx, [][]byte{nil, a, {}, b, c})
		if n != 7 || err != nil || string(a)+string(b)+string(c[:2]) != "abcdefg" {
			t.Errorf("%d, %v: %q %q %q", n, err, a, b, c[:2])
		}
		// More buffers than one call takes, and nothing but empty ones first.
		many := make([][]byte, 3000)
		for i := 1500; i < len(many); i++ {
			many[i] = make([]byte, 1)
		}
		want := noise(1500)
		syscall.Write(peer, want)
		n, err = f.Readv(ctx, many)
		if n != sys.MaxVector || err != nil {
			t.Fatalf("%d, %v; want the first %d", n, err, sys.MaxVector)
		}
		rest := make([]byte, 1500-n)
		if _, err := f.ReadFull(ctx, rest); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, p := range many {
			got = append(got, p...)
		}
		if !bytes.Equal(append(got[:n:n], rest...), want) {
			t.Error("not the bytes that were written")
		}
		syscall.Shutdown(peer, syscall.SHUT_WR)
		if n, err := f.Readv(ctx, [][]byte{a}); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
	})
}

func TestVectorsOfNothingAreDoneAtOnce(t *testing.T) {
	r := manual(t)
	f, _ := unixPair(t, r, syscall.SOCK_STREAM)
	for _, bufs := range [][][]byte{nil, {}, {nil, {}}} {
		if n, err := f.Readv(context.Background(), bufs); n != 0 || err != nil {
			t.Errorf("Readv: %d, %v", n, err)
		}
		if n, err := f.Writev(context.Background(), bufs); n != 0 || err != nil {
			t.Errorf("Writev: %d, %v", n, err)
		}
	}
}

// A Writev that fails or is given up reports what the system took, and the
// bytes before that have arrived, no more.
func TestWritevReportsWhatTheSystemTook(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, peer := unixPair(t, r, syscall.SOCK_STREAM)
		syscall.SetNonblock(peer, true)
		want := noise(4 << 20)
		cause := errors.New("given up")
		ctx, cancel := context.WithCancelCause(context.Background())
		type result struct {
			n   int
			err error
		}
		got := make(chan result)
		go func() {
			n, err := f.Writev(ctx, split(want, 100, rand.New(rand.NewPCG(3, 3))))
			got <- result{n, err}
		}()
		pending(t, r, 1)
		cancel(cause)
		res := <-got
		if res.err != cause || res.n <= 0 || res.n >= len(want) {
			t.Fatalf("%d, %v", res.n, res.err)
		}
		f.Close()
		all := readAll(peer)
		if !bytes.Equal(all, want[:res.n]) {
			t.Errorf("%d bytes arrived, or not the right ones; reported %d", len(all), res.n)
		}
	})
}

func readAll(fd int) (all []byte) {
	p := make([]byte, 1<<16)
	for {
		n, err := syscall.Read(fd, p)
		if err == syscall.EAGAIN || err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			return all
		}
		all = append(all, p[:n]...)
	}
}

func TestWritevOfPacketsIsOnePacket(t *testing.T) {
	r := manual(t)
	f, peer := unixPair(t, r, syscall.SOCK_DGRAM)
	ctx := context.Background()
	p := make([]byte, 100)
	for want, bufs := range map[string][][]byte{"abc": {[]byte("a"), nil, []byte("bc")}, "": {nil, nil}} {
		if n, err := f.Writev(ctx, bufs); n != len(want) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := syscall.Read(peer, p); string(p[:max(n, 0)]) != want || err != nil {
			t.Errorf("received %q, %v; want %q", p[:n], err, want)
		}
	}
	many := make([][]byte, sys.MaxVector+1)
	for i := range many {
		many[i] = p[:1]
	}
	if n, err := f.Writev(ctx, many); n != 0 || !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("more buffers than a packet has room for: %d, %v", n, err)
	}
	if n, err := f.Writev(ctx, many[1:]); n != sys.MaxVector || err != nil {
		t.Errorf("as many as there is room for: %d, %v", n, err)
	}
}

func TestWritevToADeadPeerIsAnError(t *testing.T) {
	r := manual(t)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	syscall.Close(peer)
	if _, err := f.Writev(context.Background(), [][]byte{{1}, {2}}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v, want EPIPE", err)
	}
}

// Vectors keep their place in the FIFO, on all systems and with all the short
// counts that there may be.
func TestVectorsOnEverySystem(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		for seed := range uint64(20) {
			s := newSimRing(t, simkernel.Config{Manners: m, Seed: seed, Buffer: 3000, Chance: simkernel.Chance{Short: 0.5, Spurious: 0.2, NoBuffers: 0.1}})
			kind := []string{"tcp", "unix", "pipe"}[seed%3]
			rd, wr := s.pairOf(kind)
			want := noise(20000)
			var v, w, rest, back aio.Op
			q := make(collect, 4)
			v.PrepWritev(wr, split(want[:15000], 1500, rand.New(rand.NewPCG(seed, 1))))
			v.Start(q)
			w.PrepWriteAll(wr, want[15000:])
			w.Start(q)
			got := make([]byte, len(want))
			half := split(got[:5000], 7, rand.New(rand.NewPCG(seed, 2)))
			back.PrepReadv(rd, half)
			back.Start(q)
			s.settle()
			n, err := back.Result()
			if n <= 0 || err != nil {
				t.Fatalf("seed %d: Readv: %d, %v", seed, n, err)
			}
			rest.PrepReadFull(rd, got[n:])
			rest.Start(q)
			s.settle()
			if n, err := rest.Result(); err != nil {
				t.Fatalf("seed %d: the rest: %d, %v", seed, n, err)
			}
			if n, err := v.Result(); n != 15000 || err != nil {
				t.Errorf("seed %d: Writev: %d, %v", seed, n, err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("seed %d: not the same bytes", seed)
			}
			s.finish()
		}
	})
}

func TestVectorsAllocateNothing(t *testing.T) {
	r := manual(t)
	rd, wr, err := r.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	few, many := make([][]byte, 16), make([][]byte, 1000)
	for _, bufs := range [][][]byte{few, many} {
		for i := range bufs {
			bufs[i] = make([]byte, 4)
		}
		zero(t, "Writev and Readv", func() {
			wr.Writev(ctx, bufs)
			rd.Readv(ctx, bufs)
		})
	}
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	p := make([]byte, 64)
	zero(t, "Writev to a socket", func() {
		f.Writev(ctx, few)
		syscall.Read(peer, p)
	})
}
