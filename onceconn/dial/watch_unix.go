//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package dial

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"example.com/interlock/aio"
	"golang.org/x/sys/unix"
)

// What dead is told; the causes wrap io.EOF and syscall.ECONNRESET.
var (
	errHungUp      = fmt.Errorf("dial: peer hung up: %w", io.EOF)
	errBroken      = fmt.Errorf("dial: connection is broken: %w", syscall.ECONNRESET)
	errUnsolicited = errors.New("dial: unsolicited data on an idle connection")
)

// adopt gives a descriptor of the kernel's list to the ring.
func adopt(r *aio.Ring, list int) (*watchSet, error) {
	fd, err := r.Adopt(list, aio.KindOther)
	if err != nil {
		unix.Close(list)
		return nil, err
	}
	raw, _ := aio.NewConn(fd).SyscallConn() // never fails
	return &watchSet{ring: r, fd: fd, raw: raw, watchers: make(map[int32]*watcher)}, nil
}
