// Package rewrite turns plain Go into Go that runs on the model of
// tools/sched: channels become *sched.Chan, go statements become sched.Go,
// selects become switches over sched.Select, and the packages sync,
// sync/atomic, context, time and runtime are replaced by modelled packages of
// the same API.
//
// The work is done on the text, guided by the type checker: tokens are
// replaced and calls are inserted where the original stands, so that every
// line keeps its number and a //line directive at the head of the file is
// enough to make stack traces, failure reports and compile errors point at
// the original. Where text must move (the operands of a select are evaluated
// in its header) it carries /*line*/ directives with it.
//
// # What is refused
//
// A rewrite that compiles and means something else is worse than none. Hence
// everything that would change its meaning is reported as a Refusal with its
// position, and nothing is skipped in silence:
//
//   - a real channel, context, mutex or timer that comes from, or goes to, a
//     package that is not rewritten with this one;
//   - a type assertion or type switch that could tell a channel's direction,
//     which the modelled channel has lost;
//   - reflection on channels and unsafe views of modelled types;
//   - a defined channel type whose methods satisfy an interface, are promoted, or
//     become values;
//   - cgo, go:linkname, iter.Pull and testing/synctest, which run or hook code
//     where the scheduler cannot see it.
package rewrite
