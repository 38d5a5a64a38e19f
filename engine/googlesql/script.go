package googlesql

import (
	"errors"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
)

// ScriptNode is a part of a parsed script: a statement, a clause, a list, down to the
// statements and expressions that are analyzed on their own, which have no children but
// for the parts of procedural statements.
type ScriptNode struct {
	// Kind is the parser's name: StatementList, IfStatement, VariableDeclaration,
	// QueryStatement, Identifier, …
	Kind string
	// Start and End are bytes of the script.
	Start, End int
	// Expr says that the node is an expression.
	Expr     bool
	Children []*ScriptNode
}

// Text is the node's part of the script.
func (n *ScriptNode) Text(sql string) string { return sql[n.Start:n.End] }

// maxScriptDepth is how deep the statements of a script may nest.
const maxScriptDepth = 200

// ParseScript reads a script of GoogleSQL's procedural language; the node is the list of
// its statements. Names are not resolved. The error is Errors or *Fault.
func (s *Session) ParseScript(sql string) (*ScriptNode, error) {
	if err := guard(sql, scan(sql)); err != nil {
		return nil, err
	}
	if s.engine == nil || s.engine.m.Broken() {
		s.Close()
		if err := s.start(); err != nil {
			return nil, &Fault{Message: err.Error()}
		}
	}
	m := s.engine.m
	var (
		node    *ScriptNode
		failure error
	)
	err := m.Do(func() {
		// The parser empties the options it is given.
		opts := m.NewParserOptions()
		m.ParserOptions_SetLanguageOptions(opts, s.languageOptions(m))
		out, err := m.ParseScript(sql, opts, &raw.ErrorMessageOptions{
			Mode: raw.ErrorMessageModeErrorMessageOneLine, Stability: raw.ErrorMessageStabilityProduction,
		})
		if err != nil {
			failure = err
			return
		}
		d := scriptDecoder{m: m, size: len(sql)}
		node = d.node(m.ASTScript_StatementListNode(m.ParserOutput_Script(out)), 0)
		failure = d.err
		m.ParserOutput_Free(out)
	})
	if err != nil {
		failure = err
	}
	if m.Broken() {
		s.Close()
	}
	var e *raw.Error
	switch {
	case failure == nil:
		return node, nil
	case errors.As(failure, &e) && !e.Trap:
		return nil, Errors{parseError(e.Message, sql)}
	}
	return nil, &Fault{Message: failure.Error()}
}

type scriptDecoder struct {
	m    *raw.Module
	size int
	err  error
}

func (d *scriptDecoder) node(h raw.Handle, depth int) *ScriptNode {
	m := d.m
	n := &ScriptNode{Kind: m.ASTNode_GetNodeKindString(h), Expr: m.ASTNode_IsExpression(h)}
	at := m.ASTNode_GetParseLocationRange(h)
	n.Start = int(m.ParseLocationPoint_GetByteOffset(m.ParseLocationRange_Start(at)))
	n.End = int(m.ParseLocationPoint_GetByteOffset(m.ParseLocationRange_End(at)))
	m.ParseLocationRange_Free(at)
	if n.Start < 0 || n.End < n.Start || n.End > d.size {
		n.Start, n.End = 0, 0
	}
	if depth > maxScriptDepth {
		d.err = fmt.Errorf("the statements of the script nest too deep")
		return n
	}
	leaf := n.Expr && n.Kind != "StructConstructorWithParens" || m.ASTNode_IsQueryExpression(h) || m.ASTNode_IsType(h) ||
		m.ASTNode_IsSqlStatement(h) && !procedural[n.Kind]
	if leaf {
		return n
	}
	for i := range m.ASTNode_NumChildren(h) {
		n.Children = append(n.Children, d.node(m.ASTNode_Child(h, i), depth+1))
	}
	return n
}

// procedural are the statements the parser takes for SQL whose parts an interpreter needs.
var procedural = map[string]bool{
	"CallStatement": true, "ExecuteImmediateStatement": true, "CreateProcedureStatement": true, "AssertStatement": true, "DropFunctionStatement": true, "DropStatement": true,
	"SystemVariableAssignment": true, "ParameterAssignment": true,
}

// ForgetConstant takes a constant away. An unknown name is ignored.
func (s *Session) ForgetConstant(name string) {
	key := functionKey([]string{name})
	if f := s.functions[key]; f == nil || f.kind != constant {
		return
	}
	delete(s.functions, key)
	if s.engine != nil {
		s.engine.stale = true
	}
}

// Substitute writes values in place of query parameters and system variables. value is
// asked for each: with the name behind @, "" and a position from 1 for ?, and the dotted
// path after "@@"; ok is false for what shall stay.
func Substitute(sql string, value func(name string, position int, system bool) (text string, ok bool)) string {
	tokens := scan(sql)
	var b strings.Builder
	done, position := 0, 0
	sign := func(i int, c byte) bool {
		return i < len(tokens) && tokens[i].kind == signToken && sql[tokens[i].start] == c
	}
	adjacent := func(i int) bool { return i+1 < len(tokens) && tokens[i].end == tokens[i+1].start }
	for i := 0; i < len(tokens); i++ {
		start := tokens[i].start
		var (
			text string
			ok   bool
			end  int
		)
		switch {
		case sign(i, '?'):
			position++
			text, ok = value("", position, false)
			end = tokens[i].end
		case sign(i, '@') && adjacent(i) && sign(i+1, '@') && adjacent(i+1) && tokens[i+2].kind == wordToken:
			j := i + 2
			name := tokens[j].name(sql)
			for sign(j+1, '.') && j+2 < len(tokens) && tokens[j+2].kind == wordToken {
				j += 2
				name += "." + tokens[j].name(sql)
			}
			text, ok = value(name, 0, true)
			end, i = tokens[j].end, j
		case sign(i, '@') && adjacent(i) && tokens[i+1].kind == wordToken:
			text, ok = value(tokens[i+1].name(sql), 0, false)
			i++
			end = tokens[i].end
		default:
			continue
		}
		if ok {
			b.WriteString(sql[done:start])
			b.WriteString(text)
			done = end
		}
	}
	b.WriteString(sql[done:])
	return b.String()
}

// Zone is the name of the default time zone.
func (s *Session) Zone() string { return s.zone.String() }
