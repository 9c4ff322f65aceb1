//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"example.com/interlock/aio"
)

func init() {
	// A child that ends with 7 when its input does.
	roles["wait"] = func() int { io.Copy(io.Discard, os.Stdin); return 7 }
}

// spawn starts a child, which ends when the returned function is called.
func spawn(t *testing.T) (*exec.Cmd, func()) {
	t.Helper()
	cmd := again(t, "wait")
	in := must(cmd.StdinPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	return cmd, func() { in.Close() }
}

func TestWaitProcess(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		before := openFDs()
		cmd, end := spawn(t)
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() {
			_, err := r.WaitProcess(ctx, cmd.Process)
			given <- err
		}()
		pending(t, r, 1)
		cancel()
		if err := <-given; err != context.Canceled {
			t.Error(err)
		}
		end()
		s, err := r.WaitProcess(soon(t), cmd.Process)
		if err != nil || s.ExitCode() != 7 {
			t.Errorf("%v, %v", s, err)
		}
		if s, err := r.WaitProcess(soon(t), cmd.Process); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("waited for twice: %v, %v", s, err)
		}
		until(t, "what was watched with is closed", func() bool { return openFDs() <= before })
	})
}

func TestPrepWaitProcess(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		before := openFDs()
		cmd, end := spawn(t)
		done := make(collect, 1)
		var op aio.Op
		op.PrepWaitProcess(r, cmd.Process)
		op.Start(done)
		if !op.Cancel() {
			t.Error("not cancelled")
		}
		if _, err := done.next(t).Result(); err != aio.ErrCanceled || op.ProcessState() != nil {
			t.Error(err)
		}
		op.Start(done)
		end()
		if n, err := done.next(t).Result(); n != 0 || err != nil || op.ProcessState().ExitCode() != 7 {
			t.Errorf("%d, %v, %v", n, err, op.ProcessState())
		}
		if op.FD() != nil {
			t.Error("a descriptor is left")
		}
		op.Start(done)
		if _, err := done.next(t).Result(); !errors.Is(err, os.ErrProcessDone) || op.ProcessState() != nil {
			t.Errorf("waited for twice: %v", err)
		}
		until(t, "what was watched with is closed", func() bool { return openFDs() <= before })
	})
}

func TestWaitProcessBesideExec(t *testing.T) {
	r := newRing(t, aio.Auto)
	cmd, end := spawn(t)
	theirs, ours := make(chan error), make(chan error)
	go func() { _, err := cmd.Process.Wait(); theirs <- err }()
	go func() { _, err := r.WaitProcess(soon(t), cmd.Process); ours <- err }()
	pending(t, r, 1)
	end()
	if a, b := <-theirs, <-ours; (a == nil) == (b == nil) {
		t.Errorf("one has to get the state: %v, %v", a, b)
	}
}

func TestWaitProcessOfNoChild(t *testing.T) {
	r := newRing(t, aio.Auto)
	self := must(os.FindProcess(os.Getpid()))
	defer self.Release()
	if _, err := r.WaitProcess(soon(t), self); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("waited for itself: %v", err)
	}
	panics(t, "waits for a nil process", func() { r.WaitProcess(t.Context(), nil) })
	panics(t, "nil process", func() { new(aio.Op).PrepWaitProcess(r, nil) })
}

func TestRingCloseEndsWaitProcess(t *testing.T) {
	r := must(aio.New(nil))
	cmd, _ := spawn(t)
	done := make(collect, 1)
	var op aio.Op
	op.PrepWaitProcess(r, cmd.Process)
	op.Start(done)
	r.Close()
	if _, err := done.next(t).Result(); err != aio.ErrClosed {
		t.Error(err)
	}
	if _, err := r.WaitProcess(t.Context(), cmd.Process); !errors.Is(err, aio.ErrClosed) {
		t.Error(err)
	}
	op.Start(done)
	if _, err := done.next(t).Result(); err != aio.ErrClosed {
		t.Error(err)
	}
	cmd.Process.Kill()
	cmd.Process.Wait()
	if _, err := r.WaitProcess(t.Context(), cmd.Process); !errors.Is(err, aio.ErrClosed) {
		t.Errorf("of a process that is over, on a closed ring: %v", err)
	}
}
