package simkernel

import (
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// Chance is how often, from 0 to 1, the kernel does what it is free to do.
type Chance struct {
	Short     float64 // a read or write moves less: the rest arrives or drains a moment later
	Interrupt float64 // a wait ends with EINTR
	Stale     float64 // a wait gives an event of the past once more, whoever has the number now
	Spurious  float64 // a wait gives events for which nothing has happened, for each watch
	Abort     float64 // an accept answers ECONNABORTED before it gives a connection
	NoBuffers float64 // a send answers ENOBUFS
	NoFiles   float64 // an accept answers EMFILE or ENFILE
	NoMemory  float64 // a registration answers ENOMEM
}

// Call names a call of the interface.
type Call uint8

// The calls. Send and Recv count by their own names.
const (
	CallSocket Call = iota
	CallPipe
	CallDup
	CallAdopt
	CallClose
	CallRead
	CallWrite
	CallRecv
	CallSend
	CallAccept
	CallConnect
	CallBind
	CallListen
	CallShutdown
	CallSockError
	CallSockName
	CallPeerName
	CallSetOption
	CallGetOption
	CallReadv
	CallWritev
	CallSendv
	CallRecvMsg
	CallSendMsg
	CallPoll
	CallEpollCreate
	CallEpollCtl
	CallEpollWait
	CallEventFD
	CallKqueue
	CallKevent
	CallOpen
	CallReadAt
	CallWriteAt
	CallDisk
	CallSendFile
	CallSplice
	callCount
)

var callNames = [callCount]string{
	"socket", "pipe", "dup", "adopt", "close", "read", "write", "recv", "send", "accept", "connect", "bind", "listen",
	"shutdown", "getsockopt", "getsockname", "getpeername", "setsockopt",
	"getsockopt", "readv", "writev", "sendv", "recvmsg", "sendmsg", "poll", "epoll_create", "epoll_ctl",
	"epoll_wait", "eventfd", "kqueue", "kevent",
	"open", "pread", "pwrite", "call on a file", "sendfile", "splice",
}

func (c Call) String() string { return callNames[c] }

// Fault makes calls fail.
type Fault struct {
	Call  Call
	FD    int // the number; negative: any
	Skip  int // calls that are let through first
	Times int // calls that fail then; 0: one, negative: all
	Err   sys.Errno
}

// Fail adds a fault. Of several that fit a call the first to be added counts.
func (k *Kernel) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	k.mu.Lock()
	k.faults = append(k.faults, &f)
	k.mu.Unlock()
}

// Heal takes back all faults, leaves nothing to luck and ends a shortage of
// descriptors.
func (k *Kernel) Heal() {
	k.mu.Lock()
	k.faults = nil
	k.cfg.Chance = Chance{}
	k.cfg.Files = 1 << 20
	k.awake.Broadcast()
	k.mu.Unlock()
}

// fault is the errno with which a call is to fail, zero if it is not.
func (k *Kernel) fault(call Call, fd int) sys.Errno {
	for _, f := range k.faults {
		if f.Call != call || f.FD >= 0 && f.FD != fd || f.Times == 0 {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f.Err
	}
	return k.misfortune(call)
}

// misfortune is fault left to luck.
func (k *Kernel) misfortune(call Call) sys.Errno {
	c := &k.cfg.Chance
	switch {
	case call == CallAccept && k.lucky(c.Abort):
		return syscall.ECONNABORTED
	case call == CallAccept && k.lucky(c.NoFiles):
		if k.luck.IntN(2) == 0 {
			return syscall.ENFILE
		}
		return syscall.EMFILE
	case (call == CallSend || call == CallSendv || call == CallSendMsg) && k.lucky(c.NoBuffers):
		return syscall.ENOBUFS
	case call == CallEpollCtl && k.lucky(c.NoMemory):
		return syscall.ENOMEM
	}
	return 0
}

// lucky draws only when there is something to win, so that a Chance of zero
// leaves the sequence alone.
func (k *Kernel) lucky(p float64) bool { return p > 0 && k.luck.Float64() < p }

// part is how much of n bytes moves now.
func (k *Kernel) part(n int) int {
	if n > 1 && k.lucky(k.cfg.Chance.Short) {
		return 1 + k.luck.IntN(n-1)
	}
	return n
}
