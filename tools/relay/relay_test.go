package relay_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/tools/relay"
)

// through returns a relay to an echo server and a connection through it.
func through(t *testing.T) (*relay.Relay, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	r, err := relay.New(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return r, c.(*net.TCPConn)
}

// ping sends p and returns when all of it has come back.
func ping(t *testing.T, c net.Conn, p []byte) time.Duration {
	t.Helper()
	start := time.Now()
	go c.Write(p)
	got := make([]byte, len(p))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, p) {
		t.Fatal("the relay changed what passed")
	}
	return time.Since(start)
}

func TestForwardsBothWaysAndCounts(t *testing.T) {
	r, c := through(t)
	ping(t, c, bytes.Repeat([]byte("interlock"), 10_000))
	// What has arrived is counted before the end of the stream is passed on.
	c.CloseWrite()
	if n, err := io.Copy(io.Discard, c); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if n, conns := r.Passed(); n != 180_000 || conns != 1 {
		t.Errorf("passed %d bytes, %d connections; want 180000 and 1", n, conns)
	}
}

func TestEndOfStreamPasses(t *testing.T) {
	_, c := through(t)
	c.Write([]byte("last words"))
	c.CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "last words" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDelayHoldsEveryChunkBack(t *testing.T) {
	r, c := through(t)
	r.SetDelay(30 * time.Millisecond)
	if d := ping(t, c, []byte("x")); d < 60*time.Millisecond {
		t.Errorf("there and back in %v, want 60 ms at least", d)
	}
}

func TestRateIsALimit(t *testing.T) {
	r, c := through(t)
	r.SetRate(100_000)
	if d := ping(t, c, make([]byte, 20_000)); d < 200*time.Millisecond {
		t.Errorf("20,000 bytes at 100,000 a second in %v", d)
	}
}

func TestStallIsSilentAndResumeLosesNothing(t *testing.T) {
	r, c := through(t)
	r.Stall()
	r.Stall() // once is enough
	c.Write([]byte("hello"))
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 5)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d, %v during a stall", n, err)
	}
	c.SetReadDeadline(time.Time{})
	r.Resume()
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCutResets(t *testing.T) {
	r, c := through(t)
	ping(t, c, []byte("x"))
	r.Cut()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read after Cut: %v, want a reset", err)
	}
}

func TestCloseEndsAStall(t *testing.T) {
	r, c := through(t)
	r.Stall()
	c.Write([]byte("x"))
	r.Close() // the Cleanup's Close gives an error no more than this one
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection outlived the relay")
	}
}

func TestNegativeRatePanics(t *testing.T) {
	r, _ := through(t)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	r.SetRate(-1)
}
