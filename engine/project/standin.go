package project

import (
	"maps"
	"slices"

	"github.com/engine-build/engine/engine/diag"
)

// unset stands for a value of a connection that nobody has given.
const unset = "unset"

// Unconnected gives those values of a target's connection a word that come from variables of the
// environment that are not set, so that the project can be compiled for it where nobody has an
// account. Schema and database are values of it too; what templates ask of the environment is not.
func (s *Settings) Unconnected(name string, env func(string) (string, bool)) {
	i := slices.IndexFunc(s.Targets, func(t *TargetSettings) bool { return t.Name == name })
	if i < 0 {
		return
	}
	t := *s.Targets[i]
	fill := func(v *Value[string]) {
		var missing diag.List
		if interpolate(v.V, v.At, env, &missing); missing.HasErrors() {
			v.V = unset
		}
	}
	fill(&t.Schema)
	fill(&t.Database)
	t.Fields = maps.Clone(t.Fields)
	for key, v := range t.Fields {
		fill(&v)
		t.Fields[key] = v
	}
	s.replace(i, &t)
}

// StandIn puts a warehouse of another type, opened with the given keys, behind the target of
// that name. Its schemas and variables stay; its database is the warehouse's only one, and what
// it may cost is no question.
func (s *Settings) StandIn(name, typ string, fields map[string]string) {
	i := slices.IndexFunc(s.Targets, func(t *TargetSettings) bool { return t.Name == name })
	if i < 0 {
		return
	}
	t := *s.Targets[i]
	t.Type = Value[string]{typ, t.Type.At}
	t.Database, t.maxBytes, t.maxCost = Value[string]{}, Value[string]{}, Value[string]{}
	t.MaxBytesPerRun, t.MaxCostPerRun = Value[int64]{}, Value[float64]{}
	t.Fields = make(map[string]Value[string], len(fields))
	for key, v := range fields {
		t.Fields[key] = Value[string]{v, t.At}
	}
	s.replace(i, &t)
}

func (s *Settings) replace(i int, t *TargetSettings) {
	s.Targets = slices.Clone(s.Targets)
	s.Targets[i] = t
}
