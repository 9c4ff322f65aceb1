package simkernel

import (
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// Manners are the points on which systems differ, as far as aio can see them.
// The facts are those of real FreeBSD 12.3, NetBSD 7.99 and linux 6 kernels
// unless a preset says otherwise. A Manners may be copied and changed: each
// field is a knob of its own.
type Manners struct {
	Name   string
	Poller sys.Poller

	// Nests: an epoll descriptor can wait in the poller of the program's
	// runtime.
	Nests bool
	// UserEvents: EVFILT_USER exists.
	UserEvents bool
	// KeepAdd: events keep the flag EV_ADD of the change that made the note.
	KeepAdd bool
	// WriteFirst: one state change that concerns both filters of a
	// descriptor puts WRITE before READ.
	WriteFirst bool
	// EnableFires: EV_ENABLE on a ready EV_CLEAR note makes a new edge. On
	// every system EV_ADD does.
	EnableFires bool

	// SyncConnect: a tcp connect over loopback is decided within the call.
	SyncConnect bool
	// ConnectOnce: after a connect in progress has succeeded, the next
	// connect answers success once and only then EISCONN.
	ConnectOnce bool
	// UnixBacklog is what connect answers when a unix listener is full.
	UnixBacklog sys.Errno
	// AbortedAccept: accept answers ECONNABORTED for a connection that was
	// reset while it was queued; else it gives the dead connection.
	AbortedAccept bool

	// LooseShutdown: shutdown of a socket that has never been connected is no
	// error.
	LooseShutdown bool
	// ReadEndEnds: a unix socket whose peer has shut its reads down cannot
	// write; else it writes on, to nobody.
	ReadEndEnds bool
	// UnreadResets: closing a tcp socket with unread data sends RST.
	UnreadResets bool
	// EpipeFirst: a write after a reset answers EPIPE and leaves the pending
	// error; else it takes the pending error, and EPIPE comes from then on.
	EpipeFirst bool
	// LateResetEpipe: a reset that follows the peer's FIN is pending as EPIPE
	// instead of ECONNRESET.
	LateResetEpipe bool

	// SpaceEdges: each read of a tcp peer gives a new WRITE edge although
	// the buffer was never full. Unix sockets do so everywhere.
	SpaceEdges bool
	// PipeEdges: each read or write of a pipe gives new edges on both ends.
	PipeEdges bool
	// PipeOneshot: the WRITE event for a pipe whose reader is gone deletes
	// its note.
	PipeOneshot bool
	// PipeBroken is what registering WRITE on a pipe without a reader
	// answers; zero: the registration fires at once.
	PipeBroken sys.Errno
	// PipeGoneOnRead: a writer learns that the reader is gone from an EOF on
	// the READ filter of its descriptor; the WRITE filter stays silent.
	PipeGoneOnRead bool

	// FIFOWaits: a FIFO that nobody has opened to write yet has nothing to
	// read; else it is at its end.
	FIFOWaits bool

	// FileWrite: EVFILT_WRITE can be registered on a regular file.
	FileWrite bool
}

// Linux is epoll as linux 6 has it.
func Linux() Manners {
	return Manners{
		Name:           "linux",
		Poller:         sys.Epoll,
		ConnectOnce:    true,
		UnixBacklog:    syscall.EAGAIN,
		ReadEndEnds:    true,
		UnreadResets:   true,
		LateResetEpipe: true,
	}
}

// Nested is Linux with its epoll in the runtime's poller.
func Nested() Manners {
	m := Linux()
	m.Nests = true
	return m
}

// FreeBSD is kqueue as FreeBSD 12.3 has it.
func FreeBSD() Manners {
	return Manners{
		Name:          "freebsd",
		Poller:        sys.Kqueue,
		UserEvents:    true,
		EnableFires:   true,
		SyncConnect:   true,
		UnixBacklog:   syscall.ECONNREFUSED,
		AbortedAccept: true,
		EpipeFirst:    true,
		SpaceEdges:    true,
		PipeEdges:     true,
		PipeOneshot:   true,
		PipeBroken:    syscall.EPIPE,
		FIFOWaits:     true,
		FileWrite:     true,
	}
}

// NetBSD is kqueue as NetBSD 7.99 has it.
func NetBSD() Manners {
	return Manners{
		Name:          "netbsd",
		Poller:        sys.Kqueue,
		KeepAdd:       true,
		WriteFirst:    true,
		UnixBacklog:   syscall.ECONNREFUSED,
		AbortedAccept: true,
		LooseShutdown: true,
		EpipeFirst:    true,
		PipeEdges:     true,
		PipeBroken:    syscall.EBADF,
	}
}

// OpenBSD is assumed from its manual: NetBSD's ways without its oddities.
func OpenBSD() Manners {
	m := NetBSD()
	m.Name, m.KeepAdd, m.WriteFirst, m.EnableFires = "openbsd", false, false, true
	m.PipeBroken = syscall.EPIPE
	return m
}

// Darwin is assumed from manuals and from what others have reported of it.
func Darwin() Manners {
	m := FreeBSD()
	m.Name, m.SyncConnect, m.PipeOneshot, m.PipeGoneOnRead = "darwin", false, false, true
	m.PipeBroken, m.FIFOWaits = 0, false
	return m
}

// Systems are all presets.
func Systems() []Manners {
	return []Manners{Linux(), FreeBSD(), NetBSD(), OpenBSD(), Darwin()}
}
