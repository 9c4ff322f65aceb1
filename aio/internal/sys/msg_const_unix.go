//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Flags of a received message.
const (
	MSG_TRUNC  = unix.MSG_TRUNC  // it was longer than its buffer
	MSG_CTRUNC = unix.MSG_CTRUNC // its control data were
)

// Rights is the control message that hands descriptors over.
func Rights(fds []int) []byte {
	if len(fds) == 0 {
		return nil
	}
	return unix.UnixRights(fds...)
}

// ParseRights lists the descriptors in received control data.
func ParseRights(oob []byte) (fds []int) {
	for len(oob) >= unix.CmsgLen(0) {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_RIGHTS {
			for m := data; len(m) >= 4; m = m[4:] {
				fds = append(fds, int(int32(binary.NativeEndian.Uint32(m))))
			}
		}
		oob = rest
	}
	return fds
}

// RightsSpace is how much control data n descriptors take.
func RightsSpace(n int) int { return unix.CmsgSpace(4 * n) }
