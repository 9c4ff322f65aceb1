//go:build netbsd && !arm

package sys

// Kevent has the layout of struct kevent on NetBSD.
type Kevent struct {
	Ident  keventIdent
	Filter keventFilter
	Flags  keventFlags
	Fflags uint32
	Data   int64
	Udata  uintptr
}
