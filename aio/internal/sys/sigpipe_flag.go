//go:build linux || openbsd

package sys

// noSigpipe does nothing: MSG_NOSIGNAL goes with every send here.
func noSigpipe(int) {}
