//go:build netbsd || openbsd

package sys

// EVFILT_USER is not offered here: NetBSD has it since 10 only, and x/sys does
// not know OpenBSD's. A number that no filter has.
const (
	EVFILT_USER  = 1 << 14
	NOTE_TRIGGER = 0x01000000

	userEvents = false
)
