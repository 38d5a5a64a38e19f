package project

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Severities are what the settings of a rule may say of it.
var Severities = []string{"off", "warn", "error"}

// RuleSettings is what engine.yml says of one rule. Which rules there are, and which
// options they have, is known where they are run.
type RuleSettings struct {
	Rule     Value[string]
	Severity Value[string] // off, warn, error; unset: the rule's own
	// Only and Except say what the rule looks at: folders, and scopes such as tier:core.
	Only, Except []Value[string]
	Options      []RuleOption // sorted by name
}

// RuleOption is one option of a rule; At is the place of its name.
type RuleOption struct {
	Name  Value[string]
	Value Value[any]
}

// decodeRules reads check: {rules: {select-star: off, naming: {severity: error, …}}}.
func (s *settings) decodeRules(o *object) {
	check, ok := o.child("check")
	if !ok {
		return
	}
	defer check.finish(nil, nil)
	rules, ok := check.child("rules")
	if !ok {
		return
	}
	for i := range rules.fields {
		f := &rules.fields[i]
		f.used = true
		s.Rules = append(s.Rules, rules.rule(f))
	}
	slices.SortFunc(s.Rules, func(a, b RuleSettings) int { return cmp.Compare(a.Rule.V, b.Rule.V) })
	rules.finish(nil, nil)
}

func (o *object) rule(f *field) RuleSettings {
	out := RuleSettings{Rule: Value[string]{f.name, o.span(f.key)}}
	n := resolve(f.val)
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		out.Severity = Value[string]{n.Value, o.span(n)}
		if !slices.Contains(Severities, n.Value) {
			o.list.Add(valueUnknown(out.Severity.At, "rule \""+f.name+"\"", n.Value, Severities))
			out.Severity = Value[string]{}
		}
		return out
	}
	in, ok := o.object(f.val, "rule \""+f.name+"\"")
	if !ok {
		return out
	}
	out.Severity = in.oneOf("severity", Severities...)
	out.Only, out.Except = in.strs("only"), in.strs("except")
	for j := range in.fields {
		if g := &in.fields[j]; !g.used {
			g.used = true
			out.Options = append(out.Options, RuleOption{Value[string]{g.name, o.span(g.key)}, Value[any]{o.value(g.val), o.span(resolve(g.val))}})
		}
	}
	slices.SortFunc(out.Options, func(a, b RuleOption) int { return cmp.Compare(a.Name.V, b.Name.V) })
	in.finish(nil, nil)
	return out
}
