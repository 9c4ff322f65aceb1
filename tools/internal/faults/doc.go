// Package faults runs a module's seeded faults: diffs that each put one defect
// into the sources, with the test that must notice it. A suite that stays green
// over a seeded fault does not test what it claims to.
//
// A fault is applied through an overlay. The module's folder is never written
// to, and several faults run at once.
package faults
