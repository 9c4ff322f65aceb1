package sys

// Kevent has the layout of struct kevent on NetBSD, whose size is a multiple
// of 8 bytes on this machine.
type Kevent struct {
	Ident  keventIdent
	Filter keventFilter
	Flags  keventFlags
	Fflags uint32
	Data   int64
	Udata  uintptr
	_      [4]byte
}
