package lineage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeSelectSyntax   diag.Code = "select-syntax"
	codeSelectMethod   diag.Code = "select-method"
	codeSelectNothing  diag.Code = "select-nothing"
	codeSelectIndirect diag.Code = "select-indirect"
	codeSelectNamed    diag.Code = "select-named"
)

// Codes is the catalogue of this room's diagnostics.
var Codes = []diag.Entry{
	{
		Code: codeSelectSyntax, Title: "a selector cannot be read",
		Explain: "A selector is an optional @ or N+, an optional method with a colon, a value, and an optional +N. Some methods take only certain values.",
		Bad:     "engine build --select '@orders+'",
		Good:    "engine build --select '@orders'",
	},
	{
		Code: codeSelectMethod, Title: "a selection method does not exist",
		Explain: "The word in front of the colon says how nodes are named: tag, path, source and so on.",
		Bad:     "engine ls --select tags:nightly",
		Good:    "engine ls --select tag:nightly",
	},
	{
		Code: codeSelectNothing, Title: "a selector matches nothing",
		Explain: "No enabled node of the project answers to the selector, so it adds nothing to the selection. Often a name is misspelled or the node is disabled.",
		Bad:     "engine build --select stg_order",
		Good:    "engine build --select stg_orders",
	},
	{
		Code: codeSelectIndirect, Title: "a mode of indirect selection does not exist",
		Explain: "Indirect selection says when a test follows the nodes it reads: eager, cautious, buildable or empty.",
		Bad:     "engine test --indirect-selection careful",
		Good:    "engine test --indirect-selection cautious",
	},
	{
		Code: codeSelectNamed, Title: "a named selector that cannot be used",
		Explain: "selectors.yml gives selections a name, for --selector and for the method selector:. A name must be one of that file, no selector may be part of itself, and at most one can be the default.",
		Bad:     "engine build --selector nigthly",
		Good:    "engine build --selector nightly",
	},
}

func unknownSelector(at source.Span, name string, known []string) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Error, Code: codeSelectNamed, Message: fmt.Sprintf("there is no selector %q", name), At: at, Help: "selectors.yml of the project's folder has none; write one there"}
	if len(known) > 0 {
		d.Help = "selectors.yml has " + strings.Join(known, ", ")
	}
	if near, ok := diag.Suggest(name, known); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func overridden(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeSelectNamed, Message: "--select and --exclude are not looked at: --selector takes their place", At: at, Help: "leave them out, or write the selector as --select selector:NAME, which can be mixed with others"}
}

func secondDefault(s, first *project.Selector) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Error, Code: codeSelectNamed, Message: fmt.Sprintf("selector %q is the default, and so is %q", s.Name.V, first.Name.V), At: s.Default.At, Labels: []diag.Label{{At: first.Default.At, Text: "the other one"}}, Help: "let only one be the default of a target"}
}

func notBoolean(s *project.Selector, text string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Error, Code: codeSelectNamed, Message: fmt.Sprintf("default of selector %q becomes %q, which is neither true nor false", s.Name.V, text), At: s.Default.At, Help: `write for example default: '{{ eq target.name "prod" }}'`}
}

func circularSelectors(s spec, names []string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Error, Code: codeSelectNamed, Message: fmt.Sprintf("selector %q is part of itself: %s", names[0], strings.Join(names, " → ")), At: s.valueAt, Help: "remove one of them from the other's definition"}
}

func withoutArgument(s spec) problem {
	return problem{at: s.methodAt, text: fmt.Sprintf("gives method %q an argument, which only config takes", s.method), help: fmt.Sprintf("write %q", s.method+":"+s.value)}
}

func malformed(s spec, p problem) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Error, Code: codeSelectSyntax,
		Message: fmt.Sprintf("selector %q %s", s.text, p.text),
		At:      p.at, Help: p.help,
	}
}

func unknownMethod(s spec) diag.Diagnostic {
	d := diag.Diagnostic{
		Severity: diag.Error, Code: codeSelectMethod,
		Message: fmt.Sprintf("selection method %q is not known", s.method),
		At:      s.methodAt,
		Notes:   []string{"known methods: " + strings.Join(methodNames(), ", ")},
	}
	if near, ok := diag.Suggest(s.method, methodNames()); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near+":"+s.value)
	}
	return d
}

// unknownValue is a problem and not a diagnostic, because methods report those.
func unknownValue(s spec, known []string) *problem {
	p := &problem{at: s.valueAt, text: fmt.Sprintf("has a value that %s does not know", s.method), help: "known values: " + strings.Join(known, ", ")}
	if near, ok := diag.Suggest(s.value, known); ok {
		p.help = fmt.Sprintf("did you mean %q? %s", near, p.help)
	}
	return p
}

func unknownIndirect(at source.Span) diag.Diagnostic {
	d := diag.Diagnostic{
		Severity: diag.Error, Code: codeSelectIndirect,
		Message: fmt.Sprintf("indirect selection %q is not known", at.Text()),
		At:      at, Help: "use one of " + strings.Join(Indirects, ", "),
	}
	if near, ok := diag.Suggest(at.Text(), Indirects); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func emptyIntersection(c *choice) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Warning, Code: codeSelectNothing,
		Message: fmt.Sprintf("selector %q matches nothing", c.text),
		At:      c.at, AtText: "each part matches, but nothing matches all of them",
		Help: "a comma means «and»; write a space for «or»",
	}
}

func (e *evaluation) matchesNothing(s spec) diag.Diagnostic {
	d := diag.Diagnostic{
		Severity: diag.Warning, Code: codeSelectNothing,
		Message: fmt.Sprintf("selector %q matches nothing", s.text),
		At:      s.valueAt,
	}
	if compares(s.method) {
		d.Severity, d.Message = diag.Remark, fmt.Sprintf("selector %q: nothing, compared with %s", s.at.Text(), e.u.past.From)
		return d
	}
	if s.method == "metric" || s.method == "semantic_model" || s.method == "saved_query" {
		d.Help = "there is no semantic layer here, so that no project has a " + strings.ReplaceAll(s.method, "_", " ")
		return d
	}
	if i := slices.IndexFunc(e.u.p.Disabled, func(n addr.Node) bool { return n.Name == s.value }); i >= 0 {
		d.AtText = fmt.Sprintf("%s is disabled", e.u.p.Disabled[i])
		d.Help = "set enabled: true in its configuration"
		return d
	}
	if other := e.elsewhere(s); other != "" {
		d.Help = fmt.Sprintf("did you mean %q?", other)
		return d
	}
	for _, m := range methods {
		if m.name != s.method || m.words == nil || wild(s.value) {
			continue
		}
		words := m.words(e.u, s)
		if near, ok := diag.Suggest(s.value, words); ok {
			d.Help = fmt.Sprintf("did you mean %q?", near)
		} else if n := len(words); n > 0 && n <= 12 {
			d.Notes = append(d.Notes, fmt.Sprintf("this project has: %s", strings.Join(words, ", ")))
		}
	}
	return d
}

// elsewhere finds a bare name under another method.
func (e *evaluation) elsewhere(s spec) string {
	if s.method != "fqn" || wild(s.value) {
		return ""
	}
	for _, name := range []string{"source", "exposure", "tag", "group", "owner"} {
		other := s
		other.method, other.args = name, nil
		i := slices.IndexFunc(methods, func(m method) bool { return m.name == name })
		match, bad := methods[i].match(e.u, other)
		if bad != nil {
			continue
		}
		for k := range e.u.items {
			if match(&e.u.items[k]) {
				return name + ":" + s.value
			}
		}
	}
	return ""
}
