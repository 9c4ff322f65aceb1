package rewrite

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// An edit replaces the source bytes [pos, end) by text, or inserts text when
// pos == end. text is a function because the text of a moved operand is
// itself edited: it is rendered when everything has been registered.
type edit struct {
	pos, end int
	kind     editKind
	seq      int
	text     func() string
}

// editKind orders the edits that meet at one offset: what closes the
// expression that ends there, what opens the one that begins there, and then
// the replacement of its first token.
type editKind int

const (
	closing editKind = iota
	opening
	replacing
)

// A buffer holds one file and the edits to make in it.
//
// Invariants:
//  1. Edits are registered while the tree is walked from the outside in:
//     of two openings at one offset the outer comes first, of two closings
//     the inner, which is the one registered later.
//  2. Two replacements either are disjoint or one contains the other. The outer
//     one renders what it keeps of the inner with text.
type buffer struct {
	file   *token.File
	src    []byte
	edits  []edit
	sorted bool
}

func (b *buffer) offset(p token.Pos) int { return b.file.Offset(p) }

func (b *buffer) add(e edit) {
	e.seq = len(b.edits)
	b.edits = append(b.edits, e)
	b.sorted = false
}

// open inserts s before what begins at p.
func (b *buffer) open(p token.Pos, s string) {
	o := b.offset(p)
	b.add(edit{pos: o, end: o, kind: opening, text: func() string { return s }})
}

// close inserts s after what ends at p.
func (b *buffer) close(p token.Pos, s string) {
	o := b.offset(p)
	b.add(edit{pos: o, end: o, kind: closing, text: func() string { return s }})
}

// replace puts s in the place of [p, q).
func (b *buffer) replace(p, q token.Pos, s string) {
	b.replaceFunc(p, q, func() string { return s })
}

// replaceFunc puts the result of f in the place of [p, q).
func (b *buffer) replaceFunc(p, q token.Pos, f func() string) {
	b.add(edit{pos: b.offset(p), end: b.offset(q), kind: replacing, text: f})
}

// newlines returns the line breaks between p and q, for a replacement that
// must keep the lines below it where they are.
func (b *buffer) newlines(p, q token.Pos) string {
	return strings.Repeat("\n", strings.Count(string(b.src[b.offset(p):b.offset(q)]), "\n"))
}

// lineHere returns a directive that gives what follows it the position p.
func (b *buffer) lineHere(p token.Pos) string {
	at := b.file.PositionFor(p, false)
	return fmt.Sprintf("/*line :%d:%d*/", at.Line, at.Column)
}

func (b *buffer) line(p token.Pos) int { return b.file.PositionFor(p, false).Line }

// text renders [p, q) with the edits that lie in it.
func (b *buffer) text(p, q token.Pos) string { return b.render(b.offset(p), b.offset(q)) }

func (b *buffer) render(lo, hi int) string {
	if !b.sorted {
		slices.SortStableFunc(b.edits, compareEdits)
		b.sorted = true
	}
	var out strings.Builder
	at := lo
	first, _ := slices.BinarySearchFunc(b.edits, lo, func(e edit, o int) int { return cmp.Compare(e.pos, o) })
	for _, e := range b.edits[first:] {
		switch {
		case e.pos > hi, e.pos == hi && e.kind != closing:
			out.Write(b.src[at:hi])
			return out.String()
		case e.pos < at, e.end > hi, e.pos == lo && e.kind == closing:
			continue // inside a replacement, or of a neighbour
		}
		out.Write(b.src[at:e.pos])
		out.WriteString(e.text())
		at = e.end
	}
	out.Write(b.src[at:hi])
	return out.String()
}

func compareEdits(x, y edit) int {
	if c := cmp.Compare(x.pos, y.pos); c != 0 {
		return c
	}
	if c := cmp.Compare(x.kind, y.kind); c != 0 {
		return c
	}
	if x.kind == closing {
		return cmp.Compare(y.seq, x.seq)
	}
	if x.kind == replacing && x.end != y.end {
		return cmp.Compare(y.end, x.end) // the outer one
	}
	return cmp.Compare(x.seq, y.seq)
}
