package runtime

import "runtime"

// What the model does not change.
const (
	GOOS     = runtime.GOOS
	GOARCH   = runtime.GOARCH
	Compiler = runtime.Compiler
)

type (
	Error              = runtime.Error
	TypeAssertionError = runtime.TypeAssertionError
	PanicNilError      = runtime.PanicNilError
	MemStats           = runtime.MemStats
	MemProfileRecord   = runtime.MemProfileRecord
	BlockProfileRecord = runtime.BlockProfileRecord
	StackRecord        = runtime.StackRecord
	Frame              = runtime.Frame
	Frames             = runtime.Frames
	Func               = runtime.Func
	Pinner             = runtime.Pinner
)

func GC()                  { runtime.GC() }
func GOMAXPROCS(n int) int { return runtime.GOMAXPROCS(n) }

//lint:ignore SA1019 the package has what package runtime has
func GOROOT() string                          { return runtime.GOROOT() }
func NumCPU() int                             { return runtime.NumCPU() }
func NumCgoCall() int64                       { return runtime.NumCgoCall() }
func Version() string                         { return runtime.Version() }
func KeepAlive(x any)                         { runtime.KeepAlive(x) }
func ReadMemStats(m *MemStats)                { runtime.ReadMemStats(m) }
func Stack(buf []byte, all bool) int          { return runtime.Stack(buf, all) }
func CallersFrames(callers []uintptr) *Frames { return runtime.CallersFrames(callers) }
func FuncForPC(pc uintptr) *Func              { return runtime.FuncForPC(pc) }
func Breakpoint()                             { runtime.Breakpoint() }
func SetBlockProfileRate(rate int)            { runtime.SetBlockProfileRate(rate) }
func SetMutexProfileFraction(rate int) int    { return runtime.SetMutexProfileFraction(rate) }
