// Package canceltree keeps a tree of cancellation tokens that stays minimal.
package canceltree
