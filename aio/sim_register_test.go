//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/simkernel"
)

// A descriptor is registered when its first call finds nothing, once more at
// most for the other direction, and never again. Stats counts that.
func TestRegistrationsAreFew(t *testing.T) {
	everySystem(t, func(t *testing.T, m simkernel.Manners) {
		s := newSimRing(t, simkernel.Config{Manners: m})
		defer s.finish()
		done := make(collect, 1000)
		read := func(f, from *aio.FD) {
			var rd, wr aio.Op
			rd.PrepRead(f, make([]byte, 9))
			if rd.Try(done) {
				t.Fatal("nothing was sent")
			}
			wr.PrepWrite(from, []byte("x"))
			for wr.Start(done); rd.Pending() || wr.Pending(); {
				s.turn()
			}
		}
		write := func(f *aio.FD) {
			var op aio.Op
			for op.PrepWrite(f, make([]byte, 1<<16)); op.Try(done); {
				op.PrepWrite(f, make([]byte, 1<<16))
			}
			op.Cancel()
			for op.Pending() {
				s.turn()
			}
		}
		a, b := s.pairOf("tcp")
		c, _ := s.pairOf("unix")
		for _, step := range []struct {
			name       string
			do         func()
			adds, mods uint64
		}{
			{"a first read", func() { read(a, b) }, 1, 0},
			{"other reads", func() { read(a, b); read(a, b) }, 0, 0},
			{"a write", func() { write(a) }, 0, 1},
			{"another write", func() { write(a) }, 0, 0},
			{"a first write", func() { write(c) }, 1, 0},
			{"both", func() { write(c); read(a, b) }, 0, 0},
		} {
			before := s.Stats()
			step.do()
			after := s.Stats()
			if adds, mods := after.Adds-before.Adds, after.Mods-before.Mods; adds != step.adds || mods != step.mods {
				t.Errorf("%s: %d registrations and %d more, want %d and %d", step.name, adds, mods, step.adds, step.mods)
			}
		}
	})
}
