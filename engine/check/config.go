package check

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// setup is a rule as engine.yml sets it.
type setup struct {
	Rule
	level        Level
	only, except []scope
	options      map[string]any
	patterns     []pattern       // of an option of kind Patterns, by width of the scope
	reads        map[string]read // of options of kind Scopes
}

// pattern says how names in a scope look.
type pattern struct {
	scope
	words []string
	fit   []*regexp.Regexp
}

// read says which scopes a scope reads.
type read struct {
	scopes []scope // sorted by width
	of     map[string][]scope
}

// configure joins the rules with what engine.yml says of them.
func configure(s project.Settings) ([]*setup, diag.List) {
	var ds diag.List
	roots := slices.Concat(s.ModelPaths, s.SeedPaths, s.SnapshotPaths)
	written := map[string]project.RuleSettings{}
	for _, r := range s.Rules {
		if _, ok := lookup(diag.Code(r.Rule.V)); !ok {
			ds.Add(ruleUnknown(r.Rule))
			continue
		}
		written[r.Rule.V] = r
	}
	var out []*setup
	for _, r := range rules {
		c := &setup{Rule: r, level: r.Default, options: map[string]any{}, reads: map[string]read{}}
		for _, o := range r.Options {
			c.options[o.Name] = o.Default
		}
		w, ok := written[string(r.ID)]
		if ok {
			ds.Add(c.take(w, roots)...)
		}
		ds.Add(c.settle(w, roots)...)
		out = append(out, c)
	}
	return out, ds
}

// take reads what is written of a rule.
func (c *setup) take(w project.RuleSettings, roots []string) diag.List {
	var ds diag.List
	switch {
	case w.Severity.V == "error":
		c.level = Error
	case w.Severity.V == "off":
		c.level = Off
	case w.Severity.V == "warn", c.level == Off:
		c.level = Warn // who gives options wants the rule
	}
	for _, list := range []struct {
		from []project.Value[string]
		into *[]scope
	}{{w.Only, &c.only}, {w.Except, &c.except}} {
		for _, v := range list.from {
			s, err := parseScope(v.V, roots)
			if err != nil {
				ds.Add(scopeWrong(c.ID, v.V, v.At, err))
				continue
			}
			*list.into = append(*list.into, s)
		}
	}
	for _, o := range w.Options {
		i := slices.IndexFunc(c.Options, func(k Option) bool { return k.Name == o.Name.V })
		if i < 0 {
			ds.Add(optionUnknown(c.Rule, o.Name))
			continue
		}
		v, ok := c.Options[i].value(o.Value.V)
		if !ok {
			ds.Add(optionWrong(c.Rule, c.Options[i], o.Value.At))
			continue
		}
		if word, ok := c.Options[i].stranger(v); ok {
			ds.Add(wordUnknown(c.Rule, c.Options[i], word, o.Value.At))
			continue
		}
		c.options[o.Name.V] = v
	}
	return ds
}

// settle makes the options ready for use.
func (c *setup) settle(w project.RuleSettings, roots []string) diag.List {
	var ds diag.List
	at := func(name string) source.Span {
		for _, o := range w.Options {
			if o.Name.V == name {
				return o.Value.At
			}
		}
		return w.Rule.At
	}
	parse := func(o Option, text string) (scope, bool) {
		s, err := parseScope(text, roots)
		if err != nil {
			ds.Add(scopeWrong(c.ID, text, at(o.Name), err))
		}
		return s, err == nil
	}
	for _, o := range c.Options {
		m, _ := c.options[o.Name].(map[string][]string)
		if o.Required && len(m) == 0 && c.level != Off && !slices.ContainsFunc(w.Options, func(r project.RuleOption) bool { return r.Name.V == o.Name }) {
			ds.Add(optionMissing(c.Rule, o, w.Rule.At))
		}
		switch o.Kind {
		case Patterns:
			for _, key := range sortedKeys(m) {
				s, ok := parse(o, key)
				if !ok {
					continue
				}
				p := pattern{scope: s, words: m[key]}
				for _, word := range m[key] {
					re, err := namePattern(word)
					if err != nil {
						ds.Add(patternWrong(c.ID, word, at(o.Name), err))
						continue
					}
					p.fit = append(p.fit, re)
				}
				c.patterns = append(c.patterns, p)
			}
			slices.SortStableFunc(c.patterns, func(a, b pattern) int { return cmp.Compare(a.width, b.width) })
		case Scopes:
			r := read{of: map[string][]scope{}}
			for _, key := range sortedKeys(m) {
				s, ok := parse(o, key)
				if !ok {
					continue
				}
				r.scopes = append(r.scopes, s)
				r.of[key] = []scope{}
				for _, word := range m[key] {
					if s, ok := parse(o, word); ok {
						r.of[key] = append(r.of[key], s)
					}
				}
			}
			slices.SortStableFunc(r.scopes, func(a, b scope) int { return cmp.Compare(a.width, b.width) })
			c.reads[o.Name] = r
		}
	}
	return ds
}

// namePattern reads stg_*, or a regular expression between slashes.
func namePattern(word string) (*regexp.Regexp, error) {
	if inner, ok := strings.CutPrefix(word, "/"); ok && strings.HasSuffix(inner, "/") {
		return regexp.Compile("^(?:" + strings.TrimSuffix(inner, "/") + ")$")
	}
	parts := strings.Split(word, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.Compile("^" + strings.Join(parts, ".*") + "$")
}

// value gives what was written the option's Go form.
func (o Option) value(v any) (any, bool) {
	switch o.Kind {
	case Flag:
		b, ok := v.(bool)
		return b, ok
	case Number:
		n, ok := v.(int64)
		return n, ok && n >= 1
	case Words:
		return words(v)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	out := map[string][]string{}
	for key, v := range m {
		list, ok := words(v)
		if !ok {
			return nil, false
		}
		out[key] = list
	}
	return out, true
}

// words takes a list of texts, or one text.
func words(v any) ([]string, bool) {
	switch v := v.(type) {
	case nil:
		return []string{}, true
	case string:
		return []string{v}, true
	case []any:
		out := []string{}
		for _, w := range v {
			s, ok := w.(string)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	}
	return nil, false
}

// stranger is a word that is none of the option's values.
func (o Option) stranger(v any) (string, bool) {
	list, _ := v.([]string)
	for _, w := range list {
		if o.Values != nil && !slices.Contains(o.Values, w) {
			return w, true
		}
	}
	return "", false
}

func ruleUnknown(r project.Value[string]) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeRuleUnknown, Message: fmt.Sprintf("no rule is called %q", r.V), At: r.At, Help: "engine check --list-rules shows them"}
	if near, ok := diag.Suggest(r.V, ids()); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
		d.Edits = []source.Edit{{At: r.At, New: near}}
	}
	return d
}

func optionUnknown(r Rule, name project.Value[string]) diag.Diagnostic {
	known := []string{"severity", "only", "except"}
	for _, o := range r.Options {
		known = append(known, o.Name)
	}
	d := diag.Diagnostic{Code: codeRuleOption, Message: fmt.Sprintf("rule %q has no option %q", r.ID, name.V), At: name.At, Help: "it has " + strings.Join(known, ", ")}
	if near, ok := diag.Suggest(name.V, known); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func optionWrong(r Rule, o Option, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRuleOption, Message: fmt.Sprintf("option %q of rule %q has to be %s", o.Name, r.ID, o.Kind), At: at}
}

func wordUnknown(r Rule, o Option, word string, at source.Span) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeRuleOption, Message: fmt.Sprintf("%q is no value of option %q of rule %q", word, o.Name, r.ID), At: at, Help: "known are " + strings.Join(o.Values, ", ")}
	if near, ok := diag.Suggest(word, o.Values); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func optionMissing(r Rule, o Option, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRuleOption, Message: fmt.Sprintf("rule %q needs the option %q", r.ID, o.Name), At: at, Help: "it is " + string(o.Kind) + "; engine explain " + string(r.ID) + " shows an example"}
}

func scopeWrong(rule diag.Code, text string, at source.Span, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRuleOption, Message: fmt.Sprintf("%q is no scope for rule %q", text, rule), At: at, Help: err.Error()}
}

func patternWrong(rule diag.Code, text string, at source.Span, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRuleOption, Message: fmt.Sprintf("%q is no pattern for rule %q", text, rule), At: at, Help: err.Error(), Cause: err}
}
