package aio

import (
	"errors"
	"math"
	"syscall"
	"time"

	"example.com/interlock/aio/internal/sys"
)

// A SockOption is an option of sockets whose value is a T, for [GetOption] and
// [SetOption]. The package's variables are all there are.
type SockOption[T any] struct {
	name string
	get  func(k sys.Kernel, fd int) (T, sys.Errno)
	set  func(k sys.Kernel, fd int, v T) sys.Errno // nil: it cannot be set
}

// Options that are on or off.
var (
	// NoDelay: a TCP socket sends small writes at once (TCP_NODELAY). Dial
	// and Listen switch it on.
	NoDelay = boolOption("NoDelay", sys.OptNoDelay)
	// KeepAlive: a TCP socket finds out, after hours, that a silent peer is
	// gone (SO_KEEPALIVE).
	KeepAlive = boolOption("KeepAlive", sys.OptKeepAlive)
	// ReusePort: other sockets may bind the same address, if they all have
	// the option (SO_REUSEPORT). It is to be set before Bind.
	ReusePort = boolOption("ReusePort", sys.OptReusePort)
)

// Sizes in bytes. The system has limits of its own, and may count in its own
// way: linux gives back twice what was set. What is negative, or more than 31
// bits, is EINVAL.
var (
	// SendBuffer is what may be written and not yet be taken by the peer
	// (SO_SNDBUF).
	SendBuffer = intOption("SendBuffer", sys.OptSendBuffer)
	// ReceiveBuffer is what may have come and not yet be read (SO_RCVBUF).
	ReceiveBuffer = intOption("ReceiveBuffer", sys.OptReceiveBuffer)
)

// Linger is what the closing of a connection does about data that the peer
// has not got yet (SO_LINGER). A negative time, and so it is at first: Close
// returns at once and the system goes on sending. Zero: the data are dropped
// and the peer gets a RST. A positive time, in whole seconds and rounded up:
// the system tries for so long, and Close may wait for it.
var Linger = SockOption[time.Duration]{"Linger", getLinger, setLinger}

// Error is the error that the system keeps for the socket until somebody asks
// (SO_ERROR), as a syscall.Errno, nil if there is none. Getting it takes it
// away; it cannot be set.
var Error = SockOption[error]{name: "Error", get: takeError}

// GetOption asks for an option's value. The error is ErrClosed after Close,
// else an *OpError, as for what is no socket or has no such option.
func GetOption[T any](f *FD, o SockOption[T]) (v T, err error) {
	if o.get == nil {
		panic("aio: GetOption of a zero SockOption")
	}
	err = f.with("get "+o.name, func(k sys.Kernel, fd int) (e sys.Errno) {
		v, e = o.get(k, fd)
		return e
	})
	return v, err
}

// SetOption sets an option. The errors are those of GetOption; that of an
// option which cannot be set is errors.ErrUnsupported.
func SetOption[T any](f *FD, o SockOption[T], v T) error {
	switch {
	case o.get == nil:
		panic("aio: SetOption of a zero SockOption")
	case o.set == nil:
		return &OpError{"set " + o.name, "", errors.ErrUnsupported}
	}
	return f.with("set "+o.name, func(k sys.Kernel, fd int) sys.Errno { return o.set(k, fd, v) })
}

func boolOption(name string, o sys.Option) SockOption[bool] {
	return SockOption[bool]{
		name: name,
		get: func(k sys.Kernel, fd int) (bool, sys.Errno) {
			v, e := k.GetOption(fd, o)
			return v != 0, e // some systems answer with the flag's bit
		},
		set: func(k sys.Kernel, fd int, on bool) sys.Errno {
			v := 0
			if on {
				v = 1
			}
			return k.SetOption(fd, o, v)
		},
	}
}

func intOption(name string, o sys.Option) SockOption[int] {
	return SockOption[int]{
		name: name,
		get:  func(k sys.Kernel, fd int) (int, sys.Errno) { return k.GetOption(fd, o) },
		set: func(k sys.Kernel, fd, v int) sys.Errno {
			if v < 0 || v > math.MaxInt32 { // the system would take a part of its bits
				return syscall.EINVAL
			}
			return k.SetOption(fd, o, v)
		},
	}
}

// maxLinger keeps within the 16 bits that some systems have for it.
const maxLinger = 1<<15 - 1

func setLinger(k sys.Kernel, fd int, d time.Duration) sys.Errno {
	seconds := -1
	if d >= 0 {
		// Rounding down would make a RST of a short time.
		seconds = int(min((d-1)/time.Second+1, maxLinger))
	}
	if d == 0 {
		seconds = 0
	}
	return k.SetOption(fd, sys.OptLinger, seconds)
}

func getLinger(k sys.Kernel, fd int) (time.Duration, sys.Errno) {
	v, e := k.GetOption(fd, sys.OptLinger)
	if v < 0 {
		return -1, e
	}
	return time.Duration(v) * time.Second, e
}

func takeError(k sys.Kernel, fd int) (error, sys.Errno) {
	v, e := k.GetOption(fd, sys.OptError)
	if v == 0 || e != 0 {
		return nil, e
	}
	return sys.Errno(v), 0
}
