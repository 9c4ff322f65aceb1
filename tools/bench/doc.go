// Package bench measures interlock's modules side by side with what a user
// would pick instead, and says of every figure that a module promises whether
// it holds on this machine.
//
// Two programs that do the same work run in turn in one process, ours and the
// reference, A B, then B A, then A B again: what else happens on the machine
// hits both. Each pair of neighbours gives one ratio; the median of the
// ratios is the figure, with its confidence interval (distribution-free, from
// golang.org/x/perf/benchmath). Absolute times are shown for orientation
// only, ratios are what is promised.
//
// The command is
//
//	go run ./tools/bench/cmd/bench [-module M] [-quick] [-write]
//
// at the root of the repository; make bench calls it. It exits with status 1
// when a bound is missed. With -write it keeps the raw samples in the format
// that benchstat reads, draws one chart per module and writes BENCHMARKS.md.
//
// Peers are dependencies of this module alone: nobody who imports a library
// of interlock sees them.
package bench
