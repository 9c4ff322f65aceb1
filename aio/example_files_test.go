//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"example.com/interlock/aio"
)

func ExampleFD_SendFile() {
	ring, err := aio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ring.Close()
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "aio")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	page, err := ring.Open(ctx, filepath.Join(dir, "page"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := page.WriteAll(ctx, []byte("hello, world")); err != nil {
		log.Fatal(err)
	}
	l, err := ring.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		c, _, err := l.Accept(ctx)
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		if _, err := c.SendFile(ctx, page, 7, -1); err != nil {
			log.Fatal(err)
		}
	}()
	c, err := net.Dial("tcp", l.LocalAddr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	fmt.Printf("%s %v\n", got, err)
	// Output: world <nil>
}

func ExampleRing_WaitProcess() {
	ring, err := aio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ring.Close()
	cmd := exec.Command("sh", "-c", "exit 3")
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	state, err := ring.WaitProcess(context.Background(), cmd.Process)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.ExitCode())
	// Output: 3
}

func ExampleRing_Signals() {
	ring, err := aio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ring.Close()
	signals := ring.Signals(context.Background(), syscall.SIGHUP)
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	for range signals {
		fmt.Println("reading the configuration again")
		break
	}
	// Output: reading the configuration again
}

func ExampleOp_PrepCall() {
	ring, err := aio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ring.Close()
	done := make(chan error)
	var op aio.Op
	op.PrepCall(ring, func() error { return os.Remove("no such file") })
	op.Start(aio.HandlerFunc(func(op *aio.Op) {
		_, err := op.Result()
		done <- err
	}))
	fmt.Println(os.IsNotExist(<-done))
	// Output: true
}

func ExampleRingGroup() {
	group, err := aio.NewRingGroup(2, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer group.Close()
	listeners, err := group.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for _, l := range listeners {
		go func() {
			for c, err := range group.HandOut(ctx, l) {
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					c.WriteAll(ctx, []byte("welcome"))
				}()
			}
		}()
	}
	c, err := net.Dial("tcp", listeners[0].LocalAddr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	fmt.Printf("%s %v\n", got, err)
	// Output: welcome <nil>
}
