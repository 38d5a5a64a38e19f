package lineage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/definition"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

// Past is what a selection is compared with: how the project was, and what happened to it.
// Maps are read only.
type Past struct {
	// From names it for people: «target prod», «folder ci».
	From string
	// Then and Now are the definitions of both moments. Then is nil where they are not known,
	// and NoDefinitions says why.
	Then, Now     *definition.Set
	NoDefinitions string
	// Results are the statuses of the last run, by node; nil: NoResults says why.
	Results   map[addr.Node][]string
	NoResults string
	// Fresher are the sources with newer rows than then; nil: NoSources says why.
	Fresher   map[addr.Node]bool
	NoSources string
}

// Change is how a node differs from what it was; new: it was not there.
func (p *Past) Change(n addr.Node) (c definition.Change, isNew bool) {
	old, had := p.Then.Nodes[n]
	now, has := p.Now.Nodes[n]
	if !had || !has {
		return definition.Change{}, !had
	}
	return definition.Compare(old, now, p.Then.Type == p.Now.Type), false
}

// stateValues are those of state:, besides modified.ASPECT.
var stateValues = []string{"modified", "new", "old", "unmodified"}

func stateWords(*universe, spec) []string {
	out := slices.Clone(stateValues)
	for _, aspect := range definition.Aspects {
		out = append(out, "modified."+aspect)
	}
	return out
}

// statuses are those that a run may leave (see artifact).
var statuses = []string{"error", "fail", "no-op", "partial success", "pass", "reused", "runtime error", "skipped", "success", "warn"}

func noPast(s spec, what string) *problem {
	return &problem{at: s.methodAt, text: "compares with an earlier state, and none is given", help: fmt.Sprintf("add --state TARGET, or --state FOLDER with %s (or set ENGINE_STATE)", what)}
}

func unknownPast(s spec, past *Past, why string) *problem {
	return &problem{at: s.valueAt, text: fmt.Sprintf("cannot be compared with %s: %s", past.From, why)}
}

func matchState(u *universe, s spec) (func(*item) bool, *problem) {
	value, aspect, dotted := strings.Cut(s.value, ".")
	switch {
	case !slices.Contains(stateValues, value) || dotted && value != "modified":
		return nil, unknownValue(s, stateWords(u, s))
	case dotted && !slices.Contains(definition.Aspects, aspect):
		p := &problem{at: s.valueAt, text: "has a sub-selector that state:modified does not know", help: "known are " + strings.Join(definition.Aspects, ", ")}
		if near, ok := diag.Suggest(aspect, definition.Aspects); ok {
			p.help = fmt.Sprintf("did you mean %q? %s", "state:modified."+near, p.help)
		}
		return nil, p
	case u.past == nil:
		return nil, noPast(s, "state.json or manifest.json")
	case u.past.Then == nil:
		return nil, unknownPast(s, u.past, u.past.NoDefinitions)
	}
	return func(it *item) bool {
		change, isNew := u.past.Change(it.id)
		switch value {
		case "new":
			return isNew
		case "old":
			return !isNew
		case "unmodified":
			return !isNew && !change.Any()
		}
		if dotted {
			return isNew && asNew(it.id.Kind, aspect) || !isNew && change.Has(aspect)
		}
		return isNew || change.Any()
	}, nil
}

// asNew reports whether a node that was not there counts as changed in a respect: as in dbt, in
// all that its kind has but for what it uses.
func asNew(kind addr.Kind, aspect string) bool {
	switch kind {
	case addr.Model, addr.Seed, addr.Snapshot, addr.Test:
		return aspect != "macros" && aspect != "vars"
	case addr.Source:
		return aspect == "configs" || aspect == "relation"
	case addr.Exposure:
		return aspect == "configs"
	}
	return false
}

func matchResult(u *universe, s spec) (func(*item) bool, *problem) {
	want := strings.ReplaceAll(s.value, "_", " ")
	switch {
	case !slices.Contains(statuses, want) && !wild(want):
		return nil, unknownValue(s, statuses)
	case u.past == nil:
		return nil, noPast(s, "run_results.json")
	case u.past.Results == nil:
		return nil, unknownPast(s, u.past, u.past.NoResults)
	}
	return func(it *item) bool { return anyMatch(want, u.past.Results[it.id]) }, nil
}

func matchSourceStatus(u *universe, s spec) (func(*item) bool, *problem) {
	switch {
	case s.value != "fresher":
		return nil, unknownValue(s, []string{"fresher"})
	case u.past == nil:
		return nil, noPast(s, "sources.json")
	case u.past.Fresher == nil:
		return nil, unknownPast(s, u.past, u.past.NoSources)
	}
	return func(it *item) bool { return u.past.Fresher[it.id] }, nil
}

// compares reports whether the method compares with the past: matching nothing is then an
// answer, and no sign of a misspelt name.
func compares(method string) bool {
	return method == "state" || method == "result" || method == "source_status"
}

// NeedsPast reports whether a selector of the query compares with an earlier state.
func (q Query) NeedsPast(p *project.Project) bool {
	if q.Selector != "" {
		return comparedBy(p, q.Selector, map[string]bool{})
	}
	for _, flag := range [][]string{q.Select, q.Exclude} {
		for _, token := range tokens("--select", flag) {
			for _, at := range commas(token) {
				s, bad := parseSpec(at.Text(), at)
				if bad == nil && (compares(s.method) || s.method == "selector" && comparedBy(p, s.value, map[string]bool{})) {
					return true
				}
			}
		}
	}
	if p == nil || !q.Defaults || len(q.Select)+len(q.Exclude) > 0 {
		return false
	}
	return slices.ContainsFunc(p.Selectors, func(s *project.Selector) bool {
		return s.Default.IsSet() && compared(p, s.Definition, map[string]bool{})
	})
}
