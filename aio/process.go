package aio

import (
	"context"
	"errors"
	"os"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// WaitProcess waits until a child process has ended and gives its state, as
// p.Wait does. Given up, because the context ended, it leaves the process to
// be waited for by others. When p.Wait or os/exec waits for the same process
// one of them gets the state and the other an error; none hangs. What is no
// child of this program, or was waited for already, is an error at once. The
// error is errors.ErrUnsupported on a linux older than 5.3.
func (r *Ring) WaitProcess(ctx context.Context, p *os.Process) (*os.ProcessState, error) {
	if p == nil {
		panic("aio: WaitProcess of a nil Process")
	}
	f, err := r.watch(p)
	if err != nil {
		return nil, err
	}
	if f != nil {
		defer f.Close()
		if err := f.Wait(ctx, Readable); err != nil {
			return nil, err
		}
	}
	return reap(p)
}

// PrepWaitProcess prepares to wait until a child process has ended; see
// [Ring.WaitProcess]. ProcessState is its state then.
func (op *Op) PrepWaitProcess(r *Ring, p *os.Process) {
	if p == nil {
		panic("aio: PrepWaitProcess of a nil Process")
	}
	op.prep(kindProcess, r.own, nil)
	op.ask = Readable
	op.more().process = p
}

// ProcessState is the state of the process that the operation waited for, nil
// if that failed.
func (op *Op) ProcessState() *os.ProcessState {
	op.settled("ProcessState")
	if op.extra == nil {
		return nil
	}
	return op.extra.exit
}

// begins readies op, which is busy, for submit: it is on a descriptor of its
// own for as long as it is pending. true: there is nothing to wait for.
func (op *Op) begins(r *Ring, mode opFlags) (over bool) {
	op.extra.exit = nil
	f, err := r.watch(op.extra.process)
	switch {
	case err != nil:
		op.err = err
	case f != nil:
		op.on.Store(f)
		return false
	default:
		op.extra.exit, op.err = reap(op.extra.process)
	}
	r.own.mu.Lock() // a late Cancel may look
	op.flags = mode
	op.state.Store(opDone)
	r.own.mu.Unlock()
	return true
}

// ends closes the descriptor of op, which is done and nobody else's, and
// fetches the state of the process.
func (op *Op) ends() {
	f := op.on.Load()
	op.on.Store(f.ring.own)
	_ = f.Close()
	op.n = 0
	if op.err == nil {
		op.extra.exit, op.err = reap(op.extra.process)
	}
}

// watch makes a descriptor that is readable when p has ended; nil if it has.
func (r *Ring) watch(p *os.Process) (*FD, error) {
	if r.state.Load() != ringOpen {
		return nil, ErrClosed
	}
	// It tells a process that this one has waited for from another with
	// the same number.
	if err := p.Signal(syscall.Signal(0)); errors.Is(err, os.ErrProcessDone) {
		return nil, &OpError{"wait", "", os.ErrProcessDone}
	}
	fd, ended, e := sys.WatchProcess(p)
	switch {
	case e != 0:
		return nil, &OpError{"wait", "", e}
	case ended:
		return nil, nil
	}
	return r.newFD(fd, KindOther, sys.Info{})
}

// reap fetches the state of a process that has ended.
func reap(p *os.Process) (*os.ProcessState, error) {
	s, err := p.Wait()
	if err != nil {
		return nil, &OpError{"wait", "", err}
	}
	return s, nil
}
