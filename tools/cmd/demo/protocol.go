package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
)

// A protocol is how the callers talk to a server whose answers come in the
// order of the requests.
type protocol struct {
	greet   func(net.Conn) error                  // the end of a launch
	request func(caller int) []byte               // what a caller sends
	read    func(*bufio.Reader) ([]byte, error)   // one answer
	check   func(caller int, answer []byte) error // is it this caller's?
}

// ownEcho is the protocol of the farm: an echo after a greeting.
var ownEcho = protocol{greet: awaitGreeting, request: echoRequest, read: readEcho, check: checkEcho}

// plainEcho is the protocol of any echo server.
var plainEcho = protocol{greet: noGreeting, request: echoRequest, read: readEcho, check: checkEcho}

// resp is Redis's protocol: a SET and a GET of a key of the caller's own.
var resp = protocol{greet: ping, request: respRequest, read: readPair, check: checkGet}

func noGreeting(net.Conn) error { return nil }

func awaitGreeting(c net.Conn) error {
	var b [1]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return err
	}
	if b[0] != greeting {
		return fmt.Errorf("greeting %q", b[0])
	}
	return nil
}

const echoSize = 16

func echoRequest(caller int) []byte {
	p := make([]byte, echoSize)
	binary.BigEndian.PutUint64(p, uint64(caller))
	binary.BigEndian.PutUint64(p[8:], uint64(caller)*0x9e3779b97f4a7c15)
	return p
}

func readEcho(r *bufio.Reader) ([]byte, error) {
	p := make([]byte, echoSize)
	_, err := io.ReadFull(r, p)
	return p, err
}

func checkEcho(caller int, answer []byte) error {
	if !bytes.Equal(answer, echoRequest(caller)) {
		return fmt.Errorf("caller %d got %x", caller, answer)
	}
	return nil
}

func ping(c net.Conn) error {
	if _, err := io.WriteString(c, "*1\r\n$4\r\nPING\r\n"); err != nil {
		return err
	}
	var b [7]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return err
	}
	if string(b[:]) != "+PONG\r\n" {
		return fmt.Errorf("the answer to PING is %q", b)
	}
	return nil
}

func respRequest(caller int) []byte {
	key, val := fmt.Sprintf("interlock:%d", caller), fmt.Sprintf("v%d", caller)
	return append(command("SET", key, val), command("GET", key)...)
}

func command(words ...string) []byte {
	p := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		p = fmt.Appendf(p, "$%d\r\n%s\r\n", len(w), w)
	}
	return p
}

// readPair reads the answers to a SET and a GET and returns the latter.
func readPair(r *bufio.Reader) ([]byte, error) {
	if set, err := readReply(r); err != nil || string(set) != "OK" {
		return nil, fmt.Errorf("the answer to SET is %q, %w", set, err)
	}
	return readReply(r)
}

// readReply reads a simple string, an error or a bulk string.
func readReply(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("\r\n"))
	if len(line) == 0 {
		return nil, fmt.Errorf("an empty line for an answer")
	}
	switch kind, rest := line[0], line[1:]; kind {
	case '+':
		return rest, nil
	case '-':
		return nil, fmt.Errorf("the server says %s", rest)
	case '$':
		n, err := strconv.Atoi(string(rest))
		if err != nil || n < 0 {
			return nil, fmt.Errorf("a bulk string of length %q", rest)
		}
		p := make([]byte, n+2)
		_, err = io.ReadFull(r, p)
		return p[:n], err
	}
	return nil, fmt.Errorf("an answer that starts with %q", line[0])
}

func checkGet(caller int, answer []byte) error {
	if want := fmt.Sprintf("v%d", caller); string(answer) != want {
		return fmt.Errorf("caller %d got %q", caller, answer)
	}
	return nil
}
