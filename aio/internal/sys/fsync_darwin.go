package sys

import "golang.org/x/sys/unix"

// fsync also empties the disk's own cache, where the file system can.
func fsync(fd int) error {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0); err == nil {
		return nil
	}
	return unix.Fsync(fd)
}
