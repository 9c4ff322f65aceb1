package sys

// Kevent has the layout of struct kevent on OpenBSD, where C aligns 64 bits to
// 8 bytes on this machine and Go to 4.
type Kevent struct {
	Ident  keventIdent
	Filter keventFilter
	Flags  keventFlags
	Fflags uint32
	_      [4]byte
	Data   int64
	Udata  uintptr
	_      [4]byte
}

type (
	keventIdent  = uintptr
	keventFilter = int16
	keventFlags  = uint16
)
