//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// descriptorRoom raises the soft limit of open files to the hard one, as the
// Go runtime does for os.Open users, and returns how many more this process
// may open.
func descriptorRoom(out io.Writer) int {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 1 << 20
	}
	if lim.Cur < lim.Max {
		raised := syscall.Rlimit{Cur: lim.Max, Max: lim.Max}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			lim = raised
		}
	}
	room := int(min(uint64(lim.Cur), 1<<20)) - descriptors() - 16 // the runtime's own
	if room < 2000 {
		fmt.Fprintf(out, "room for %d open files only: the naive crowd waits for descriptors (ulimit -n raises the limit)\n", room)
	}
	return max(room, 6)
}

// descriptors counts the open files of this process.
func descriptors() int {
	dir, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0
	}
	return len(dir)
}
