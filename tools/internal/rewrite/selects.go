package rewrite

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// selectStmt: a select becomes a switch over the index of the chosen case.
//
//	select {                    switch t1, t2 := recv(c), send(d)(x); sched.Select(false, t1.Case(), t2) {
//	case v, ok := <-c:          case 0: v, ok := t1.V, t1.OK;
//		...                             ...
//	case d <- x:                default:
//		...                             ...
//	}                           }
//
// The operands are evaluated once, in source order, when the select is
// entered, as the language says; the left side of a receive when its case is
// taken. A switch has select's break, scopes and labels. The last case is
// written as default where the select has none, so that the statement ends a
// function wherever the original did.
func (w *rewriter) selectStmt(n *ast.SelectStmt) {
	if len(n.Body.List) == 0 {
		w.replace(n.Select, n.Body.Lbrace, "for ")
		w.close(n.Body.Lbrace+1, w.sched("Select")+"(false)")
		return
	}
	s := selection{w: w, stmt: n}
	for _, c := range n.Body.List {
		s.clause(c.(*ast.CommClause))
	}
	s.header()
	s.heads()
}

// A selection is a select statement on its way.
type selection struct {
	w      *rewriter
	stmt   *ast.SelectStmt
	comms  []comm
	hasDef bool
}

// A comm is one case with a communication.
type comm struct {
	clause *ast.CommClause
	ch     ast.Expr        // the channel operand
	value  ast.Expr        // what is sent, nil for a receive
	assign *ast.AssignStmt // where what is received goes, or nil
	temp   string
}

// clause takes a clause apart and marks the parts that are written here.
func (s *selection) clause(c *ast.CommClause) {
	w := s.w
	var recv ast.Expr
	switch stmt := c.Comm.(type) {
	case nil:
		s.hasDef = true
		return
	case *ast.SendStmt:
		w.handled[stmt] = true
		s.comms = append(s.comms, comm{clause: c, ch: stmt.Chan, value: stmt.Value, temp: w.temp()})
		return
	case *ast.ExprStmt:
		recv = stmt.X
		s.comms = append(s.comms, comm{clause: c, temp: w.temp()})
	case *ast.AssignStmt:
		recv = stmt.Rhs[0]
		w.handled[stmt] = true
		if len(stmt.Lhs) == 2 {
			w.checkOK(stmt.Lhs[1])
		}
		s.comms = append(s.comms, comm{clause: c, assign: stmt, temp: w.temp()})
	}
	arrow := ast.Unparen(recv).(*ast.UnaryExpr)
	w.handled[arrow] = true
	s.comms[len(s.comms)-1].ch = arrow.X
}

// header writes from the keyword to the brace.
func (s *selection) header() {
	w, n := s.w, s.stmt
	recv, send := "", ""
	for _, c := range s.comms {
		if c.value == nil {
			recv = w.helper("recv")
		} else {
			send = w.helper("send")
		}
	}
	choose := w.sched("Select")
	w.replaceFunc(n.Select, n.Body.Lbrace, func() string {
		var temps, values, cases []string
		moved := false
		for _, c := range s.comms {
			temps = append(temps, c.temp)
			f, use := recv, c.temp+".Case()"
			if c.value != nil {
				f, use = send, c.temp
			}
			v := f + "(" + s.operand(c.ch, &moved) + ")"
			if c.value != nil {
				v += "(" + s.operand(c.value, &moved) + ")"
			}
			values, cases = append(values, v), append(cases, ", "+use)
		}
		out := "switch "
		if len(temps) > 0 {
			out += strings.Join(temps, ", ") + " := " + strings.Join(values, ", ") + "; "
		}
		if moved {
			out += w.lineHere(n.Select)
		}
		out += fmt.Sprintf("%s(%t%s) ", choose, s.hasDef, strings.Join(cases, ""))
		if moved || w.line(n.Select) != w.line(n.Body.Lbrace) {
			out += w.lineHere(n.Body.Lbrace)
		}
		return out
	})
}

// operand renders an operand that moves into the header, with its position.
func (s *selection) operand(x ast.Expr, moved *bool) string {
	text := s.w.text(x.Pos(), x.End())
	if *moved || s.w.line(x.Pos()) != s.w.line(s.stmt.Select) || strings.Contains(text, "\n") {
		*moved = true
		return s.w.lineHere(x.Pos()) + text
	}
	return text
}

// heads writes the head of each clause, from the keyword to the colon.
func (s *selection) heads() {
	w := s.w
	for i, c := range s.comms {
		head := fmt.Sprintf("case %d:", i)
		if i == len(s.comms)-1 && !s.hasDef {
			head = "default:"
		}
		first, last := c.clause.Case, c.clause.Colon+1
		w.replaceFunc(first, last, func() string {
			out := head + s.assignment(c)
			if w.line(first) != w.line(last) || strings.Contains(out, "\n") {
				out += w.lineHere(last)
			}
			return out
		})
	}
}

// assignment gives the received values to the left side of the case.
func (s *selection) assignment(c comm) string {
	if c.assign == nil {
		return ""
	}
	w, lhs := s.w, c.assign.Lhs
	values := c.temp + ".V"
	if len(lhs) == 2 {
		values += ", " + c.temp + ".OK"
	}
	tok := c.assign.Tok
	if tok == token.DEFINE && s.allBlank(lhs) {
		tok = token.ASSIGN
	}
	return fmt.Sprintf(" %s %s %s;", w.text(lhs[0].Pos(), lhs[len(lhs)-1].End()), tok, values)
}

func (s *selection) allBlank(lhs []ast.Expr) bool {
	for _, x := range lhs {
		if id, ok := x.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

// typeName writes a type for a message, with short package names.
func (w *rewriter) typeName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == w.pkg.Types {
			return ""
		}
		return p.Name()
	})
}
