package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be the servers' process.
func TestMain(m *testing.M) {
	if serveChild() {
		return
	}
	os.Exit(m.Run())
}

// The demo in small, with its faults: it must come out right, and say so.
func TestDemoInSmall(t *testing.T) {
	var out bytes.Buffer
	trace := filepath.Join(t.TempDir(), "trace.svg")
	ok, err := run(config{callers: 400, keys: 20, seed: 7, spread: 2 * time.Second, trace: trace}, &out)
	if err != nil || !ok {
		t.Fatalf("ok %v, %v\n%s", ok, err, &out)
	}
	for _, want := range []string{"accepted", "21, must be 21", "naive dial", "singleflight"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	svg, err := os.ReadFile(trace)
	if err != nil || !bytes.Contains(svg, []byte("launching")) || !bytes.Contains(svg, []byte("#8fce8f")) {
		t.Errorf("the timeline: %v, %d bytes", err, len(svg))
	}
}

// A figure that is off must be seen.
func TestChecksSeeWhatIsOff(t *testing.T) {
	var count tally
	count.launched.Store(3)
	good := result{crowd: &crowd{callers: 5}, accepts: []int{1, 2}}
	good.answered.Store(5)
	if !writeChecks(io.Discard, checkFarm(good, &count, 2, 1)) {
		t.Error("right figures are off")
	}
	for name, spoil := range map[string]func(*result, *tally){
		"an accept too many":      func(r *result, _ *tally) { r.accepts = []int{2, 2} },
		"an accept at the wrong":  func(r *result, _ *tally) { r.accepts = []int{2, 1} },
		"a launch not accepted":   func(_ *result, c *tally) { c.launched.Store(4) },
		"a caller without an end": func(r *result, _ *tally) { r.answered.Store(4) },
		"a caller lost":           func(r *result, _ *tally) { r.answered.Store(4); r.lost.Store(1) },
		"a wrong answer":          func(r *result, _ *tally) { r.answered.Store(4); r.wrong.Store(1) },
		"a goroutine left":        func(r *result, _ *tally) { r.goroutines = r.goroutinesWere + 1 },
		"a descriptor left":       func(r *result, _ *tally) { r.descriptors = r.descriptorsWere + 1 },
	} {
		var c tally
		c.launched.Store(3)
		bad := result{crowd: &crowd{callers: 5}, accepts: []int{1, 2}}
		bad.answered.Store(5)
		spoil(&bad, &c)
		if writeChecks(io.Discard, checkFarm(bad, &c, 2, 1)) {
			t.Errorf("%s goes unseen", name)
		}
	}
}

func TestDemoAgainstServersThatRunAlready(t *testing.T) {
	var addrs []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { // without splice, whose pipes would be counted
					io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
					c.Close()
				}()
			}
		}()
		addrs = append(addrs, l.Addr().String())
	}
	var out bytes.Buffer
	ok, err := run(config{callers: 300, keys: 1, seed: 1, spread: 200 * time.Millisecond, targets: addrs}, &out)
	if err != nil || !ok || !strings.Contains(out.String(), "one a key: 3, must be 3") {
		t.Errorf("ok %v, %v\n%s", ok, err, &out)
	}
}

func TestDemoAgainstRedis(t *testing.T) {
	addr, stop, err := startRedis()
	if err != nil {
		t.Skip("LOUD: no redis-server here, so RESP was not tried on a real one: ", err)
	}
	defer stop()
	var out bytes.Buffer
	ok, err := run(config{callers: 500, keys: 1, seed: 1, spread: 200 * time.Millisecond, redis: true, targets: []string{addr}}, &out)
	if err != nil || !ok {
		t.Errorf("ok %v, %v\n%s", ok, err, &out)
	}
}

func TestParseRefusesNonsense(t *testing.T) {
	for _, args := range [][]string{{"-callers", "0"}, {"-keys", "-1"}, {"-spread", "-1s"}, {"-no-such-flag"}} {
		var said bytes.Buffer
		if _, err := parse(args, &said); err == nil || said.Len() == 0 {
			t.Errorf("%v: %v, said %q", args, err, &said)
		}
	}
	c, err := parse([]string{"-redis", "a:1", "b:2"}, io.Discard)
	if err != nil || !c.redis || len(c.targets) != 2 || c.callers != 10_000 || c.keys != 100 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestRESP(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"+OK\r\n", "OK"}, {"$5\r\nhello\r\n", "hello"}, {"$0\r\n\r\n", ""},
	} {
		if got, err := readReply(bufio.NewReader(strings.NewReader(tt.in))); err != nil || string(got) != tt.want {
			t.Errorf("%q: %q, %v", tt.in, got, err)
		}
	}
	for _, in := range []string{"", "\r\n", "-ERR no\r\n", "$-1\r\n", "$x\r\n", "$9\r\nshort\r\n", ":1\r\n"} {
		if got, err := readReply(bufio.NewReader(strings.NewReader(in))); err == nil {
			t.Errorf("%q: %q and no error", in, got)
		}
	}
	if got := string(respRequest(3)); got != "*3\r\n$3\r\nSET\r\n$11\r\ninterlock:3\r\n$2\r\nv3\r\n*2\r\n$3\r\nGET\r\n$11\r\ninterlock:3\r\n" {
		t.Errorf("%q", got)
	}
}

// pipelined returns a pipeline and the server's end of it.
func pipelined(t *testing.T) (*pipeline, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { far.Close() })
	return newPipeline(near, plainEcho), far
}

func TestPipelineTellsEveryCallerOfItsEnd(t *testing.T) {
	l, far := pipelined(t)
	ended := make(chan error, 3)
	for i := range 3 {
		go func() {
			_, err := l.call(context.Background(), echoRequest(i))
			ended <- err
		}()
	}
	io.ReadFull(far, make([]byte, 3*echoSize))
	far.Close()
	for range 3 {
		if err := <-ended; err == nil || errors.Is(err, errUnsent) {
			t.Errorf("a caller whose request was sent got %v", err)
		}
	}
	if _, err := l.call(context.Background(), echoRequest(9)); !errors.Is(err, errUnsent) {
		t.Errorf("a call on a dead pipeline: %v, want one that says it was not sent", err)
	}
}

func TestPipelineEndsWhenAnsweredUnasked(t *testing.T) {
	l, far := pipelined(t)
	go far.Write(echoRequest(1))
	<-l.dead
	if !errors.Is(l.err, errUnasked) {
		t.Error(l.err)
	}
}
