package onceconn_test

import "syscall"

var errEMFILE error = syscall.EMFILE
