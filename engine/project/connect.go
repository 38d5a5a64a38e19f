package project

import (
	"slices"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// ReadTargets reads a file that has nothing but targets, written as those of engine.yml are.
func ReadTargets(f *source.File, env func(string) (string, bool)) ([]*TargetSettings, diag.List) {
	s := &settings{}
	s.File = f
	doc, list := parseYAML(f)
	s.reader = &reader{doc: doc}
	if doc.root == nil {
		return nil, list
	}
	o, ok := s.reader.object(doc.root, f.Path)
	if ok {
		s.decodeTargets(o, env)
	}
	return s.Targets, append(list, s.reader.list...)
}

// Connect puts a target in the place of that of its name, or adds it. Type, schema, database,
// threads and the driver's keys are its own; all else is that of the target of the same name,
// or where there is none of the default one. It is the default then.
func (s *Settings) Connect(t *TargetSettings) {
	i := slices.IndexFunc(s.Targets, func(x *TargetSettings) bool { return x.Name == t.Name })
	base := i
	if base < 0 {
		base = max(slices.IndexFunc(s.Targets, func(x *TargetSettings) bool { return x.Name == s.Default.V }), 0)
	}
	out := *t
	if base < len(s.Targets) {
		old := s.Targets[base]
		out = *old
		out.Name, out.At, out.Type, out.Schema, out.Database, out.Fields = t.Name, t.At, t.Type, t.Schema, t.Database, t.Fields
		if t.threads.IsSet() {
			out.threads = t.threads
		}
	}
	targets := slices.Clone(s.Targets)
	if i >= 0 {
		targets[i] = &out
	} else {
		targets = append(targets, &out)
	}
	s.Targets, s.Default = targets, Value[string]{t.Name, t.At}
}
