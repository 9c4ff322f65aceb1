package sys

// Kevent has the layout of struct kevent since FreeBSD 12, with an integer
// where x/sys has a pointer: a small number in a pointer makes the runtime
// throw when it finds one on a stack that it copies.
type Kevent struct {
	Ident  keventIdent
	Filter keventFilter
	Flags  keventFlags
	Fflags uint32
	_      [keventPad]byte
	Data   int64
	Udata  uintptr
	_      [keventPad]byte
	Ext    [4]uint64
}

type (
	keventIdent  = uintptr
	keventFilter = int16
	keventFlags  = uint16
)
