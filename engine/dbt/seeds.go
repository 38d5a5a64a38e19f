package dbt

import (
	"bytes"
	"encoding/csv"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

var (
	digits      = regexp.MustCompile(`^[-+]?[0-9]+$`)
	leadingZero = regexp.MustCompile(`^[-+]?0[0-9]`)
)

// numbered gives columns of seeds their types where dbt infers another one than the engine: dbt
// reads 0012 as the number 12, and the engine keeps it as a text.
func (t *tree) numbered() {
	if t.kind != "seeds" {
		return
	}
	given := map[string]bool{}
	typed(get(t.conf, "seeds"), given)
	var names []string
	for name := range t.out.Files {
		if path.Ext(name) == ".csv" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		var columns []*yaml.Node
		for _, c := range zeroColumns(t.out.Files[name]) {
			if !given[strings.ToLower(c)] {
				columns = append(columns, &yaml.Node{Kind: yaml.ScalarNode, Value: c}, &yaml.Node{Kind: yaml.ScalarNode, Value: "integer"})
			}
		}
		if len(columns) == 0 {
			continue
		}
		seed := base(name)
		if had := get(t.nodes[seed], "column_types"); had != nil {
			had.Content = append(had.Content, columns...)
			continue
		}
		t.node(seed, &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "+column_types"}, {Kind: yaml.MappingNode, Content: columns}}})
	}
}

// typed collects the columns that any column_types names.
func typed(n *yaml.Node, into map[string]bool) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if strings.TrimPrefix(key.Value, "+") == "column_types" && value.Kind == yaml.MappingNode {
			for j := 0; j+1 < len(value.Content); j += 2 {
				into[strings.ToLower(value.Content[j].Value)] = true
			}
			continue
		}
		typed(value, into)
	}
}

// zeroColumns are the columns of a CSV file whose values are all whole numbers, one of them with a
// zero in front.
func zeroColumns(data []byte) (out []string) {
	if !bytes.Contains(data, []byte("0")) {
		return nil
	}
	r := csv.NewReader(bytes.NewReader(data))
	head, err := r.Read()
	if err != nil {
		return nil
	}
	whole, zero := make([]bool, len(head)), make([]bool, len(head))
	for i := range whole {
		whole[i] = true
	}
	for {
		row, err := r.Read()
		if err != nil {
			break // the end; a file that is no CSV is the build's to refuse
		}
		for i, v := range row {
			if v = strings.TrimSpace(v); v != "" && i < len(head) {
				whole[i] = whole[i] && digits.MatchString(v)
				zero[i] = zero[i] || leadingZero.MatchString(v)
			}
		}
	}
	for i, c := range head {
		if whole[i] && zero[i] {
			out = append(out, c)
		}
	}
	return out
}
