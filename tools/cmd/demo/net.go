package main

import (
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// freePort returns a port of loopback that nobody listens on. It is none of those
// that systems give to who asks for any: such a one might be another's before it is
// used.
func freePort() (port string, err error) {
	for range 100 {
		port = strconv.Itoa(10_000 + rand.IntN(20_000))
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", err
}

// awaitListener waits until something accepts at addr, half a minute at most.
func awaitListener(addr string) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) {
			return err
		}
	}
}
