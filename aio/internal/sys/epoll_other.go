//go:build !linux

package sys

// EpollEvent mirrors linux's structure for the simulated kernel.
type EpollEvent struct {
	Events uint32
	Fd     int32
	Pad    int32
}
