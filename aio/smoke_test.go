package aio_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
	"unsafe"

	"example.com/interlock/aio"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(aio.FD{}); n > 120 {
		t.Errorf("FD takes %d bytes", n)
	}
	if n := unsafe.Sizeof(aio.Op{}); n > 120 {
		t.Errorf("Op takes %d bytes", n)
	}
	t.Log(unsafe.Sizeof(aio.FD{}), unsafe.Sizeof(aio.Op{}))
}

func TestSmoke(t *testing.T) {
	for _, mode := range []aio.PollerMode{aio.Nested, aio.Thread} {
		r, err := aio.New(&aio.Options{Poller: mode})
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		l, err := r.Listen("tcp", "127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for c, err := range l.Accepts(ctx) {
				if err != nil {
					return
				}
				go func() { io.Copy(aio.NewConn(c), aio.NewConn(c)); c.Close() }()
			}
		}()
		c, err := r.Dial(ctx, "tcp", l.LocalAddr())
		if err != nil {
			t.Fatal(err)
		}
		nc, err := net.Dial("tcp", l.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		msg := bytes.Repeat([]byte("hello world "), 100000)
		for _, c := range []net.Conn{aio.NewConn(c), nc} {
			go c.Write(msg)
			got := make([]byte, len(msg))
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, msg) {
				t.Fatal(err)
			}
		}
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.Read(ctx, make([]byte, 1)); err == nil {
			t.Fatal("no deadline")
		} else {
			t.Log(err)
		}
		done := make(chan int)
		go func() { c.SetDeadline(time.Time{}); _, err := c.Read(ctx, make([]byte, 1)); t.Log(err); done <- 1 }()
		time.Sleep(10 * time.Millisecond)
		c.Close()
		<-done
		t.Logf("%+v", r.Stats())
		r.Close()
		nc.Close()
		t.Logf("%+v", r.Stats())
	}
}
