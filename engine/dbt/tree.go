package dbt

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// tree converts one of the trees of configuration of dbt_project.yml. The engine has folders in
// it; what dbt has for one node there goes into the node's entry in a properties file.
type tree struct {
	*importer
	kind  string // models, seeds, snapshots, tests
	at    func(*yaml.Node) source.Span
	nodes map[string]*yaml.Node // configuration of single nodes, by name
	names []string              // of nodes, in the order of the tree
}

// wholeKeys are keys whose value is a mapping, with or without the plus.
var wholeKeys = []string{"persist_docs", "partition_by", "labels", "meta", "grants", "column_types", "contract", "docs", "pre-hook", "post-hook", "pre_hook", "post_hook"}

// useless are keys that decide nothing here, and whose going changes nothing.
var useless = []string{
	"quote_columns", "concurrent_batches", "docs", "quoting", "static_analysis", "on_error", "packages",
	// Of other warehouses, which dbt ignores here, too.
	"file_format", "location_root", "tblproperties", "buckets", "clustered_by", "liquid_clustered_by", "auto_liquid_cluster", "databricks_compute", "databricks_tags",
	"copy_grants", "transient", "secure", "query_tag", "automatic_clustering", "snowflake_warehouse", "tmp_relation_type", "table_format", "external_volume", "base_location_root", "base_location_subpath",
	"dist", "sort", "sort_type", "backup", "bind", "auto_refresh",
	"s3_data_dir", "s3_data_naming", "table_type", "write_compression", "engine", "order_by", "as_columnstore",
}

// find looks for the segments of a path below the kind's folders: whether there is such a folder,
// and which nodes there are.
func (t *tree) find(folder []string) (isFolder bool, nodes []string) {
	key, endings := map[string]string{"models": "model-paths", "seeds": "seed-paths", "snapshots": "snapshot-paths", "tests": "test-paths", "data_tests": "test-paths"}[t.kind], []string{".sql", ".csv"}
	for _, top := range t.paths[key] {
		p := path.Join(append([]string{top}, folder...)...)
		for name := range t.out.Files {
			if strings.HasPrefix(name, p+"/") {
				isFolder = true
			}
			if slices.Contains(endings, path.Ext(name)) && strings.TrimSuffix(name, path.Ext(name)) == p && !slices.Contains(nodes, base(name)) {
				nodes = append(nodes, base(name))
			}
		}
		for _, name := range t.snapshots[p+".sql"] {
			if t.kind == "snapshots" && !slices.Contains(nodes, name) {
				nodes = append(nodes, name)
			}
		}
		if t.kind == "snapshots" && len(folder) > 1 { // a file, and a snapshot of it
			file := path.Join(append([]string{top}, folder[:len(folder)-1]...)...) + ".sql"
			if name := folder[len(folder)-1]; slices.Contains(t.snapshots[file], name) && !slices.Contains(nodes, name) {
				nodes = append(nodes, name)
			}
		}
	}
	slices.Sort(nodes)
	return isFolder, nodes
}

// convert gives the tree of a folder, nil for the top: the project's own level goes, and those of
// packages become folders.
func (t *tree) convert(n *yaml.Node, folder []string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	out := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		bare := strings.TrimPrefix(name, "+")
		if value.Kind != yaml.MappingNode || bare != name || slices.Contains(wholeKeys, name) {
			t.setting(out, key, value)
			continue
		}
		if folder == nil && name == t.out.Name {
			if own := t.convert(value, []string{}); own != nil {
				out.Content = append(out.Content, own.Content...)
			}
			continue
		}
		below := append(slices.Clone(folder), name)
		isFolder, nodes := t.find(below)
		switch {
		case !isFolder && len(nodes) == 0 && folder == nil && (slices.Contains(ownPackages, name) || !t.isPackage(name) && t.kind != "tests" && t.kind != "data_tests"):
			continue // of a package that is not there
		case !isFolder && len(nodes) == 0:
			t.note(t.at(key), "nothing in %s is called %q: dbt has no use for this, either", t.kind, strings.Join(below, "."))
			continue
		}
		for _, node := range nodes {
			if own := t.convert(value, below); own != nil && len(own.Content) > 0 {
				t.node(node, own)
			}
		}
		if isFolder {
			if sub := t.convert(value, below); sub != nil && len(sub.Content) > 0 {
				out.Content = append(out.Content, commentedAs(key, value, name), sub)
			}
		}
	}
	return out
}

// node keeps the configuration of a node; keys of a tree have a plus, those of entries have none.
func (t *tree) node(name string, own *yaml.Node) {
	if t.nodes[name] == nil {
		t.nodes[name] = &yaml.Node{Kind: yaml.MappingNode}
		t.names = append(t.names, name)
	}
	to := t.nodes[name]
	for i := 0; i+1 < len(own.Content); i += 2 {
		if k := own.Content[i]; strings.HasPrefix(k.Value, "+") {
			to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: k.Value[1:]}, own.Content[i+1])
		}
	}
}

// setting adds one key of configuration, its Jinja computed.
func (t *tree) setting(out, key, value *yaml.Node) {
	bare := strings.TrimPrefix(key.Value, "+")
	add := func(name string, v any) {
		var h yaml.Node
		if h.Encode(v) == nil {
			out.Content = append(out.Content, commentedAs(key, value, "+"+name), &h)
		}
	}
	switch {
	case slices.Contains(useless, bare):
		return
	case keyFor(bare, kinds[t.kind]) == keyDropped:
		return
	case keyFor(bare, kinds[t.kind]) == keyForeign && !(t.kind == "snapshots" && slices.Contains([]string{"target_schema", "target_database", "invalidate_hard_deletes"}, bare)):
		help, _ := project.ForeignConfig(bare)
		t.note(t.at(key), "%s", noted(bare, help))
		return
	case slices.Contains([]string{"pre-hook", "post-hook", "pre_hook", "post_hook"}, bare):
		if hooks := t.hooks(value, t.at); len(hooks) > 0 {
			add(strings.ReplaceAll(bare, "-", "_"), hooks)
		}
		return
	}
	v := decoded(value)
	if s, ok := v.(string); ok {
		// dbt knows no variables of the project here, only those of its command line.
		only := &constants{vars: map[string]any{}, target: t.target}
		w, err := only.text(s)
		if err != nil {
			w, err = t.importer.names.text(s)
		}
		if err != nil {
			t.note(t.at(value), "%v", err)
			return
		}
		v = w
	}
	switch {
	case v == nil:
		return
	case t.kind == "snapshots" && bare == "target_schema":
		if s := fmt.Sprint(v); s == fmt.Sprint(t.target["schema"]) {
			return
		}
	case t.kind == "snapshots" && bare == "target_database":
		bare = "database"
	case t.kind == "snapshots" && bare == "invalidate_hard_deletes":
		if v != true {
			return
		}
		bare, v = "hard_deletes", "invalidate"
	case bare == "store_failures_as" && v == "view":
		v = "table" // here a view would show what is published
	case bare == "meta", keyFor(bare, kinds[t.kind]) == keyCustom:
		if bare != "meta" {
			v = map[string]any{bare: v}
		}
		var more yaml.Node
		if had := get(out, "+meta"); had != nil && had.Kind == yaml.MappingNode && more.Encode(v) == nil && more.Kind == yaml.MappingNode {
			had.Content = append(had.Content, more.Content...)
			return
		}
		bare = "meta"
	}
	add(bare, v)
}

// kinds are the engine's kinds of nodes, by the trees' names.
var kinds = map[string]addr.Kind{"models": addr.Model, "seeds": addr.Seed, "snapshots": addr.Snapshot, "tests": addr.Test, "data_tests": addr.Test}

// What becomes of a config key.
const (
	keyKept    = iota
	keyDropped // it decides nothing here
	keyForeign // it means something to dbt that the engine does not have
	keyCustom  // the project has made it up: it goes below meta
)

// keyFor says what becomes of a config key; of a kind that is not known, all stay.
func keyFor(key string, kind addr.Kind) int {
	if slices.Contains(useless, key) {
		return keyDropped
	}
	if kind == "" {
		return keyKept
	}
	if _, ok := project.LookupKey(key, kind); ok {
		return keyKept
	}
	for _, other := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot, addr.Test, addr.Source} {
		if _, ok := project.LookupKey(key, other); ok {
			return keyDropped // of another kind, which dbt takes and nobody reads
		}
	}
	if _, ok := project.ForeignConfig(key); ok {
		return keyForeign
	}
	return keyCustom
}

// entries writes the configuration of single nodes into properties files: into the node's entry,
// where it has one, else into a new file.
func (t *tree) entries() {
	if t.kind == "tests" || t.kind == "data_tests" {
		return
	}
	var rest []string
	for _, name := range t.names {
		if !t.entry(name, t.nodes[name]) {
			rest = append(rest, name)
		}
	}
	if len(rest) == 0 {
		return
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, name := range rest {
		list.Content = append(list.Content, &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Value: "name"}, {Kind: yaml.ScalarNode, Value: name},
			{Kind: yaml.ScalarNode, Value: "config"}, t.nodes[name],
		}})
	}
	data, err := yaml.Dump(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: t.kind}, list}}, yaml.WithIndent(2))
	key := map[string]string{"models": "model-paths", "seeds": "seed-paths", "snapshots": "snapshot-paths"}[t.kind]
	if err != nil || len(t.paths[key]) == 0 {
		t.note(t.file.Whole(), "the configuration of %s could not be written: %v", strings.Join(rest, ", "), err)
		return
	}
	file := path.Join(t.paths[key][0], "_dbt_project.yml")
	for t.out.Files[file] != nil {
		file = path.Join(path.Dir(file), "_"+path.Base(file))
	}
	t.out.Files[file] = data
}

// entry finds the entry of a node in the properties files, and writes its configuration into it.
func (t *tree) entry(name string, config *yaml.Node) bool {
	for p, data := range t.out.Files {
		if ext := path.Ext(p); ext != ".yml" && ext != ".yaml" {
			continue
		}
		root, err := mapping(data)
		if err != nil {
			continue
		}
		list := get(root, t.kind)
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for _, n := range list.Content {
			if scalar(get(n, "name")) == name {
				t.out.Files[p] = t.insert(data, n, config)
				return true
			}
		}
	}
	return false
}

// insert adds configuration to an entry. What the entry says itself wins, as in dbt; lists that
// both have are joined by dbt, the tree's first.
func (t *tree) insert(data []byte, entry, config *yaml.Node) []byte {
	had := get(entry, "config")
	var pairs []*yaml.Node
	var edits []edit
	lines := lineStarts(data)
	offset := func(n *yaml.Node) int { return lines[n.Line-1] + column(data[lines[n.Line-1]:], n.Column) }
	for i := 0; i+1 < len(config.Content); i += 2 {
		key, value := config.Content[i], config.Content[i+1]
		other := get(had, key.Value)
		if other == nil {
			other = get(entry, key.Value) // tags and meta may stand beside config
		}
		joined := key.Value == "tags" || key.Value == "meta" || key.Value == "pre_hook" || key.Value == "post_hook"
		switch {
		case other == nil:
			pairs = append(pairs, key, value)
		case joined && other == get(had, key.Value):
			t.note(t.file.Whole(), "%s of %s are given in dbt_project.yml and in its entry, and dbt joins them: write both into the entry", key.Value, scalar(get(entry, "name")))
		case joined:
			pairs = append(pairs, key, value)
		}
	}
	if len(pairs) == 0 {
		return data
	}
	flow := func(n *yaml.Node) string {
		setStyle(n)
		text, err := yaml.Dump(n, yaml.WithLineWidth(-1))
		if err != nil {
			t.note(t.file.Whole(), "%v", err)
		}
		return string(bytes.TrimSpace(text))
	}
	switch {
	case had != nil && had.Kind == yaml.MappingNode && had.Style&yaml.FlowStyle != 0:
		text := strings.TrimSuffix(strings.TrimPrefix(flow(&yaml.Node{Kind: yaml.MappingNode, Content: pairs}), "{"), "}")
		if len(had.Content) > 0 {
			text += ", "
		}
		edits = append(edits, edit{offset(had) + 1, offset(had) + 1, text})
	case had != nil && had.Kind == yaml.MappingNode && len(had.Content) > 0:
		at := offset(had.Content[0])
		var b strings.Builder
		for i := 0; i+1 < len(pairs); i += 2 {
			b.WriteString(pairs[i].Value + ": " + flow(pairs[i+1]) + "\n" + strings.Repeat(" ", at-lines[had.Content[0].Line-1]))
		}
		edits = append(edits, edit{at, at, b.String()})
	default:
		first := entry.Content[0]
		at := offset(first)
		text := "config: " + flow(&yaml.Node{Kind: yaml.MappingNode, Content: pairs})
		if entry.Style&yaml.FlowStyle != 0 {
			text += ", "
		} else {
			text += "\n" + strings.Repeat(" ", at-lines[first.Line-1])
		}
		if name := entry.Content[1]; entry.Style&yaml.FlowStyle == 0 && first.Value == "name" && name.Line == first.Line {
			// Behind the name, which reads better.
			end := lines[first.Line-1] + bytes.IndexByte(append(slices.Clone(data[lines[first.Line-1]:]), '\n'), '\n')
			text = "\n" + strings.Repeat(" ", at-lines[first.Line-1]) + strings.TrimRight(text, " \n")
			at = end
		}
		edits = append(edits, edit{at, at, text})
	}
	return applied(data, edits)
}

// column is the offset of a column, which counts characters from 1.
func column(line []byte, col int) int {
	n := 0
	for i := range string(line) {
		if n++; n == col {
			return i
		}
	}
	return len(line)
}

func setStyle(n *yaml.Node) {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		setStyle(c)
	}
}
