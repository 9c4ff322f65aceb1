//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"errors"
	"syscall"
	"testing"

	"example.com/interlock/aio"
)

// An empty packet read into a vector is no end.
func TestReadvOfAnEmptyPacket(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_DGRAM)
	if err := syscall.Sendto(peer, nil, 0, nil); err != nil {
		syscall.Write(peer, nil)
	}
	if n, err := f.Readv(soon(t), [][]byte{make([]byte, 9)}); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// Buffers that are empty do not count among those of a packet.
func TestWritevOfAPacketWithEmptyBuffers(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_DGRAM)
	bufs := make([][]byte, 1500)
	for i := 0; i < len(bufs); i += 2 {
		bufs[i] = []byte{byte(i)}
	}
	if n, err := f.Writev(soon(t), bufs); n != 750 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	p := make([]byte, 2000)
	if n, err := syscall.Read(peer, p); n != 750 || err != nil || p[749] != bufs[1498][0] {
		t.Errorf("%d, %v", n, err)
	}
}

// The flags of a message reach the system, in both directions.
func TestMessageFlagsReachTheSystem(t *testing.T) {
	r := newRing(t, aio.Auto)
	a := must(r.ListenPacket("udp", "127.0.0.1:0", nil))
	b := must(r.ListenPacket("udp", "127.0.0.1:0", nil))
	if n, err := b.SendMsg(soon(t), []byte("x"), nil, a.LocalAddr(), syscall.MSG_OOB); !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("urgent data over udp: %d, %v", n, err)
	}
	if _, err := b.SendTo(soon(t), []byte("abc"), a.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 9)
	for range 2 {
		if n, _, _, from, err := a.RecvMsg(soon(t), p, nil, syscall.MSG_PEEK); n != 3 || from != b.LocalAddr() || err != nil {
			t.Errorf("%d, %v, %v", n, from, err)
		}
	}
}

// Sending no descriptors and no bytes sends nothing.
func TestSendFDsOfNothing(t *testing.T) {
	r := newRing(t, aio.Auto)
	f, peer := unixPair(t, r, syscall.SOCK_STREAM)
	if n, err := f.SendFDs(soon(t), nil); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	f.WriteAll(soon(t), []byte("x"))
	p := make([]byte, 9)
	if n, err := syscall.Read(peer, p); n != 1 || err != nil || p[0] != 'x' {
		t.Errorf("%q, %v", p[:max(n, 0)], err)
	}
}

// A file is sent by a worker, and not by who polls: it waits for one.
func TestSendFileWaitsForAWorker(t *testing.T) {
	r := withWorkers(t, 1)
	from, _ := tempFile(t, r, "0123456789")
	rd, wr, _ := r.Pipe()
	release := blocked(t, r, 1)
	sent := make(chan int64)
	go func() {
		n, err := wr.SendFile(soon(t), from, 0, -1)
		if err != nil {
			t.Error(err)
		}
		sent <- n
	}()
	pending(t, r, 2)
	select {
	case <-sent:
		t.Error("sent without a worker")
	default:
	}
	release()
	if n := <-sent; n != 10 {
		t.Errorf("%d bytes", n)
	}
	if n, err := rd.Read(soon(t), make([]byte, 99)); n != 10 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
