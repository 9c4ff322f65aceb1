package sys

// Change makes a change for Kevent. Every change carries the token: a kernel
// writes the udata of whatever change names the knote, triggers included.
func Change(ident, filter, flags int, fflags uint32, token uintptr) Kevent {
	return Kevent{
		Ident:  keventIdent(ident),
		Filter: keventFilter(filter),
		Flags:  keventFlags(flags),
		Fflags: fflags,
		Udata:  token,
	}
}
