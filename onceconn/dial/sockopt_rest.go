//go:build unix && !linux && !darwin && !freebsd && !netbsd && !dragonfly

package dial

import "time"

// The system (openbsd among others) has no such options for one socket: its own
// settings hold.

func setKeepAlive(int, time.Duration, time.Duration, int) {}

func setUserTimeout(int, time.Duration) {}
