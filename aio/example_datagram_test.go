//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"example.com/interlock/aio"
)

// A UDP server that answers each message; its buffers are two, however many
// clients there are.
func ExampleFD_RecvsFrom() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	server, _ := ring.ListenPacket("udp", "127.0.0.1:0", nil)
	go func() {
		for d, err := range server.RecvsFrom(ctx, aio.NewPool(1500, 2)) {
			if err != nil {
				return
			}
			server.SendTo(ctx, append([]byte("you said "), d.Buf.Bytes()...), d.From)
			d.Buf.Release()
		}
	}()

	client, _ := ring.Dial(ctx, "udp", server.LocalAddr())
	client.SendTo(ctx, []byte("hello"), netip.AddrPort{}) // to the peer
	p := make([]byte, 1500)
	n, from, _, err := client.RecvFrom(ctx, p)
	fmt.Printf("%s, %v, %v\n", p[:n], from == server.LocalAddr(), err)
	// Output: you said hello, true, <nil>
}

// A header and a body go out in one call, without being copied together.
func ExampleFD_Writev() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	rd, wr, _ := ring.Pipe()
	n, err := wr.Writev(context.Background(), [][]byte{[]byte("header "), []byte("and body")})
	fmt.Println(n, err)
	p := make([]byte, 100)
	n, _ = rd.Read(context.Background(), p)
	fmt.Printf("%s\n", p[:n])
	// Output:
	// 15 <nil>
	// header and body
}

// The end of a pipe travels over a unix socket.
func ExampleFD_SendFDs() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	ctx := context.Background()
	pair, _ := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	a, _ := ring.Adopt(pair[0], aio.KindAuto)
	b, _ := ring.Adopt(pair[1], aio.KindAuto)
	rd, wr, _ := ring.Pipe()

	number, _ := wr.Release() // a number is what is sent
	a.SendFDs(ctx, []byte("here"), number)
	syscall.Close(number)

	p := make([]byte, 10)
	n, fds, err := b.RecvFDs(ctx, p, 1)
	fmt.Printf("%s %d %v\n", p[:n], len(fds), err)
	got, _ := ring.Adopt(fds[0], aio.KindAuto)
	got.Write(ctx, []byte("through the received end"))
	n, _ = rd.Read(ctx, make([]byte, 100))
	fmt.Println(n)
	// Output:
	// here 1 <nil>
	// 24
}

// Options are typed: a duration is a duration.
func ExampleSetOption() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	fd, _ := ring.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	aio.SetOption(fd, aio.KeepAlive, true)
	aio.SetOption(fd, aio.Linger, 2*time.Second)
	on, _ := aio.GetOption(fd, aio.KeepAlive)
	linger, _ := aio.GetOption(fd, aio.Linger)
	fmt.Println(on, linger)
	// Output: true 2s
}
