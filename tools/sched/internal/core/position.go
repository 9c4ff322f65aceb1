package core

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// engine is the import path of this module: its frames are not the program's.
const engine = "example.com/interlock/tools/sched"

// ours lists what follows the module's path in the names of functions that are
// not the program's. A test package (sched_test) is the program.
var ours = []string{".", "/sync.", "/atomic.", "/context.", "/time.", "/runtime.", "/lin.", "/internal/"}

// inEngine reports whether the function belongs to the scheduler or to Go
// itself.
func inEngine(fn string) bool {
	if strings.HasPrefix(fn, "runtime.") || strings.HasPrefix(fn, "iter.") {
		return true
	}
	rest, ok := strings.CutPrefix(fn, engine)
	if !ok {
		return false
	}
	for _, p := range ours {
		if strings.HasPrefix(rest, p) {
			return true
		}
	}
	return false
}

// position gives the first frame of the program as file:line, relative to the
// current directory where it lies below.
func position(pcs []uintptr) string {
	if len(pcs) == 0 {
		return "?"
	}
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		if f.File != "" && !inEngine(f.Function) {
			return fmt.Sprintf("%s:%d", short(f.File), f.Line)
		}
		if !more {
			return "?"
		}
	}
}

func short(file string) string {
	dir, err := os.Getwd()
	if err != nil {
		return file
	}
	rel, err := filepath.Rel(dir, file)
	if err != nil || strings.HasPrefix(rel, "..") {
		return file
	}
	return rel
}

// taskFrame is the engine's function that calls a task's own.
const taskFrame = engine + "/internal/core.(*worker).run"

// InTask cuts from a stack, innermost call first, what lies below the task.
//
//go:norace
func InTask(pcs []uintptr) []uintptr {
	for i, pc := range pcs {
		if runtime.FuncForPC(pc-1).Name() == taskFrame {
			return pcs[:i]
		}
	}
	return pcs
}
