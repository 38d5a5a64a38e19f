package conformance

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// specFile is the form of a YAML file of cases.
type specFile struct {
	Dialect string     `yaml:"dialect"`
	Cases   []specCase `yaml:"cases"`
}

type specCase struct {
	Desc             string    `yaml:"desc"`
	Setup            []string  `yaml:"setup"`
	SQL              string    `yaml:"sql"`
	Args             yaml.Node `yaml:"args"`
	RegisterProtos   []string  `yaml:"register_protos"`
	Nondeterministic bool      `yaml:"nondeterministic"`
	Expected         struct {
		Unordered bool        `yaml:"unordered"`
		Rows      []yaml.Node `yaml:"rows"`
		Error     *struct {
			Contains string `yaml:"contains"`
		} `yaml:"error"`
	} `yaml:"expected"`
}

// ParseSpec reads a YAML file of cases. Rows are lists of scalars and lists, as
// YAML gives them; texts stand for values of every type in the form that a
// client prints.
func ParseSpec(suite, path, text string) (*File, error) {
	var s specFile
	if err := yaml.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &File{Suite: suite, Path: path, Zone: "UTC", External: true}
	if s.Dialect == "" {
		s.Dialect = "googlesql"
	}
	for i, c := range s.Cases {
		k := Case{
			Suite: suite, File: path, Line: i + 1, Name: c.Desc, SQL: strings.TrimSpace(c.SQL), Setup: c.Setup,
			Labels: []string{"dialect:" + s.Dialect}, Zone: "UTC", External: true,
		}
		if len(c.RegisterProtos) > 0 {
			k.Labels = append(k.Labels, "protos")
		}
		if c.Args.Kind != 0 {
			k.Labels = append(k.Labels, "args")
		}
		k.Want.Unstable, k.Want.Unordered = c.Nondeterministic, c.Expected.Unordered
		if e := c.Expected.Error; e != nil {
			k.Want.Error, k.Want.Message = "any", e.Contains
		}
		var shown []string
		for _, n := range c.Expected.Rows {
			row, err := specRow(n)
			if err != nil {
				return nil, fmt.Errorf("%s: case %d: %w", path, i+1, err)
			}
			k.Want.Rows = append(k.Want.Rows, row)
			shown = append(shown, fmt.Sprint(row))
		}
		k.Want.Text = strings.Join(shown, "\n")
		f.Cases = append(f.Cases, k)
	}
	return f, nil
}

// specRow keeps numbers as they are written, so that 1.0 and 12345678901234567890 keep their digits.
func specRow(n yaml.Node) ([]any, error) {
	v, err := specValue(&n)
	if err != nil {
		return nil, err
	}
	if row, ok := v.([]any); ok {
		return row, nil
	}
	return []any{v}, nil
}

// number is a number as it is written.
type number string

func specValue(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			v, err := specValue(c)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.AliasNode:
		return specValue(n.Alias)
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!null":
			return nil, nil
		case "!!bool":
			return n.Value == "true", nil
		case "!!int", "!!float":
			return number(n.Value), nil
		}
		return n.Value, nil
	}
	return nil, fmt.Errorf("line %d: a value of this form is unknown", n.Line)
}
