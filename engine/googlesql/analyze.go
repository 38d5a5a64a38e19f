package googlesql

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// Analysis is what a statement means.
type Analysis struct {
	Stmt   ir.Stmt
	Tables []string // the declared names of the tables it reads or changes, sorted
}

// maxStatement bounds the text of one statement, bytes; BigQuery has the same limit.
const maxStatement = 1 << 20

// Analyze resolves one statement. The error is Errors (mistakes in the
// statement), *Unsupported (the analyzer lacks it) or *Fault (the analyzer
// failed; the session goes on).
func (s *Session) Analyze(sql string) (*Analysis, error) {
	return s.analyze(sql, func(d *decoder, stmt raw.Handle, a *Analysis) {
		a.Stmt = d.stmt(stmt)
	})
}

// analyze resolves a statement and has use read the result.
func (s *Session) analyze(sql string, use func(*decoder, raw.Handle, *Analysis)) (*Analysis, error) {
	tokens := scan(sql)
	if err := guard(sql, tokens); err != nil {
		return nil, err
	}
	if text, calls, err := s.series(sql, tokens); err != nil {
		return nil, err
	} else if calls != nil {
		return s.analyzeSeries(text, calls, use)
	}
	list := paths(sql, tokens)
	a, err := s.attempt(sql, list, use)
	if err == nil {
		return a, nil
	}
	var first *Error
	if !errors.As(err, &first) {
		return nil, err
	}
	if split := splitPaths(sql, tokens); split != sql && strings.HasPrefix(first.Message, "Unrecognized name: ") {
		if a, err := s.attempt(split, paths(split, scan(split)), use); err == nil {
			return a, nil
		}
	}
	return nil, s.more(sql, tokens, first)
}

// splitPaths takes the quotes from names quoted as a whole, as in `p.d.t`,
// where the parts need none. In BigQuery such a table goes by its last part, t;
// the analyzer knows it as p.d.t only. No byte moves.
func splitPaths(sql string, tokens []token) string {
	b := []byte(nil)
	for _, t := range tokens {
		if !t.quoted || t.end-t.start < 3 {
			continue
		}
		inner := sql[t.start+1 : t.end-1]
		if !plainPath.MatchString(inner) {
			continue
		}
		if b == nil {
			b = []byte(sql)
		}
		b[t.start], b[t.end-1] = ' ', ' '
	}
	if b == nil {
		return sql
	}
	return string(b)
}

var plainPath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_]*)+$`)

// attempt analyzes once, in the way that suits the statement. Its error is
// *Error, *Unsupported or *Fault.
func (s *Session) attempt(sql string, list []path, use func(*decoder, raw.Handle, *Analysis)) (*Analysis, error) {
	a, folded, err := s.once(sql, list, usual, use)
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Message, "ResolvedWithRefScan must scan exactly") {
		// The body of a table function reads not all columns of its argument, and the
		// analyzer prunes the others in one place only.
		a, folded, err = s.once(sql, list, mode{fold: true, inline: true, whole: true}, use)
		if err == nil && folded {
			return s.unfoldedIn(sql, list, mode{inline: true, whole: true}, use)
		}
	}
	e = nil
	if errors.As(err, &e) && inlineFailed(e.Message) {
		// The body of a function cannot be put in place of its call: analyze
		// with the call left as it is.
		a, folded, err = s.once(sql, list, mode{fold: true}, use)
		if err == nil && folded {
			return s.unfolded(sql, list, false, use)
		}
		return a, err
	}
	if err == nil && folded {
		return s.unfolded(sql, list, true, use)
	}
	return a, err
}

// unfolded analyzes without the folding of literal casts, which is wrong for
// DATE to DATETIME.
func (s *Session) unfolded(sql string, list []path, inline bool, use func(*decoder, raw.Handle, *Analysis)) (*Analysis, error) {
	return s.unfoldedIn(sql, list, mode{inline: inline}, use)
}

func (s *Session) unfoldedIn(sql string, list []path, how mode, use func(*decoder, raw.Handle, *Analysis)) (*Analysis, error) {
	a, _, err := s.once(sql, list, how, use)
	var e *Error
	if errors.As(err, &e) {
		return nil, &Unsupported{What: "a constant DATETIME made from a DATE where a literal is required"}
	}
	return a, err
}

var inlineMessage = regexp.MustCompile(`(?i)inlin|ResolvedArgumentRef|argument ref`)

func inlineFailed(message string) bool {
	return internalError.MatchString(message) || inlineMessage.MatchString(message)
}

// mode is how to analyze.
type mode struct {
	fold   bool // fold casts of literals
	inline bool // put the bodies of functions in place of their calls
	guess  bool // parameters are of whatever type suits
	whole  bool // keep columns that nothing reads
}

var usual = mode{fold: true, inline: true}

// once analyzes in one mode. folded says that a literal is suspect.
func (s *Session) once(sql string, list []path, how mode, use func(*decoder, raw.Handle, *Analysis)) (a *Analysis, folded bool, err error) {
	if s.engine != nil && (s.engine.m.Broken() || s.engine.m.MemoryBytes() > s.engine.idle+recycleBytes) {
		s.Close()
	}
	if s.engine == nil {
		if err := s.start(); err != nil {
			return nil, false, &Fault{Message: err.Error()}
		}
	}
	in := s.engine
	m := in.m
	var failure error
	var out raw.Handle
	call := m.Do(func() {
		clash, err := s.prepare(in, list)
		if err == nil {
			err = s.setParameters(in, how.guess)
		}
		if err != nil {
			failure = err
			return
		}
		if clash != nil {
			failure = &Unsupported{What: fmt.Sprintf("a statement that reads both %s and %s", clash.a, clash.b)}
			return
		}
		in.setFold(how.fold)
		in.setInline(how.inline)
		if how.whole {
			m.AnalyzerOptions_SetPruneUnusedColumns(in.options, false)
		}
		out, err = m.AnalyzeStatement(sql, in.options, in.catalog, in.factory)
		if err != nil {
			failure = err
			return
		}
		d := newDecoder(s, in, sql)
		a = &Analysis{}
		use(d, m.AnalyzerOutput_ResolvedStatement(out), a)
		a.Tables = declaredNames(d.read)
		folded = d.folded
	})
	if how.whole && !m.Broken() {
		if err := m.Do(func() { m.AnalyzerOptions_SetPruneUnusedColumns(in.options, true) }); err != nil && failure == nil {
			failure = err
		}
	}
	if call != nil {
		failure = call
	}
	if out != 0 && !m.Broken() {
		if err := m.Do(func() { m.AnalyzerOutput_Free(out) }); err != nil && failure == nil {
			failure = err
		}
	}
	if m.Broken() {
		s.Close()
	}
	if failure == nil {
		return a, folded, nil
	}
	return nil, false, s.explain(failure, sql, list)
}

// explain turns a failed call into an error of this room.
func (s *Session) explain(failure error, sql string, list []path) error {
	var u *Unsupported
	if errors.As(failure, &u) {
		return u
	}
	var e *raw.Error
	if !errors.As(failure, &e) {
		return &Fault{Message: failure.Error()}
	}
	if e.Trap {
		return &Fault{Message: e.Message}
	}
	if notSupported.MatchString(placeSuffix.ReplaceAllString(e.Message, "")) {
		return &Unsupported{What: "this kind of statement"}
	}
	x := parseError(e.Message, sql)
	if what := s.missingName(x.Message); what != "" {
		return &Unsupported{What: what}
	}
	if name, ok := strings.CutPrefix(x.Message, "Function not found: "); ok && strings.Contains(name, ".") {
		x.Suggestion = s.suggestFunction(strings.ReplaceAll(name, "`", ""))
	}
	if name, ok := strings.CutPrefix(x.Message, "Table not found: "); ok {
		x.Suggestion = s.suggestTable(strings.ReplaceAll(name, "`", ""))
	}
	if name, ok := missingColumn(x.Message); ok && x.Suggestion == "" {
		x.Suggestion = s.suggestColumn(name, list)
	}
	return x
}

// missingColumn is the column a message says does not exist.
func missingColumn(message string) (string, bool) {
	name, ok := strings.CutPrefix(message, "Unrecognized name: ")
	if !ok {
		if name, ok = strings.CutPrefix(message, "Name "); ok {
			name, _, ok = strings.Cut(name, " not found inside ")
		}
	}
	name = strings.ReplaceAll(name, "`", "")
	return name[strings.LastIndexByte(name, '.')+1:], ok
}

func (s *Session) fault(e *Error) error {
	if internalError.MatchString(e.Message) {
		return &Fault{Message: e.Message}
	}
	return nil
}

// more looks for the mistakes after the first one: what the first is about is
// patched with a parameter of any type and the statement analyzed again. Only names that do not
// exist are looked for, since they cannot follow from a patch.
func (s *Session) more(sql string, tokens []token, first *Error) error {
	if err := s.fault(first); err != nil {
		return err
	}
	found := Errors{first}
	p := patcher{sql: sql, positional: len(s.posParams) > 0}
	for e := first; len(found) < maxErrors; {
		if !p.patch(e, tokens) {
			break
		}
		text := p.text()
		_, _, err := s.once(text, paths(text, scan(text)), mode{fold: true, inline: true, guess: true}, func(*decoder, raw.Handle, *Analysis) {})
		var next *Error
		if err == nil || !errors.As(err, &next) || next.Offset < 0 {
			break
		}
		next.Offset = p.original(next.Offset)
		if next.Offset < 0 || !aboutName(next.Message) && !p.apart(next, tokens) {
			break
		}
		next.Likely = true
		found = append(found, next)
		e = next
	}
	sortErrors(found)
	return found
}
