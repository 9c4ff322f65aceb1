//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package sys

// Flags of a received message, for the simulated kernel: linux's.
const (
	MSG_TRUNC  = 0x20
	MSG_CTRUNC = 0x8
)

// Rights is the control message that hands descriptors over: here their bare
// numbers.
func Rights(fds []int) (oob []byte) {
	for _, fd := range fds {
		oob = append(oob, byte(fd), byte(fd>>8), byte(fd>>16), byte(fd>>24))
	}
	return oob
}

// ParseRights lists the descriptors in received control data.
func ParseRights(oob []byte) (fds []int) {
	for ; len(oob) >= 4; oob = oob[4:] {
		fds = append(fds, int(oob[0])|int(oob[1])<<8|int(oob[2])<<16|int(oob[3])<<24)
	}
	return fds
}

// RightsSpace is how much control data n descriptors take.
func RightsSpace(n int) int { return 4 * n }
