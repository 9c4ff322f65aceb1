//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"syscall"
)

const openLarge = 0

// No kqueue system says whether a file's bytes are in memory.

func readNow(int, []byte, int64) (int, Errno) { return 0, syscall.EAGAIN }

func writeNow(int, []byte, int64) (int, Errno) { return 0, syscall.EAGAIN }

func fullsync(fd int) error { return fsync(fd) }

// datasync: these systems have no cheaper call that x/sys knows.
func datasync(fd int) error { return fsync(fd) }

func nameOf(int) string { return "" }

func advise(int, int64, int64, int) Errno { return syscall.ENOSYS }

func (host) SendFile(int, int, int64, int) (int, Errno) { return 0, syscall.ENOSYS }

func (host) Splice(int, int, int) (int, Errno) { return 0, syscall.ENOSYS }

// allocate: growing a file by truncation would reserve nothing, so it is no
// substitute.
func allocate(int, int64, int64) error { return syscall.ENOSYS }
