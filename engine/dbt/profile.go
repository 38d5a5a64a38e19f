package dbt

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Connection is an output of a profile as a target of engine.yml: Targets is a file with that
// target alone, in which env_var is ${NAME}, and secrets are as they were written.
type Connection struct {
	Target  string
	Targets *source.File
	Notes   diag.List // keys that decide nothing here
}

// Connect reads one output of one profile of profiles.yml; target is its name, empty for the
// profile's own choice. ok is false where there is no such profile.
func Connect(profiles *source.File, profile, target string) (c Connection, ok bool, err error) {
	root, err := mapping(profiles.Data)
	if err != nil {
		return c, false, fmt.Errorf("read profiles.yml: %w", err)
	}
	found := get(root, profile)
	if found == nil {
		return c, false, nil
	}
	im := &importer{o: Options{Profiles: profiles, Target: target}, out: &Project{}, file: profiles, connecting: true}
	im.conf = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "profile"}, {Kind: yaml.ScalarNode, Value: profile}}}
	p := im.readProfile()
	if target != "" {
		p.chosen = target
	}
	out := get(p.targets, p.chosen)
	if out == nil {
		for _, d := range im.out.Notes {
			return c, true, fmt.Errorf("profile %q has no output %q that can be used: %s", profile, p.chosen, d.Message)
		}
		return c, true, fmt.Errorf("profile %q has no output %q", profile, p.chosen)
	}
	text, err := yaml.Marshal(map[string]any{"targets": &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: p.chosen}, out}}})
	if err != nil {
		return c, true, fmt.Errorf("write output %q as a target: %w", p.chosen, err)
	}
	return Connection{Target: p.chosen, Targets: source.NewFile("profiles.yml", text), Notes: im.out.Notes}, true, nil
}
