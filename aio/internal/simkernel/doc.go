// Package simkernel is a kernel in plain Go: a [sys.Kernel] with descriptors,
// pipes, tcp and unix sockets, epoll or kqueue, and a clock of its own.
//
// It exists so that both pollers of aio run on every machine, under the race
// detector, with every answer of the system chosen by a seed. [Manners] says
// how a system behaves; [Linux], [FreeBSD], [NetBSD], [OpenBSD] and [Darwin]
// are the ones that are known, the first three from real kernels. [Chance]
// adds what a kernel is free to do at any time: short counts, interrupted
// waits, events for which nothing happened, transmissions that take their
// time. [Fault] makes a chosen call fail.
//
// What it does not do is be kind: numbers are reused lowest first, an edge is
// given once, a closed poller wakes nobody, and whoever calls on a number that
// is not open is remembered in [Kernel.Misuse]. Edges are never lost but where
// a knob says that the system loses them.
//
// The peers of a test live in the same kernel: they are driven by the same
// calls, on numbers of the same table.
package simkernel
