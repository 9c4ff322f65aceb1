//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"net"
	"testing"

	"example.com/interlock/aio"
)

// One message to and fro over UDP on one machine: a Manual ring and two Ops
// against package net and a goroutine.
func BenchmarkUDPEcho(b *testing.B) {
	b.Run("completion", func(b *testing.B) {
		r := manual(b)
		server, client := udp(b, r), udp(b, r)
		e := &udpEcho{f: server}
		e.in.PrepRecvFrom(server, e.buf[:])
		e.in.Start(e)
		ctx := context.Background()
		var in, out aio.Op
		var h aio.HandlerFunc = func(*aio.Op) {}
		p := make([]byte, 64)
		to := server.LocalAddr()
		b.ReportAllocs()
		for b.Loop() {
			out.PrepSendTo(client, p, to)
			out.Try(h)
			in.PrepRecvFrom(client, p)
			for done := in.Try(h); !done && in.Pending(); {
				must(r.Poll(ctx, 1))
			}
		}
	})
	b.Run("net", func(b *testing.B) {
		server := must(net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}))
		defer server.Close()
		go func() {
			p := make([]byte, 64)
			for {
				n, from, err := server.ReadFromUDPAddrPort(p)
				if err != nil {
					return
				}
				server.WriteToUDPAddrPort(p[:n], from)
			}
		}()
		client := must(net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}))
		defer client.Close()
		to := server.LocalAddr().(*net.UDPAddr).AddrPort()
		p := make([]byte, 64)
		b.ReportAllocs()
		for b.Loop() {
			client.WriteToUDPAddrPort(p, to)
			if _, _, err := client.ReadFromUDPAddrPort(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// udpEcho is a server of one Op in each direction.
type udpEcho struct {
	f       *aio.FD
	in, out aio.Op
	buf     [64]byte
}

func (e *udpEcho) Complete(op *aio.Op) {
	n, err := op.Result()
	switch {
	case err != nil:
	case op == &e.in:
		e.out.PrepSendTo(e.f, e.buf[:n], op.From())
		e.out.Start(e)
	default:
		e.in.Start(e)
	}
}

// Sixteen buffers in one call, against package net's Buffers.
func BenchmarkWritev(b *testing.B) {
	const size = 1024
	parts := make([][]byte, 16)
	for i := range parts {
		parts[i] = make([]byte, size)
	}
	drain := func(peer net.Conn) {
		p := make([]byte, 1<<16)
		for {
			if _, err := peer.Read(p); err != nil {
				return
			}
		}
	}
	b.Run("aio", func(b *testing.B) {
		r := newRing(b, aio.Auto)
		f, peer := tcpPair(b, r)
		go drain(peer)
		ctx := context.Background()
		b.SetBytes(16 * size)
		b.ReportAllocs()
		for b.Loop() {
			must(f.Writev(ctx, parts))
		}
	})
	b.Run("net", func(b *testing.B) {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		defer l.Close()
		c := must(net.Dial("tcp", l.Addr().String()))
		defer c.Close()
		peer := must(l.Accept())
		defer peer.Close()
		go drain(peer)
		list := make([][]byte, len(parts))
		b.SetBytes(16 * size)
		b.ReportAllocs()
		for b.Loop() {
			copy(list, parts)
			bufs := net.Buffers(list)
			if _, err := bufs.WriteTo(c); err != nil {
				b.Fatal(err)
			}
		}
	})
}
