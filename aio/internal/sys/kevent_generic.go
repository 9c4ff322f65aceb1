//go:build !freebsd && !netbsd && !(openbsd && arm)

package sys

// Kevent has the layout of struct kevent on darwin, openbsd and dragonfly,
// with an integer where x/sys has a pointer: a small number in a pointer makes
// the runtime throw when it finds one on a stack that it copies.
type Kevent struct {
	Ident  keventIdent
	Filter keventFilter
	Flags  keventFlags
	Fflags uint32
	Data   int64
	Udata  uintptr
}

type (
	keventIdent  = uintptr
	keventFilter = int16
	keventFlags  = uint16
)
