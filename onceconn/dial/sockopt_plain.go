//go:build unix && !linux

package dial

import "golang.org/x/sys/unix"

func setOption(fd, level, option, n int) { unix.SetsockoptInt(fd, level, option, n) }
