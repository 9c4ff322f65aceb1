//go:build !wasip1 && !plan9

package sys

import "syscall"

// EHOSTDOWN is not known everywhere.
const EHOSTDOWN = syscall.EHOSTDOWN
