package canceltree

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Dump writes the tree from t downwards to w as text, one line a node, indented
// by two spaces a level. What it shows is what Tree shows. It returns the first
// error of w. No lock is held while w writes.
func (t *Token) Dump(w io.Writer) error {
	b := bufio.NewWriter(w)
	for info := range t.Tree() {
		for range info.Depth {
			b.WriteString("  ")
		}
		b.WriteString(info.label())
		fmt.Fprintf(b, " children=%d handles=%d", info.Children, info.Handles)
		switch {
		case info.Relay:
			b.WriteString(" relay")
		case info.Cause != nil:
			fmt.Fprintf(b, " ended: %q", info.Cause.Error())
		}
		b.WriteByte('\n') // an error stays for Flush
	}
	return b.Flush()
}

// DOT writes the tree from t downwards to w in the language of Graphviz. What it
// shows is what Tree shows: one node a line, and one edge for each but the
// first. Relays are dashed. It returns the first error of w. No lock is held
// while w writes.
func (t *Token) DOT(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString("digraph canceltree {\n\tnode [shape=box];\n")
	var path []int // number of the node on each level of the way to the current one
	number := 0
	for info := range t.Tree() {
		fmt.Fprintf(b, "\tn%d [label=\"%s\"%s];\n", number, escapeDOT(info.caption()), info.style())
		path = append(path[:info.Depth], number)
		if info.Depth > 0 {
			fmt.Fprintf(b, "\tn%d -> n%d;\n", path[info.Depth-1], number)
		}
		number++
	}
	b.WriteString("}\n")
	return b.Flush()
}

// label is the name as Go text, or the ID.
func (i Info) label() string {
	if i.Name == "" {
		return fmt.Sprintf("%#x", i.ID)
	}
	return fmt.Sprintf("%q", i.Name)
}

// caption is the name as it is, or what else can be said of the node in a word.
func (i Info) caption() string {
	switch {
	case i.Name != "":
		return i.Name
	case i.Relay:
		return "relay"
	case i.Err != nil:
		return "ended"
	default:
		return "token"
	}
}

func (i Info) style() string {
	switch {
	case i.Relay:
		return ", style=dashed"
	case i.Err != nil:
		return ", style=dotted"
	default:
		return ""
	}
}

// escapeDOT returns s for use inside double quotes.
func escapeDOT(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(s)
}
