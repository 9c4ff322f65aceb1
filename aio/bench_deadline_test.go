//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
)

// A deadline that is moved with each message, among many that stay: the ring's
// against a timer of the standard library for each connection.
func BenchmarkDeadlineChurn(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run("ring/"+strconv.Itoa(n), func(b *testing.B) {
			r := must(aio.New(&aio.Options{Poller: aio.Manual}))
			defer r.Close()
			idle := make([]aio.Op, n)
			h := aio.HandlerFunc(func(*aio.Op) {})
			for i := range idle {
				idle[i].PrepTimeout(r, time.Hour+time.Duration(i*7919%n)*time.Millisecond)
				idle[i].Start(h)
			}
			pair := must(syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
			defer syscall.Close(pair[1])
			f := must(r.Adopt(pair[0], aio.KindAuto))
			var read aio.Op
			read.PrepRead(f, make([]byte, 1))
			read.Start(h)
			at := time.Now().Add(time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				at = at.Add(time.Millisecond)
				f.SetReadDeadline(at)
			}
			read.Cancel()
			must(r.Poll(context.Background(), 1))
		})
		b.Run("time/"+strconv.Itoa(n), func(b *testing.B) {
			idle := make([]*time.Timer, n)
			for i := range idle {
				idle[i] = time.AfterFunc(time.Hour+time.Duration(i*7919%n)*time.Millisecond, func() {})
				defer idle[i].Stop()
			}
			d := time.Hour
			t := time.AfterFunc(d, func() {})
			defer t.Stop()
			b.ReportAllocs()
			for b.Loop() {
				d += time.Millisecond
				t.Reset(d)
			}
		})
	}
}
