package aio

import "example.com/interlock/aio/internal/sys"

// Kind says how a descriptor behaves.
type Kind uint8

// The kinds.
const (
	KindAuto     Kind = iota // ask the system
	KindStream               // a stream socket: no boundaries, 0 bytes are the end
	KindPacket               // a datagram socket: boundaries, an empty message is no end
	KindListener             // a listening socket
	KindFile                 // a regular file: never waited for
	KindOther                // pipes, ttys, devices: streams without the calls of sockets
)

// String is the kind's name.
func (k Kind) String() string {
	switch k {
	case KindAuto:
		return "KindAuto"
	case KindStream:
		return "KindStream"
	case KindPacket:
		return "KindPacket"
	case KindListener:
		return "KindListener"
	case KindFile:
		return "KindFile"
	case KindOther:
		return "KindOther"
	}
	return "Kind(?)"
}

// kindOf is the kind that a shape suggests.
func kindOf(s sys.Shape) Kind {
	switch s {
	case sys.ShapeStream:
		return KindStream
	case sys.ShapeListener:
		return KindListener
	case sys.ShapePacket:
		return KindPacket
	case sys.ShapeFile:
		return KindFile
	}
	return KindOther
}

// Interest is a set of states of a descriptor to wait for.
type Interest uint8

// The bits of an Interest. They are states, not events: waiting for one that
// holds returns at once, again and again.
const (
	Readable = Interest(sys.Readable) // a read would not wait
	Writable = Interest(sys.Writable) // a write would not wait
	Priority = Interest(sys.Priority) // urgent data has arrived; seen when other data moves, on kqueue
	HangUp   = Interest(sys.HangUp)   // the peer will send no more or is gone; data may be left to read
)
