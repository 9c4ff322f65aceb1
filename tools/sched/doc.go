// Package sched explores the interleavings of plain Go code.
package sched
