package tmpl

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// fail turns an error of text/template's execution into the run's diagnostic. Errors
// that carry one already have stopped the run before.
func (r *run) fail(err error) error {
	if r.diag != nil {
		return errStop
	}
	var exec template.ExecError
	if !errors.As(err, &exec) {
		return r.stop(runError(r.top.place(), err.Error(), err))
	}
	return r.stop(r.explain(exec))
}

// execPattern is the beginning of every message of text/template: file, line, column,
// the template's name and the node it was at.
var execPattern = regexp.MustCompile(`^(?s:template: \x00file(\d*):(\d+):(\d+): executing ".*?" at <.*?>: )`)

var callPattern = regexp.MustCompile(`error calling ([A-Za-z0-9_]+): $`)

// explain words what went wrong and finds the place: text/template gives file,
// line and column of the node.
func (r *run) explain(exec template.ExecError) diag.Diagnostic {
	message := exec.Error()
	m := execPattern.FindStringSubmatch(message)
	if m == nil {
		return runError(r.top.place(), message, exec)
	}
	message = message[len(m[0]):]
	u := r.t.unit
	if n, err := strconv.Atoi(m[1]); err == nil && n < len(r.t.lib.units) {
		u = r.t.lib.units[n]
	}
	line, _ := strconv.Atoi(m[2])
	off, _ := strconv.Atoi(m[3]) // in bytes
	if line > 1 {
		off += u.file.Offset(line, 1)
	}
	if inner := errors.Unwrap(exec.Err); inner != nil {
		reason := inner.Error()
		call := callPattern.FindStringSubmatch(strings.TrimSuffix(exec.Error(), reason))
		switch at := u.commandAt(off); {
		case call == nil:
			return runError(at, plain(reason), exec)
		case call[1] == "fail":
			return failed(at, reason)
		default:
			return runError(at, fmt.Sprintf("%q: %s", call[1], plain(reason)), exec)
		}
	}
	if strings.HasPrefix(message, "wrong number of args") {
		return runError(u.commandAt(off), plain(message), exec)
	}
	return runError(u.operandAt(off), plain(message), exec)
}

// rewording says in our words what text/template and reflection say in Go's.
var rewording = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`^wrong number of args for (\w+): want (?:at least )?1 got (\d+)$`), `"$1" takes 1 argument, not $2`},
	{regexp.MustCompile(`^wrong number of args for (\w+): want (?:at least )?(\d+) got (\d+)$`), `"$1" takes $2 arguments, not $3`},
	{regexp.MustCompile(`^wrong type for value; expected (\S+); got (\S+)$`), `the value is of type $2 where $1 is expected`},
	{regexp.MustCompile(`^expected (\w+); found (.*)$`), `$2 stands where a value of type $1 is expected`},
	{regexp.MustCompile(`^can't evaluate field (\w+) in type (.+)$`), `a value of type $2 has no field "$1"`},
	{regexp.MustCompile(`^nil pointer evaluating .*\.(\w+)$`), `there is no value that could have a field "$1"`},
	{regexp.MustCompile(`^range can't iterate over (.*)$`), `range needs a list, a dictionary or a number, not $1`},
	{regexp.MustCompile(`^can't give argument to non-function (.*)$`), `$1 is a value and takes no arguments`},
	{regexp.MustCompile(`^(\w+) has arguments but cannot be invoked as function$`), `$1 is a value and takes no arguments`},
	{regexp.MustCompile(`^template "(.*)" not defined$`), `no macro named "$1"`},
	{regexp.MustCompile(`^runtime error: (.*)$`), `it does not take these values ($1)`},
	{regexp.MustCompile(`^invalid value; expected (.+)$`), `nil stands where a value of type $1 is expected`},
}

func plain(message string) string {
	for _, r := range rewording {
		if r.pattern.MatchString(message) {
			return r.pattern.ReplaceAllString(message, r.text)
		}
	}
	return message
}

// commandAt is the command that the token at off belongs to, from its first operand
// to its last.
func (u *unit) commandAt(off int) source.Span {
	s := scanActions(u.file.Data)
	a, i := s.place(off)
	if a == nil {
		return u.file.Whole()
	}
	first, depth := i, 0
	for j := i - 1; j >= a.from; j-- {
		k := s.toks[j].kind
		if depth == 0 && beginsCommand(k) {
			break
		}
		switch k {
		case kindClose:
			depth++
		case kindOpen:
			depth--
		}
		if depth == 0 {
			first = j
		}
	}
	if ops := s.operands(first, nil); len(ops) > 0 {
		return u.file.Span(ops[0].start, ops[len(ops)-1].end)
	}
	return u.file.Span(s.toks[i].start, s.toks[i].end) // a pipe or a parenthesis
}

// operandAt is the operand that the token at off belongs to.
func (u *unit) operandAt(off int) source.Span {
	s := scanActions(u.file.Data)
	a, i := s.place(off)
	if a == nil {
		return u.file.Whole()
	}
	first := i
	for first > a.from && !s.toks[first].space {
		k := s.toks[first-1].kind
		if k != kindField && k != kindVariable && k != kindIdent {
			break
		}
		first--
	}
	if ops := s.operands(first, nil); len(ops) > 0 {
		return u.file.Span(ops[0].start, ops[0].end)
	}
	return u.file.Span(s.toks[i].start, s.toks[i].end) // a parenthesis
}

// beginsCommand reports whether a command may follow a token of this kind.
func beginsCommand(k kind) bool {
	switch k {
	case kindOpen, kindPipe, kindKeyword, kindAssign, kindDeclare:
		return true
	}
	return false
}

// place is the action and token at off.
func (s *scan) place(off int) (*action, int) {
	a := s.actionAt(off)
	if a == nil || a.from == a.to {
		return nil, 0
	}
	return a, min(max(s.tokenAt(off), a.from), a.to-1)
}
