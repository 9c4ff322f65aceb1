//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
)

// dead is a child that has ended with 7 and that nobody has waited for.
func dead(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "AIO_TEST_ROLE=wait") // its input has ended
	out := must(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() })
	io.Copy(io.Discard, out) // to its end, which is nearly the child's
	until(t, "the child has ended", func() bool { return waitable(cmd.Process.Pid) })
	return cmd
}

// A child that is dead already when it is waited for, in both styles; one that
// two wait for: one gets the state and the other an error, none hangs.
func TestC42_DeadBeforeTheWait(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		if s, err := r.WaitProcess(soon(t), dead(t).Process); err != nil || s.ExitCode() != 7 {
			t.Errorf("%v, %v", s, err)
		}
		done := make(collect, 1)
		var op aio.Op
		cmd := dead(t)
		op.PrepWaitProcess(r, cmd.Process)
		if !op.Try(done) { // else the result is there
			done.next(t)
		}
		if n, err := op.Result(); n != 0 || err != nil || op.ProcessState().ExitCode() != 7 {
			t.Errorf("%d, %v, %v", n, err, op.ProcessState())
		}
		if _, err := r.WaitProcess(soon(t), cmd.Process); err == nil {
			t.Error("waited for once more")
		}
		if runtime.GOOS == "linux" && waitable(cmd.Process.Pid) {
			t.Error("the child was not fetched")
		}
	})
}

func TestC42_TwoWaiters(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		cmd, end := spawn(t)
		done := make(collect, 2)
		var a, b aio.Op
		a.PrepWaitProcess(r, cmd.Process)
		b.PrepWaitProcess(r, cmd.Process)
		a.Start(done)
		b.Start(done)
		end()
		states := 0
		for range 2 {
			op := done.next(t)
			_, err := op.Result()
			if (err == nil) != (op.ProcessState() != nil) {
				t.Errorf("%v with %v", err, op.ProcessState())
			}
			if err == nil {
				states++
			}
		}
		if states != 1 {
			t.Errorf("%d got the state", states)
		}
	})
}

// A deadline gives up, and the process is still there to be waited for.
func TestC42_Deadline(t *testing.T) {
	r := newRing(t, aio.Auto)
	cmd, end := spawn(t)
	done := make(collect, 1)
	var op aio.Op
	op.PrepWaitProcess(r, cmd.Process)
	op.SetDeadline(time.Now().Add(5 * time.Millisecond))
	op.Start(done)
	if _, err := done.next(t).Result(); err != os.ErrDeadlineExceeded || op.ProcessState() != nil {
		t.Errorf("%v, %v", err, op.ProcessState())
	}
	end()
	if s, err := r.WaitProcess(soon(t), cmd.Process); err != nil || s.ExitCode() != 7 {
		t.Errorf("%v, %v", s, err)
	}
}

// Signals that come in a burst while the loop is busy become fewer, and no
// fewer than one; what comes afterwards is not lost.
func TestC43_BurstOfSignals(t *testing.T) {
	r := newRing(t, aio.Auto)
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan struct{})
	afterwards := func() {
		defer close(ended)
		for ctx.Err() == nil {
			raise(syscall.SIGUSR2)
			runtime.Gosched()
		}
	}
	others := make(chan os.Signal, 1) // keeps the test alive
	signal.Notify(others, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(others)
	seq := r.Signals(ctx, syscall.SIGUSR1, syscall.SIGUSR2)
	raise(syscall.SIGUSR1)
	const burst = 1000
	ones, twos := 0, 0
	for sig := range seq {
		if sig == syscall.SIGUSR2 {
			twos++
		} else if ones++; ones == 1 {
			for range burst {
				raise(syscall.SIGUSR1)
			}
			go afterwards()
		}
		if ones > 1 && twos > 0 {
			cancel()
		}
	}
	cancel()
	<-ended
	if ones < 2 || ones > 1+burst || twos == 0 {
		t.Errorf("%d of one signal and %d of the other", ones, twos)
	}
}

func init() {
	// A child that leaves a loop over SIGHUP in one of several ways and then
	// gets one more: by default that ends it.
	roles["hup"] = func() int {
		r := must(aio.New(nil))
		defer r.Close()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		ignored := signal.Ignored(syscall.SIGHUP)
		other := make(chan os.Signal, 1)
		signal.Notify(other, syscall.SIGUSR2) // os/signal has its goroutine from now on
		goroutines := runtime.NumGoroutine()
		seq := r.Signals(ctx, syscall.SIGHUP)
		switch how := os.Getenv("AIO_TEST_HOW"); how {
		case "unused":
			cancel()
			for runtime.NumGoroutine() > goroutines { // the context's end is noticed by one
				runtime.Gosched()
			}
		default:
			raise(syscall.SIGHUP)
			for range seq {
				if how == "break" {
					break
				}
				if how == "context" {
					cancel()
				} else {
					r.Close()
				}
			}
		}
		if ignored {
			// A signal that comes later says that this one was dealt with.
			raise(syscall.SIGHUP)
			raise(syscall.SIGUSR2)
			<-other
			return 0
		}
		for range 10 {
			raise(syscall.SIGHUP)   // once should do, and a storm disturbs a runtime
			time.Sleep(time.Second) // that is dying of it
		}
		return 4
	}
}

// After the loop a signal does what it did before: it ends the program, or is
// ignored if the program was started so.
func TestC43_SignalsLeaveNothingBehind(t *testing.T) {
	// A program that handles a signal starts others with its default, though it
	// was started itself, by nohup, so that it is ignored.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP)
	defer signal.Stop(handled)
	for _, how := range []string{"break", "context", "ring", "unused"} {
		t.Run(how, func(t *testing.T) {
			cmd := exec.Command(binary)
			cmd.Env = append(os.Environ(), "AIO_TEST_ROLE=hup", "AIO_TEST_HOW="+how)
			err := cmd.Run()
			s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !s.Signaled() || s.Signal() != syscall.SIGHUP {
				t.Errorf("the child is not ended by its signal: %v", err)
			}
		})
	}
	for _, how := range []string{"break", "ring"} {
		t.Run(how+", ignored", func(t *testing.T) {
			cmd := exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0"`, binary)
			cmd.Env = append(os.Environ(), "AIO_TEST_ROLE=hup", "AIO_TEST_HOW="+how)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("a child that ignores its signal: %v\n%s", err, out)
			}
		})
	}
}
