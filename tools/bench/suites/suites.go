// Package suites holds the measurements of every module: one file a module,
// one row a promise of its documentation.
package suites

import "example.com/interlock/tools/bench"

// All returns the suites in the order of the root README's table.
func All() []bench.Suite {
	return []bench.Suite{
		{Module: "line", Run: line},
		{Module: "waitmap", Run: waitMap},
		{Module: "canceltree", Run: cancelTree},
		{Module: "aio", Run: aioCore},
		{Module: "onceconn", Run: onceConn},
	}
}
