//go:build darwin || dragonfly || freebsd

package sys

import "golang.org/x/sys/unix"

// EVFILT_USER and its trigger.
const (
	EVFILT_USER  = unix.EVFILT_USER
	NOTE_TRIGGER = unix.NOTE_TRIGGER

	userEvents = true
)
