package echo_test

import (
	"net"
	"testing"

	"example.com/interlock/tools/bench/echo"
)

// The C dialer makes as many connections as it was told to.
func TestDialerDials(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const dials = 100
	d, err := echo.StartDialer(l.Addr().String(), dials, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	for range 2 {
		took, err := d.Run()
		if err != nil || took <= 0 {
			t.Fatalf("it took %v, %v", took, err)
		}
		for range dials {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
	}
}
