package runtime

import (
	"runtime"

	"example.com/interlock/tools/sched/internal/core"
)

// Callers stops, in an exploration, at the function that the task began with:
// what lies below belongs to the engine and to tasks that have ended.
func Callers(skip int, pc []uintptr) int {
	if core.Now() == nil {
		return runtime.Callers(skip+1, pc)
	}
	all := make([]uintptr, 64)
	n := runtime.Callers(1, all)
	for n == len(all) {
		all = make([]uintptr, 2*n)
		n = runtime.Callers(1, all)
	}
	all = core.InTask(all[:n])
	return copy(pc, all[min(max(skip, 0), len(all)):])
}

// Caller is Callers for one frame.
func Caller(skip int) (pc uintptr, file string, line int, ok bool) {
	if core.Now() == nil {
		return runtime.Caller(skip + 1)
	}
	var one [1]uintptr
	if Callers(skip+2, one[:]) == 0 {
		return 0, "", 0, false
	}
	f, _ := runtime.CallersFrames(one[:]).Next()
	return f.PC, f.File, f.Line, true
}
