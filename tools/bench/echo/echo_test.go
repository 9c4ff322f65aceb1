package echo_test

import (
	"os"
	"testing"
	"time"

	"example.com/interlock/tools/bench/echo"
)

// TestMain lets the test binary be the echo servers as well.
func TestMain(m *testing.M) {
	if echo.Serve() {
		return
	}
	os.Exit(m.Run())
}

// Every server must echo, or its figure means nothing.
func TestServersEcho(t *testing.T) {
	for _, name := range append(echo.Peers(), "net", "aio", "aio blocking", "C epoll") {
		t.Run(name, func(t *testing.T) {
			p, err := echo.Start(name)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Stop()
			for _, size := range []int{64, 4096} {
				load, err := echo.Dial(p.Addr, 20, size)
				if err != nil {
					t.Fatal(err)
				}
				before, err := p.CPU()
				if err != nil {
					t.Fatal(err)
				}
				n, err := load.Run(30 * time.Millisecond)
				load.Close()
				if err != nil || n < 20 {
					t.Fatalf("%d bytes: %d requests, %v", size, n, err)
				}
				after, err := p.CPU()
				if err != nil || after <= before {
					t.Errorf("CPU time went from %v to %v, %v", before, after, err)
				}
			}
		})
	}
}

func TestMemoryOfAServer(t *testing.T) {
	p, err := echo.Start("net")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	before, _, err := p.Memory()
	if err != nil {
		t.Fatal(err)
	}
	load, err := echo.Dial(p.Addr, 200, 64)
	if err != nil {
		t.Fatal(err)
	}
	defer load.Close()
	if n, err := load.Run(0); err != nil || n != 200 {
		t.Fatalf("%d requests, %v; want one a connection", n, err)
	}
	after, mallocs, err := p.Memory()
	if err != nil || mallocs == 0 {
		t.Fatal(mallocs, err)
	}
	if per := (after - before) / 200; per < 4096 || per > 20_000 {
		t.Errorf("%v bytes a connection over net with a buffer of 4 KiB", per)
	}
}

func TestUnknownServer(t *testing.T) {
	if p, err := echo.Start("no such thing"); err == nil {
		p.Stop()
		t.Error("started")
	}
}
