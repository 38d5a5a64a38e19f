package project

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

func (s *settings) decodeTargets(o *object, env func(string) (string, bool)) {
	s.Default = o.str("default_target")
	if v := o.str("target"); v.IsSet() {
		if s.Default.IsSet() {
			o.list.Add(configTwice(o.keyAt("target"), "default_target", s.Default.At))
		} else {
			s.Default = v
		}
	}
	if s.Default.IsSet() {
		s.Default.V = interpolate(s.Default.V, s.Default.At, env, &o.list)
	}
	if in, ok := o.child("targets"); ok {
		in.what = "targets"
		for _, f := range in.fields {
			if t := readTarget(o.reader, f); t != nil {
				s.Targets = append(s.Targets, t)
			}
		}
	}
	if len(s.Targets) == 0 {
		s.Targets = []*TargetSettings{fallbackTarget()}
	}
	names := s.targetNames()
	if s.Default.IsSet() && s.Default.V != "" && !slices.Contains(names, s.Default.V) {
		o.list.Add(targetUnknown(s.Default.At, s.Default.V, names))
	}
}

// readTarget reads a target as written. What does not depend on the environment is
// checked now, for all targets.
func readTarget(r *reader, f field) *TargetSettings {
	o, ok := r.object(f.val, "target "+strconv.Quote(f.name))
	if !ok {
		return nil
	}
	t := &TargetSettings{Name: f.name, At: r.span(f.key), Fields: map[string]Value[string]{}}
	t.Type, _ = o.required("type")
	t.Schema, t.Database = o.str("schema"), o.str("database")
	t.CustomSchema, t.threads = o.str("custom_schema"), o.str("threads")
	t.maxBytes, t.maxCost = o.str("max_bytes_per_run"), o.str("max_cost_per_run")
	t.deadline = o.str("deadline")
	t.tagLimits = o.tagLimits()
	t.Publish, t.KeepPrevious = o.publication(o.str("publish")), o.retention(o.str("keep_previous"))
	t.Vars = o.values("vars")
	if t.Vars == nil {
		t.Vars = map[string]Value[any]{}
	}
	for _, f := range o.fields {
		if f.used {
			continue
		}
		n := resolve(f.val)
		if isNull(n) {
			continue
		}
		if n.Kind != yaml.ScalarNode {
			o.wrong(n, fmt.Sprintf("%q of %s", f.name, o.what), "text")
			continue
		}
		t.Fields[f.name] = Value[string]{n.Value, o.span(n)}
	}
	blind := *t
	blind.resolve(func(string) (string, bool) { return "", false }, &r.list, true)
	return t
}

func (s *Settings) targetNames() []string {
	var out []string
	for _, t := range s.Targets {
		out = append(out, t.Name)
	}
	return out
}

// Target is the target of that name, or the default one for "", with ${ENV} replaced and
// defaults filled in: schema «dev_<user>», custom_schema «append». Variables that are not
// set are mistakes only here, in the target that is used.
func (s Settings) Target(name string, env func(string) (string, bool)) (*TargetSettings, diag.List) {
	names := s.targetNames()
	at := source.Span{}
	if name == "" {
		name, at = s.Default.V, s.Default.At
	}
	if name == "" {
		switch {
		case len(s.Targets) == 1:
			name = s.Targets[0].Name
		case slices.Contains(names, "dev"):
			name = "dev"
		case len(s.Targets) > 1:
			return nil, diag.List{targetUnchosen(s.Targets[0].At, names)}
		}
	}
	i := slices.Index(names, name)
	if i < 0 {
		return nil, diag.List{targetUnknown(at, name, names)}
	}
	t := *s.Targets[i]
	var list diag.List
	t.resolve(env, &list, false)
	if t.Schema.V == "" {
		t.Schema = Value[string]{V: defaultSchema(env), At: t.Schema.At}
	}
	if t.CustomSchema.V == "" {
		t.CustomSchema.V = "append"
	}
	return &t, list
}

// customSchemas are what a node's own schema can become: put behind the target's, itself alone,
// or nothing, so that all is in the target's schema.
var customSchemas = []string{"append", "replace", "ignore"}

// resolve replaces ${ENV} in all values of t and checks those that are ours. When blind,
// the environment is not known: values that depend on it are not judged.
func (t *TargetSettings) resolve(env func(string) (string, bool), list *diag.List, blind bool) {
	text := func(v *Value[string]) bool {
		if !v.IsSet() {
			return false
		}
		depends := strings.Contains(v.V, "${")
		v.V = interpolateWhen(v.V, v.At, env, list, blind)
		return !blind || !depends
	}
	text(&t.Type)
	text(&t.Schema)
	text(&t.Database)
	if text(&t.CustomSchema) && t.CustomSchema.V != "" && !slices.Contains(customSchemas, t.CustomSchema.V) {
		list.Add(valueUnknown(t.CustomSchema.At, `"custom_schema"`, t.CustomSchema.V, customSchemas))
	}
	if threads := t.threads; text(&threads) && threads.V != "" {
		n, err := strconv.ParseInt(threads.V, 10, 32)
		if err != nil || n < 1 {
			list.Add(valueInvalid(threads.At, fmt.Sprintf("%q is not a number of threads", threads.V), "give a whole number from 1"))
		} else {
			t.Threads = Value[int64]{n, threads.At}
		}
	}
	if most := t.maxBytes; text(&most) && most.V != "" {
		n, err := warehouse.ParseSize(most.V)
		if err == nil && n == 0 {
			err = errors.New("a budget of nothing lets nothing run")
		}
		if err != nil {
			list.Add(valueInvalid(most.At, err.Error(), "give bytes or a size, for example 500GB or 1TiB"))
		}
		t.MaxBytesPerRun = Value[int64]{n, most.At}
	}
	if most := t.maxCost; text(&most) && most.V != "" {
		n, err := strconv.ParseFloat(most.V, 64)
		if err != nil || !(n > 0) || math.IsInf(n, 0) {
			list.Add(valueInvalid(most.At, fmt.Sprintf("%q is not an amount of money", most.V), "give a number greater than 0, in the currency of the target"))
		}
		t.MaxCostPerRun = Value[float64]{n, most.At}
	}
	if most := t.deadline; text(&most) && most.V != "" {
		d, err := time.ParseDuration(most.V)
		if err != nil || d <= 0 {
			list.Add(valueInvalid(most.At, fmt.Sprintf("%q is not a time that a run may take", most.V), "give a number with a unit, for example 45m or 2h30m"))
		}
		t.Deadline = Value[time.Duration]{d, most.At}
	}
	t.TagLimits = resolveTagLimits(t.tagLimits, text, list)
	fields := make(map[string]Value[string], len(t.Fields))
	for _, key := range slices.Sorted(maps.Keys(t.Fields)) {
		v := t.Fields[key]
		text(&v)
		fields[key] = v
	}
	vars := make(map[string]Value[any], len(t.Vars))
	for _, key := range slices.Sorted(maps.Keys(t.Vars)) {
		v := t.Vars[key]
		public := func(name string) (string, bool) {
			if SecretVariable(name) {
				list.Add(varSecret(within(v.At, "${"+name), name))
				return "", true
			}
			return env(name)
		}
		v.V = interpolateDeep(v.V, func(s string) string { return interpolateWhen(s, v.At, public, list, blind) })
		vars[key] = v
	}
	t.Fields, t.Vars = fields, vars
}

func interpolateDeep(v any, text func(string) string) any {
	switch v := v.(type) {
	case string:
		return text(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = interpolateDeep(item, text)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out[k] = interpolateDeep(v[k], text)
		}
		return out
	}
	return v
}

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}`)

// interpolate replaces ${NAME} and ${NAME:-default}; $${ stands for ${ itself. As in a
// shell, the default also replaces a variable that is set but empty.
func interpolate(s string, at source.Span, env func(string) (string, bool), list *diag.List) string {
	return interpolateWhen(s, at, env, list, false)
}

func interpolateWhen(s string, at source.Span, env func(string) (string, bool), list *diag.List, blind bool) string {
	if !strings.Contains(s, "${") {
		return s
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "$${") {
			b.WriteString("${")
			s = s[3:]
			continue
		}
		if !strings.HasPrefix(s, "${") {
			b.WriteByte('$')
			s = s[1:]
			continue
		}
		m := variable.FindStringSubmatch(s)
		if m == nil {
			list.Add(envSyntax(within(at, s), "this is not a variable"))
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(lookup(m, at, env, list, blind))
		s = s[len(m[0]):]
	}
	return b.String() + s
}

func lookup(m []string, at source.Span, env func(string) (string, bool), list *diag.List, blind bool) string {
	v, ok := env(m[1])
	hasDefault := strings.Contains(m[0], ":-")
	switch {
	case hasDefault && v == "":
		return m[2]
	case !ok && !blind:
		list.Add(envUnset(within(at, m[0]), m[1]))
	}
	return v
}

// defaultSchema keeps developers apart who share a warehouse.
func defaultSchema(env func(string) (string, bool)) string {
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		user, _ := env(name)
		user = strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
				return r
			case r >= 'A' && r <= 'Z':
				return r + 'a' - 'A'
			}
			return '_'
		}, user)
		if strings.Trim(user, "_") != "" {
			return "dev_" + user
		}
	}
	return "dev"
}
