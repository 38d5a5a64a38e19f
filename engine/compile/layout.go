package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// decodeLayoutKey is decodeKey for how a relation is stored, who may read it, and within
// which limits it is built.
func decodeLayoutKey(cfg *Config, key string, v any) bool {
	text, _ := v.(string)
	flag, _ := v.(bool)
	whole, _ := v.(int64)
	number, _ := v.(float64)
	l := &cfg.Layout
	switch key {
	case "partition_by":
		l.Partition, cfg.CopyPartitions = partition(dict(v))
	case "ancestry":
		cfg.Ancestry = closureOf(dict(v))
	case "partitions":
		cfg.Partitions = texts(v)
	case "cluster_by":
		l.Cluster = texts(v)
	case "require_partition_filter":
		l.RequirePartitionFilter = flag
	case "partition_expiration_days":
		l.PartitionDays = number
	case "hours_to_expiration":
		l.Hours = number
	case "kms_key_name":
		l.KMSKey = text
	case "labels":
		l.Labels = map[string]string{}
		for name, value := range dict(v) {
			l.Labels[name] = fmt.Sprint(value)
		}
	case "labels_from_meta":
		cfg.LabelsFromMeta = flag
	case "indexes":
		for _, e := range list(v) {
			unique, _ := dict(e)["unique"].(bool)
			typ, _ := dict(e)["type"].(string)
			l.Indexes = append(l.Indexes, warehouse.Index{Columns: texts(dict(e)["columns"]), Unique: unique, Type: typ})
		}
	case "unlogged":
		l.Unlogged = flag
	case "grants":
		cfg.Grants = map[string][]string{}
		for privilege, grantees := range dict(v) {
			names := texts(grantees)
			slices.Sort(names)
			cfg.Grants[privilege] = slices.Compact(names)
		}
	case "grant_access_to":
		for _, e := range list(v) {
			database, _ := dict(e)["project"].(string)
			schema, _ := dict(e)["dataset"].(string)
			cfg.GrantAccessTo = append(cfg.GrantAccessTo, Access{Database: database, Schema: schema})
		}
	case "maximum_bytes_billed":
		cfg.Limits.MaxBytes = whole
	case "job_execution_timeout_seconds":
		cfg.Limits.Timeout = time.Duration(whole) * time.Second
	case "priority":
		cfg.Limits.Priority = text
	case "reservation":
		cfg.Limits.Reservation = text
	case "on_configuration_change":
		cfg.OnConfigurationChange = text
	case "enable_refresh":
		refresh(l).Automatic = flag
	case "refresh_interval_minutes":
		refresh(l).Minutes = number
	case "max_staleness":
		refresh(l).MaxStaleness = text
	default:
		return false
	}
	return true
}

// refresh is l's, made if need be: warehouses refresh unless told otherwise.
func refresh(l *warehouse.Layout) *warehouse.Refresh {
	if l.Refresh == nil {
		l.Refresh = &warehouse.Refresh{Automatic: true}
	}
	return l.Refresh
}

// partition reads the checked mapping of partition_by.
func partition(m map[string]any) (p *warehouse.Partition, copies bool) {
	if len(m) == 0 {
		return nil, false
	}
	p = &warehouse.Partition{}
	p.Column, _ = m["field"].(string)
	p.Type, _ = m["data_type"].(string)
	p.Granularity, _ = m["granularity"].(string)
	if values, ranged := m["range"].(map[string]any); ranged {
		p.Type = "int64"
		p.Start, _ = values["start"].(int64)
		p.End, _ = values["end"].(int64)
		p.Interval, _ = values["interval"].(int64)
	}
	if arrival, _ := m["time_ingestion_partitioning"].(bool); arrival {
		p.Column, p.Type = "", "timestamp"
	}
	copies, _ = m["copy_partitions"].(bool)
	return p, copies
}

// labelsFromMeta adds the entries of meta to the labels, which outrank them.
func labelsFromMeta(cfg *Config) {
	joined := map[string]string{}
	for name, v := range cfg.Meta {
		joined[name] = fmt.Sprint(v)
	}
	maps.Copy(joined, cfg.Layout.Labels)
	cfg.Layout.Labels = joined
}

// policyTags collects those of the columns.
func (u *unit) policyTags() {
	if u.Props == nil {
		return
	}
	for _, col := range u.Props.Columns {
		for _, tag := range col.PolicyTags {
			if u.Config.Layout.PolicyTags == nil {
				u.Config.Layout.PolicyTags = map[string][]string{}
			}
			u.Config.Layout.PolicyTags[col.Name.V] = append(u.Config.Layout.PolicyTags[col.Name.V], tag.V)
		}
	}
}

// checkLayoutTogether finds keys of storage that make sense only with others. Keys that a
// folder gives to all of its models are silent where they mean nothing.
func checkLayoutTogether(u *unit) diag.List {
	var ds diag.List
	own := func(key string) (source.Span, bool) {
		at := u.Raw[key].At
		return at, u.Raw[key].V != nil && (at.File == u.File || u.Props != nil && at.File == u.Props.At.File)
	}
	if u.Config.Layout.Partition == nil {
		for _, key := range []string{"require_partition_filter", "partition_expiration_days"} {
			if at, is := own(key); is {
				ds.Add(configWithoutPartition(key, at))
			}
		}
	}
	if u.kind == addr.Model && u.Config.Materialized != "materialized_view" {
		for _, key := range []string{"on_configuration_change", "enable_refresh", "refresh_interval_minutes", "max_staleness"} {
			if at, is := own(key); is {
				ds.Add(configWithoutKind(key, u.Config.Materialized, "materialized_view", at))
			}
		}
	}
	if at, is := own("ancestry"); is && u.Config.Materialized != Ancestry {
		ds.Add(configWithoutKind("ancestry", u.Config.Materialized, Ancestry, at))
	}
	if u.kind == addr.Model && u.Config.Materialized != "view" && u.Config.Materialized != "materialized_view" {
		if at, is := own("grant_access_to"); is {
			ds.Add(configWithoutKind("grant_access_to", u.Config.Materialized, "view", at))
		}
	}
	if u.Config.LabelsFromMeta {
		for _, name := range slices.Sorted(maps.Keys(u.Config.Meta)) {
			value := u.Config.Meta[name]
			problem := "it is no text"
			switch value.(type) {
			case string, bool, int64, int, float64:
				problem = project.LabelProblem(name, fmt.Sprint(value))
			}
			if problem != "" {
				ds.Add(labelInvalid(name, problem, u.Raw["labels_from_meta"].At))
			}
		}
	}
	return ds
}

func configWithoutPartition(key string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeConfigUnused, Message: fmt.Sprintf("%q has no effect without \"partition_by\"", key), At: at, Help: `remove it, or set "partition_by"`}
}

func configWithoutKind(key, materialized, wanted string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeConfigUnused, Message: fmt.Sprintf("%q has no effect on %s %s", key, article(materialized), materialized), At: at, Help: fmt.Sprintf(`remove it, or set "materialized" %q`, wanted)}
}

func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an"
	}
	return "a"
}

func labelInvalid(name, problem string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeLabelInvalid, Message: fmt.Sprintf("%q of meta cannot be a label: %s", name, problem), At: at, Help: project.LabelHelp + `; remove the entry or "labels_from_meta"`}
}

// bindConstraints resolves what the foreign keys of every node refer to: it has to be
// there before them, so it is a parent.
func (c *compiler) bindConstraints() {
	for _, u := range c.all {
		if u.Props == nil {
			continue
		}
		for _, w := range u.Props.Constraints {
			c.bindConstraint(u, w, valuesOf(w.Columns))
		}
		for _, col := range u.Props.Columns {
			for _, w := range col.Constraints {
				c.bindConstraint(u, w, []string{col.Name.V})
			}
		}
		slices.SortFunc(u.Parents, addr.Node.Compare)
		u.Parents = slices.Compact(u.Parents)
	}
}

func (c *compiler) bindConstraint(u *unit, w project.Constraint, columns []string) {
	made := warehouse.Constraint{Type: w.Type.V, Name: w.Name.V, Columns: columns, ToColumns: valuesOf(w.ToColumns), Expression: w.Expression.V, Enforced: true}
	if w.Type.V == "foreign_key" {
		fn, args, err := datatest.ParseRef(w.To.V)
		if err != nil {
			u.tell(badReference(w.To))
			return
		}
		to, d := c.resolveText(fn, args, w.To.At)
		if d != nil {
			u.tell(*d)
			return
		}
		if why := notReferable(u, to); why != "" {
			u.tell(constraintReference(u, to, why, w.To.At))
			return
		}
		made.To = to.Relation
		// A source is there before, or made by a node that is the parent then.
		parents := []addr.Node{to.ID}
		if to.kind == addr.Source {
			parents = to.Parents
		}
		for _, p := range parents {
			if !slices.Contains(u.Parents, p) {
				u.Parents, u.referred = append(u.Parents, p), append(u.referred, p)
			}
		}
		u.Refs = append(u.Refs, Ref{To: to.ID, Span: w.To.At})
	}
	u.Constraints = append(u.Constraints, made)
}

func notReferable(u, to *unit) string {
	switch {
	case to == u:
		return "the relation itself"
	case to.Config.Materialized == "view", to.Config.Materialized == "materialized_view", to.Config.Materialized == "ephemeral":
		return article(to.Config.Materialized) + " " + to.Config.Materialized
	}
	return ""
}

func valuesOf(written []project.Value[string]) []string {
	var out []string
	for _, v := range written {
		out = append(out, v.V)
	}
	return out
}

// checkConstraints finds columns of constraints that an analyzed node does not have.
func (c *compiler) checkConstraints(u *unit) {
	if u.Props == nil {
		return
	}
	check := func(written []project.Value[string], of *unit) {
		if of == nil || of.Unanalyzed != "" || len(of.Columns) == 0 {
			return
		}
		for _, w := range written {
			if !hasColumn(of.Columns, w.V) {
				u.tell(constraintColumn(u, of, w))
			}
		}
	}
	referred := func(w project.Constraint) *unit {
		if fn, args, err := datatest.ParseRef(w.To.V); err == nil {
			if to, d := c.resolveText(fn, args, w.To.At); d == nil {
				return to
			}
		}
		return nil
	}
	for _, w := range u.Props.Constraints {
		check(w.Columns, u)
		check(w.ToColumns, referred(w))
	}
	for _, col := range u.Props.Columns {
		for _, w := range col.Constraints {
			// That the column itself is missing is said of the column.
			if isField(u.Columns, col.Name.V) {
				u.tell(constraintColumn(u, u, col.Name))
			}
			check(w.ToColumns, referred(w))
		}
	}
}

func constraintReference(u, to *unit, why string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeConstraintRef, Message: fmt.Sprintf("a foreign key cannot refer to %q, which is %s", to.ID.Name, why), At: at, Model: u.ID, Help: `refer to a table, or remove the constraint; the data test "relationships" checks any two models`}
}

func constraintColumn(u, of *unit, w project.Value[string]) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeConstraintColumn, Message: fmt.Sprintf("%q is not a column of %q", w.V, of.ID.Name), At: w.At, Model: u.ID, Help: "its columns are " + strings.Join(diag.Nearest(w.V, columnNames(of.Columns), 6), ", ")}
	if near, ok := diag.Suggest(w.V, columnNames(of.Columns)); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

// isField reports whether path, «a.b.c», leads to a field inside one of the columns, or
// may: the fields of a type that is not known are taken on trust.
func isField(columns []Column, path string) bool {
	name, rest, nested := strings.Cut(path, ".")
	if !nested || rest == "" {
		return false
	}
	i := slices.IndexFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
	return i >= 0 && (columns[i].Google == nil || hasField(columns[i].Google, rest))
}

func hasField(t *ir.Type, path string) bool {
	for t.Kind == ir.Array && t.Elem != nil {
		t = t.Elem
	}
	name, rest, nested := strings.Cut(path, ".")
	for _, f := range t.Fields {
		if t.Kind == ir.Struct && strings.EqualFold(f.Name, name) {
			return !nested || hasField(f.Type, rest)
		}
	}
	return false
}

// Kind is what the node is in the warehouse; None for ephemeral models.
func (n *Node) Kind() warehouse.Kind {
	switch n.Config.Materialized {
	case "view":
		return warehouse.View
	case "materialized_view":
		return warehouse.MaterializedView
	case "ephemeral":
		return warehouse.None
	}
	return warehouse.Table
}

// putPartitions adds what decides which rows insert_overwrite replaces.
func (c *compiler) putPartitions(h *digest, u *unit) {
	if u.Config.IncrementalStrategy != "insert_overwrite" || u.Config.Layout.Partition == nil {
		return
	}
	p := u.Config.Layout.Partition
	put(h, "partitions", p.Column, p.Type, p.Granularity, fmt.Sprint(p.Start, p.End, p.Interval))
	put(h, u.Config.Partitions...)
}

// layoutFingerprint is the part of the fingerprint about storage and access, as far as the
// target has them: «-» and a hash of each, empty where nothing is configured. h is used as room.
func (c *compiler) layoutFingerprint(h *digest, u *unit) string {
	caps := c.target.Dialect.Caps()
	written := u.Config.Layout
	written.Constraints = u.Constraints
	h.text = h.text[:0]
	if layout := written.For(u.Kind(), caps); layout != nil {
		text, _ := json.Marshal(layout) // plain data, of which everything has a JSON form
		put(h, string(text))
	}
	stored := h.short()
	h.text = h.text[:0]
	if caps.Grants {
		for _, privilege := range slices.Sorted(maps.Keys(u.Config.Grants)) {
			put(h, append([]string{privilege}, u.Config.Grants[privilege]...)...)
		}
	}
	if caps.Authorize {
		for _, a := range u.Config.GrantAccessTo {
			put(h, "access", a.Database, a.Schema)
		}
	}
	return strings.TrimRight("-"+stored+"-"+h.short(), "-")
}

// short is a hash of 16 digits, empty if nothing was collected.
func (d *digest) short() string {
	if len(d.text) == 0 {
		return ""
	}
	sum := sha256.Sum256(d.text)
	return hex.EncodeToString(sum[:8])
}

// Content is the part of a fingerprint that decides the rows, without storage and access.
func Content(fingerprint string) string {
	content, _, _ := strings.Cut(fingerprint, "-")
	return content
}

// Stored is the part of a fingerprint about storage, empty where nothing is configured.
func Stored(fingerprint string) string {
	_, rest, _ := strings.Cut(fingerprint, "-")
	stored, _, _ := strings.Cut(rest, "-")
	return stored
}
