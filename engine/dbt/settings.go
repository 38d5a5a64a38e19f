package dbt

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/source"
)

// targetFields are the keys of a profile's output that a target has, by dbt's name. What is not
// here is noted.
var targetFields = map[string]map[string]string{
	"duckdb": {"path": "path", "schema": "schema", "threads": "threads"},
	"postgres": {"host": "host", "port": "port", "user": "user", "pass": "password", "password": "password", "dbname": "dbname", "database": "dbname", "schema": "schema",
		"threads": "threads", "sslmode": "sslmode", "sslcert": "sslcert", "sslkey": "sslkey", "sslrootcert": "sslrootcert", "role": "role", "search_path": "search_path", "connect_timeout": "connect_timeout"},
	"bigquery": {"project": "project", "database": "project", "dataset": "schema", "schema": "schema", "threads": "threads", "location": "location", "keyfile": "keyfile", "keyfile_json": "keyfile_json",
		"priority": "priority", "impersonate_service_account": "impersonate_service_account", "execution_project": "execution_project", "maximum_bytes_billed": "maximum_bytes_billed",
		"job_execution_timeout_seconds": "job_execution_timeout", "job_creation_timeout_seconds": "job_creation_timeout", "job_retries": "job_retries", "job_retry_deadline_seconds": "job_retry_deadline"},
}

// quiet are keys of profiles that decide nothing here.
var quiet = []string{"type", "method", "extensions", "plugins", "settings", "config_options", "keepalives_idle", "retries", "client_id", "token_uri", "scopes", "timeout_seconds"}

// secrets are fields whose words stay out of engine.yml.
var secrets = []string{"password", "keyfile_json"}

// profile is what was read of profiles.yml.
type profile struct {
	targets  *yaml.Node // mapping of names to targets
	chosen   string
	dialects map[string]string
}

// readProfile finds the outputs of the project's profile, and the target that the import is for.
func (im *importer) readProfile() *profile {
	p := &profile{targets: &yaml.Node{Kind: yaml.MappingNode}}
	if im.out.Profile = scalar(get(im.conf, "profile")); im.out.Profile == "" {
		im.out.Profile = "default"
	}
	im.target = map[string]any{"name": "dev", "type": "duckdb", "schema": "main", "database": ""}
	im.outputs = map[string]map[string]any{}
	defer func() { im.adapter = fmt.Sprint(im.target["type"]) }()
	if im.o.Profiles == nil {
		im.note(im.file.Whole(), "there is no profiles.yml: the target is a DuckDB file")
		return p
	}
	root, err := mapping(im.o.Profiles.Data)
	if err != nil {
		im.note(im.o.Profiles.Whole(), "%v", err)
		return p
	}
	name := scalar(get(im.conf, "profile"))
	env := &constants{vars: im.vars, env: func(name string, other any, has bool) (any, error) {
		if has {
			return fmt.Sprintf("${%s:-%v}", name, other), nil
		}
		return "${" + name + "}", nil
	}}
	if v, err := env.text(name); err == nil && v != nil {
		name = fmt.Sprint(v)
	}
	if name == "" {
		name = "default"
	}
	im.out.Profile = name
	found := get(root, name)
	if found == nil {
		im.note(im.o.Profiles.Whole(), "there is no profile %q: the target is a DuckDB file", name)
		return p
	}
	outputs := get(found, "outputs")
	p.chosen = im.o.Target
	if p.chosen == "" {
		p.chosen = "default"
		if n := get(found, "target"); n != nil {
			if v, err := env.text(n.Value); err == nil && !strings.HasPrefix(fmt.Sprint(v), "${") {
				p.chosen = fmt.Sprint(v)
			} else if _, other, ok := strings.Cut(fmt.Sprint(v), ":-"); ok {
				p.chosen = strings.TrimSuffix(other, "}")
			}
		}
	}
	for i := 0; outputs != nil && i+1 < len(outputs.Content); i += 2 {
		key, out := outputs.Content[i].Value, outputs.Content[i+1]
		target, ok := im.targetOf(key, out, env)
		if !ok {
			continue
		}
		p.targets.Content = append(p.targets.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, target)
		im.outputs[key] = outputOf(key, out, env)
		if key == p.chosen || len(p.targets.Content) == 2 && get(outputs, p.chosen) == nil {
			p.chosen = key
			maps.Copy(im.target, im.outputs[key])
		}
	}
	return p
}

// outputOf is an output of a profile as Jinja's target.
func outputOf(name string, out *yaml.Node, env *constants) map[string]any {
	t := map[string]any{"name": name, "type": scalar(get(out, "type"))}
	for _, k := range []string{"schema", "dataset", "project", "database", "dbname", "user", "host", "threads"} {
		if n := get(out, k); n != nil {
			if v, err := env.text(n.Value); err == nil {
				t[k] = v
			}
		}
	}
	if t["schema"] == nil && t["dataset"] != nil {
		t["schema"] = t["dataset"]
	}
	return t
}

// customSchema is what the project's generate_schema_name does in a target, in the word that a
// target of the engine has for it; empty where it has none.
func (im *importer) customSchema(target map[string]any) string {
	if im.schemaRule == nil {
		return "append"
	}
	own := "a_schema_of_its_own"
	name := func(custom any) (string, error) {
		c := &constants{vars: im.vars, target: target, names: map[string]any{"none": nil}}
		for i, p := range im.schemaRule.Params {
			var v any
			if i == 0 {
				v = custom
			} else if p.Default == nil {
				continue // the node
			} else if d, err := c.value(p.Default); err == nil {
				v = d
			}
			c.names[p.Name.Name] = v
		}
		var b strings.Builder
		err := c.write(&b, im.schemaRule.Body)
		return strings.TrimSpace(b.String()), err
	}
	schema := fmt.Sprint(target["schema"])
	without, err := name(nil)
	if err != nil || without != schema {
		return ""
	}
	switch with, err := name(own); {
	case err != nil:
	case with == own:
		return "replace"
	case with == schema+"_"+own:
		return "append"
	case with == schema:
		return "ignore"
	}
	return ""
}

// onlyAt is a place in a file that shows nothing but itself: what stands beside it in
// profiles.yml may be a password.
func onlyAt(f *source.File, from, to int) source.Span {
	from, to = min(max(from, 0), len(f.Data)), min(max(to, 0), len(f.Data))
	veiled := bytes.Clone(f.Data)
	for i := range veiled {
		if (i < from || i >= to) && veiled[i] != '\n' {
			veiled[i] = ' '
		}
	}
	return source.NewFile(f.Path, veiled).Span(from, to)
}

func (im *importer) targetOf(name string, out *yaml.Node, env *constants) (*yaml.Node, bool) {
	kind := scalar(get(out, "type"))
	fields, ok := targetFields[kind]
	at := func(n *yaml.Node) source.Span {
		from := im.o.Profiles.Offset(n.Line, n.Column)
		return onlyAt(im.o.Profiles, from, from+len(n.Value))
	}
	if !ok {
		where := get(out, "type")
		if where == nil {
			where = out
		}
		im.note(at(where), "the output %q is of type %q, which is not there: duckdb, postgres and bigquery are", name, kind)
		return nil, false
	}
	t := &yaml.Node{Kind: yaml.MappingNode}
	add := func(key string, v any) {
		var n yaml.Node
		if n.Encode(v) == nil {
			t.Content = append(t.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &n)
		}
	}
	add("type", kind)
	had := map[string]bool{}
	for i := 0; i+1 < len(out.Content); i += 2 {
		key, n := out.Content[i], out.Content[i+1]
		to := fields[key.Value]
		if to == "" {
			if !slices.Contains(quiet, key.Value) {
				im.note(at(key), "targets of type %s have no %q", kind, key.Value)
			} else if slices.Contains([]string{"extensions", "plugins", "settings"}, key.Value) || key.Value == "config_options" && (len(n.Content) != 2 || n.Content[0].Value != "storage_compatibility_version") {
				im.note(at(key), "%q of DuckDB: put the statements into on-run-start", key.Value)
			}
			continue
		}
		if had[to] {
			continue
		}
		had[to] = true
		v := decoded(n)
		if s, ok := v.(string); ok {
			w, err := env.text(s)
			if err != nil {
				im.note(at(key), "%v", err)
				continue
			}
			v = w
		}
		if slices.Contains(secrets, to) && !im.connecting && !strings.HasPrefix(fmt.Sprint(v), "${") {
			variable := strings.ToUpper(strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
					return r
				}
				return '_'
			}, im.out.Name+"_"+name+"_"+to))
			im.note(at(key), "the %s of output %q stays out of engine.yml: set the environment variable %s", to, name, variable)
			v = "${" + variable + "}"
		}
		add(to, v)
	}
	if kind == "duckdb" && !had["path"] {
		add("path", ":memory:")
	}
	if !had["schema"] {
		add("schema", "main")
	}
	return t, true
}

// dropped are keys of dbt_project.yml that decide nothing here.
var dropped = []string{"name", "version", "config-version", "profile", "require-dbt-version", "clean-targets", "target-path", "log-path", "packages-install-path", "docs-paths",
	"asset-paths", "analysis-paths", "model-paths", "source-paths", "seed-paths", "data-paths", "snapshot-paths", "test-paths", "macro-paths", "vars", "models", "seeds",
	"snapshots", "tests", "data_tests", "on-run-start", "on-run-end", "query-comment", "flags", "dispatch", "restrict-access", "quoting"}

// treeKeys are the trees of configuration by folder.
var treeKeys = []string{"models", "seeds", "snapshots", "data_tests", "tests"}

// settings writes engine.yml.
func (im *importer) settings(p *profile) {
	out := &yaml.Node{Kind: yaml.MappingNode}
	add := func(key string, v any) {
		n, ok := v.(*yaml.Node)
		if !ok {
			n = &yaml.Node{}
			if n.Encode(v) != nil {
				return
			}
		}
		out.Content = append(out.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, n)
	}
	at := func(n *yaml.Node) source.Span {
		from := im.file.Offset(n.Line, n.Column)
		return im.file.Span(from, from+len(n.Value))
	}
	trees := make([]*yaml.Node, len(treeKeys))
	for i, key := range treeKeys {
		t := &tree{importer: im, kind: key, at: at, nodes: map[string]*yaml.Node{}}
		trees[i] = t.convert(get(im.conf, key), nil)
		t.numbered()
		t.entries()
	}
	if len(p.targets.Content) == 0 && im.customSchema(im.target) != "append" {
		dev := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "type"}, {Kind: yaml.ScalarNode, Value: "duckdb"}}}
		p.targets.Content = append(p.targets.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "dev"}, dev)
		im.outputs = map[string]map[string]any{"dev": im.target}
	}
	add("name", im.out.Name)
	switch im.adapter {
	case "duckdb", "postgres":
		add("dialect", im.adapter)
	}
	for _, k := range pathKeys {
		folders := im.withoutMissing(im.paths[k.key])
		if !slices.Equal(im.paths[k.key], k.other) && len(folders) > 0 {
			add(k.key, folders)
		}
	}
	if len(im.vars) > 0 {
		vars := &yaml.Node{Kind: yaml.MappingNode}
		for _, k := range im.varOrder() {
			v := im.vars[k.Value]
			if _, ok := relationOf(v); ok {
				continue // it stands where it was asked for
			}
			if s, ok := v.(string); ok {
				if w, err := im.names.text(s); err == nil {
					v = w
				}
			}
			var n yaml.Node
			if n.Encode(v) == nil {
				vars.Content = append(vars.Content, k, &n)
			}
		}
		add("vars", vars)
	}
	if len(p.targets.Content) > 0 {
		if get(p.targets, p.chosen) != nil {
			add("default_target", p.chosen)
		}
		for i := 0; i+1 < len(p.targets.Content); i += 2 {
			name, t := p.targets.Content[i].Value, p.targets.Content[i+1]
			rule := im.customSchema(im.outputs[name])
			switch {
			case rule == "":
				im.note(im.schemaRule.Head, "generate_schema_name decides in its own way in target %q: here a node's schema is put behind the target's, or custom_schema of the target says replace or ignore", name)
				continue
			case rule == "append":
				continue
			}
			t.Content = append(t.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "custom_schema"}, &yaml.Node{Kind: yaml.ScalarNode, Value: rule})
		}
		add("targets", p.targets)
	}
	for _, key := range []string{"on-run-start", "on-run-end"} {
		if hooks := im.hooks(get(im.conf, key), at); len(hooks) > 0 {
			add(key, hooks)
		}
	}
	for i, key := range treeKeys {
		if tree := trees[i]; tree != nil && len(tree.Content) > 0 {
			add(key, tree)
		}
	}
	for i := 0; i+1 < len(im.conf.Content); i += 2 {
		if key := im.conf.Content[i]; !slices.Contains(dropped, key.Value) {
			im.note(at(key), "engine.yml has no %q", key.Value)
		}
	}
	data, err := yaml.Dump(out, yaml.WithIndent(2))
	if err != nil {
		im.note(im.file.Whole(), "%v", err)
		return
	}
	im.out.Files["engine.yml"] = data
}

// varOrder are the names of variables in the order of dbt_project.yml, with their comments; those
// of packages come after them.
func (im *importer) varOrder() (out []*yaml.Node) {
	seen := map[string]bool{}
	var level func(n *yaml.Node)
	level = func(n *yaml.Node) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if _, ok := im.vars[key.Value]; ok && !seen[key.Value] {
				seen[key.Value] = true
				out = append(out, commentedAs(key, value, key.Value))
			} else if value.Kind == yaml.MappingNode && (key.Value == im.out.Name || im.isPackage(key.Value)) {
				level(value)
			}
		}
	}
	level(get(im.conf, "vars"))
	for _, name := range slices.Sorted(maps.Keys(im.vars)) {
		if !seen[name] {
			out = append(out, &yaml.Node{Kind: yaml.ScalarNode, Value: name})
		}
	}
	return out
}

// commentedAs is a key with the comments that stood around an old one and its value.
func commentedAs(key, value *yaml.Node, name string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: name, HeadComment: key.HeadComment, FootComment: key.FootComment}
	if line := cmp.Or(key.LineComment, value.LineComment); line != "" {
		n.HeadComment = strings.Trim(n.HeadComment+"\n"+line, "\n")
	}
	return n
}

// hooks converts statements of hooks: texts, or mappings with sql and transaction.
func (im *importer) hooks(n *yaml.Node, at func(*yaml.Node) source.Span) (out []any) {
	if n == nil {
		return nil
	}
	list := n.Content
	if n.Kind != yaml.SequenceNode {
		list = []*yaml.Node{n}
	}
	for _, x := range list {
		statement, outside := x, false
		if x.Kind == yaml.MappingNode { // {sql: …, transaction: …}
			statement, outside = get(x, "sql"), decoded(get(x, "transaction")) == false
		}
		if statement == nil || statement.Kind != yaml.ScalarNode {
			im.note(at(x), "a hook is a statement, or a mapping with sql and transaction")
			continue
		}
		switch text, ok := im.hook(statement, at, "", ""); {
		case !ok || text == "":
		case outside:
			out = append(out, map[string]any{"sql": text, "transaction": false})
		default:
			out = append(out, text)
		}
	}
	return out
}

// hook converts one statement; owner is the node that it belongs to, where there is one.
func (im *importer) hook(n *yaml.Node, at func(*yaml.Node) source.Span, owner, alias string) (string, bool) {
	f := source.NewFile(projectFile, []byte(n.Value))
	t, list := jinja.Parse(f)
	if list != nil {
		im.note(at(n), "%s", list[0].Message)
		return "", false
	}
	c := im.context("", owner)
	if alias != "" && owner != "" {
		c.Model = alias
	}
	text, notes := c.Template(t)
	for _, d := range notes {
		im.note(at(n), "%s", d.Message)
	}
	return text, len(notes) == 0
}
