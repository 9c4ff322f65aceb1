//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	"example.com/interlock/aio"
)

// pattern is n bytes that tell where they come from.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 ^ i>>8 ^ i>>16)
	}
	return p
}

// all is what r gives, when it has ended.
func all(r io.Reader) <-chan []byte {
	got := make(chan []byte, 1)
	go func() { got <- must(io.ReadAll(r)) }()
	return got
}

// course is for SpliceTo: content comes into in, and then the end; got is what
// went into out, when that is closed.
func course(t *testing.T, r *aio.Ring, content []byte) (in, out *aio.FD, got <-chan []byte) {
	t.Helper()
	in, feeder := tcpPair(t, r)
	out, reader := tcpPair(t, r)
	go func() {
		feeder.Write(content)
		feeder.CloseWrite()
	}()
	return in, out, all(reader)
}

func TestSendFile(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		content := pattern(8 << 20) // more than a socket takes
		f, _ := tempFile(t, r, string(content))
		for _, c := range []struct{ off, n, want int64 }{
			{0, -1, 8 << 20}, {5, 1000, 1000}, {8<<20 - 3, 10, 3}, {9 << 20, -1, 0}, {0, 0, 0},
		} {
			s, peer := tcpPair(t, r)
			got := all(peer)
			n, err := s.SendFile(soon(t), f, c.off, c.n)
			s.Close()
			end := min(c.off, int64(len(content)))
			if data := <-got; err != nil || n != c.want || !bytes.Equal(data, content[end:end+c.want]) {
				t.Errorf("%v: %d, %v, %d bytes received", c, n, err, len(data))
			}
		}
		if n, err := f.Read(soon(t), make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("the file's position has moved: %d, %v", n, err)
		}
	})
}

func TestSendFileEnds(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, _ := tempFile(t, r, string(pattern(32<<20)))
	s, _ := tcpPair(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		n, err := s.SendFile(ctx, f, 0, -1)
		if n <= 0 || n >= 32<<20 {
			t.Errorf("%d bytes sent", n)
		}
		done <- err
	}()
	until(t, "the socket is full", s.Registered)
	cancel()
	if err := <-done; err != context.Canceled {
		t.Error(err)
	}
	f.Close()
	if _, err := s.SendFile(t.Context(), f, 0, 1); err != aio.ErrClosed {
		t.Error(err)
	}
	if _, err := s.SendFile(t.Context(), f, -1, 1); err == nil {
		t.Error("a negative offset")
	}
	panics(t, "nil source", func() { s.SendFile(t.Context(), nil, 0, 1) })
}

func TestSendFileToFile(t *testing.T) {
	r := newRing(t, aio.Auto)
	from, _ := tempFile(t, r, "0123456789")
	to, name := tempFile(t, r, "")
	if n, err := to.SendFile(soon(t), from, 2, 5); n != 5 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := must(os.ReadFile(name)); string(got) != "23456" {
		t.Errorf("%q", got)
	}
}

func TestSpliceTo(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		content := pattern(3 << 20)
		in, out, got := course(t, r, content)
		if n, err := in.SpliceTo(soon(t), out, 1000); n != 1000 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := in.SpliceTo(soon(t), out, -1); n != 3<<20-1000 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := in.SpliceTo(soon(t), out, 0); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		out.Close()
		if data := <-got; !bytes.Equal(data, content) {
			t.Errorf("%d bytes", len(data))
		}
		panics(t, "nil", func() { in.SpliceTo(t.Context(), nil, 1) })
	})
}

func TestSpliceFilesAndPipes(t *testing.T) {
	r := newRing(t, aio.Auto)
	ctx := soon(t)
	from, _ := tempFile(t, r, "0123456789")
	rd, wr, _ := r.Pipe()
	if n, err := from.SpliceTo(ctx, wr, -1); n != 10 || err != nil {
		t.Errorf("file to pipe: %d, %v", n, err)
	}
	wr.Close()
	_, name := tempFile(t, r, "x")
	to, err := r.Open(ctx, name, os.O_WRONLY|os.O_APPEND, 0) // refuses splice
	if err != nil {
		t.Fatal(err)
	}
	if n, err := rd.SpliceTo(ctx, to, -1); n != 10 || err != nil {
		t.Errorf("pipe to file: %d, %v", n, err)
	}
	if got := must(os.ReadFile(name)); string(got) != "x0123456789" {
		t.Errorf("%q", got)
	}
}

func TestSpliceEnds(t *testing.T) {
	r := newRing(t, aio.Auto)
	in, _ := tcpPair(t, r)
	out, _ := tcpPair(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := in.SpliceTo(ctx, out, -1); done <- err }()
	pending(t, r, 1)
	cancel()
	if err := <-done; err != context.Canceled {
		t.Error(err)
	}
	in.Close()
	if _, err := in.SpliceTo(t.Context(), out, 1); err != aio.ErrClosed {
		t.Error(err)
	}
}
