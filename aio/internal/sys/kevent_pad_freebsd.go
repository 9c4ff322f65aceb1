//go:build freebsd && !arm

package sys

// keventPad: C and Go lay the structure out alike here.
const keventPad = 0
