package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// tracing are the flags of engine trace.
type tracing struct {
	model, by, key      string
	asOf, at            string
	format, file        string
	up, down, byIsGiven bool
	depth               int
}

func (a *app) traceCommand() *cobra.Command {
	var t tracing
	cmd := &cobra.Command{
		Use:   "trace [MATERIAL]",
		Short: "show what a material was made from and what was made of it",
		Long: text(`
Looks a material up in the pairs of an ancestry model: its ancestors, its descendants, how
many steps away they are, and the edges in between with all that the edges say, such as the
transaction and the quantity. Nothing is computed recursively, so the answer is quick
however deep the genealogy is. It is that of the model's last build.

MATERIAL is a key as the edges have it. --by finds the key by another column of a model.
--as-of counts only edges up to a time; a date is meant to its end, in UTC. Where the model
excludes cycles, their edges are left out whatever their time.

The edges are read from the model's query, or, where that is a plain select from one other
relation, from there with all its columns.`),
		Example: `  engine trace 4711
  engine trace 4711 --down --depth 2
  engine trace --by material.tag=1A4060300003BC9000000042 --up
  engine trace LOT-7 --model lot_ancestry --as-of 2026-03-31
  engine trace 4711 --format html --output 4711.html
  engine trace 4711 --format dot | dot -Tpng > 4711.png`,
	}
	f := cmd.Flags()
	f.StringVar(&t.model, "model", "", "`name` of the ancestry model; default: the project's only one")
	f.BoolVar(&t.up, "up", false, "ancestors only")
	f.BoolVar(&t.down, "down", false, "descendants only")
	f.IntVar(&t.depth, "depth", 0, "`number` of steps to follow, on the shortest path; 0: all")
	f.StringVar(&t.asOf, "as-of", "", "count only edges up to this `time`: 2026-03-31, 2026-03-31 14:00:00 or RFC 3339")
	f.StringVar(&t.at, "at", "", "`column` of the edges with their time; default: at, or the only one that holds a time")
	f.StringVar(&t.by, "by", "", "find the material by `model.column=value`")
	f.StringVar(&t.key, "key", "", "with --by: `column` of that model with the key; default: as the edges name it")
	f.Var(newChoice(&t.format, view.TraceForms[0], view.TraceForms...), "format", "`form` of the answer: "+strings.Join(view.TraceForms, ", "))
	f.StringVarP(&t.file, "output", "o", "", "`file` to write; default: print")
	complete(cmd, "format", view.TraceForms...)
	must(cmd.RegisterFlagCompletionFunc("model", a.completeAncestry))
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t.byIsGiven = cmd.Flags().Changed("by")
		asOf, err := t.check(cmd, args)
		if err != nil {
			return err
		}
		word := ""
		if len(args) == 1 {
			word = args[0]
		}
		return a.trace(cmd.Context(), t, word, asOf)
	}
	return cmd
}

// completeAncestry offers the ancestry models.
func (a *app) completeAncestry(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil {
		return offer(nil, 0)
	}
	return offer(g.facts().Ancestries, 0)
}

func ancestryModels(p *compile.Program) []string {
	var out []string
	for _, id := range p.Order {
		if n := p.Nodes[id]; n.Config.Materialized == compile.Ancestry && n.Config.Ancestry.Result != warehouse.Things {
			out = append(out, id.Name)
		}
	}
	return out
}

// thingsOf is an ancestry by things over the edges of n, closed under the same rules; nil if
// there is none.
func (s *session) thingsOf(n *compile.Node) *compile.Node {
	for _, id := range s.program.Order {
		t := s.program.Nodes[id]
		if t.Closure == nil || t.Closure.Result != warehouse.Things || t.Relation.IsZero() || !steady(t) {
			continue
		}
		query := n.Meaning != "" && t.Meaning == n.Meaning || n.Meaning == "" && t.Meaning == "" && t.Text == n.Text
		if query && t.Closure.Parent == n.Closure.Parent && t.Closure.Child == n.Closure.Child && t.Closure.Cycles == n.Closure.Cycles && t.Closure.MaxDepth == n.Closure.MaxDepth {
			return t
		}
	}
	return nil
}

// steady reports whether the query of n gives the same rows as long as what it reads is the
// same.
func steady(n *compile.Node) bool {
	return n.Opaque == "" && len(n.Volatile) == 0 && len(n.Ambiguous) == 0
}

// alike names the builds of an ancestry and of its things if both were made as they are now,
// from the same content, and reports whether what they read still has it. What is not known
// is not so. A build has the name of its run and a time that no other record of the node has.
func (s *session) alike(ctx context.Context, conn warehouse.Conn, n, things *compile.Node) (version string, still bool) {
	read := []addr.Node{n.ID, things.ID}
	found, err := state.History(ctx, conn, s.scope(), append(read, n.Parents...), 1)
	if err != nil {
		return "", false
	}
	for _, of := range []*compile.Node{n, things} {
		record, ok := last(found, of)
		if !ok || compile.Content(record.Fingerprint) != compile.Content(of.Fingerprint) {
			return "", false
		}
		version += record.Version + " " + record.At.UTC().Format(time.RFC3339Nano) + "\n"
	}
	inputs := found[n.ID][0].Inputs
	for _, held := range inputs {
		if held == "" {
			return "", false
		}
	}
	if len(inputs) == 0 || !maps.Equal(inputs, found[things.ID][0].Inputs) {
		return "", false
	}
	still = n.Closure.Partition == things.Closure.Partition
	for id, held := range inputs {
		reading, known := n.Reads[id]
		record, ok := last(found, s.program.Nodes[id])
		// A view follows what it reads, so what it held tells nothing.
		still = still && known && ok && record.Kind == warehouse.Table && record.Content.Of(reading) == held
	}
	return version, still
}

// last is the newest record of a node, if there is one of the relation that it has.
func last(found map[addr.Node][]state.Record, n *compile.Node) (state.Record, bool) {
	if n == nil || len(found[n.ID]) == 0 || found[n.ID][0].Relation != n.Relation {
		return state.Record{}, false
	}
	return found[n.ID][0], true
}

// check looks at what can be said without the project, and reads the time.
func (t tracing) check(cmd *cobra.Command, args []string) (time.Time, error) {
	var none time.Time
	flag := func(message, help string) error {
		return mistake(diag.Diagnostic{Code: codeFlag, Message: message, Help: help})
	}
	switch {
	case t.byIsGiven && len(args) > 0:
		return none, mistake(wrongArguments(cmd, "trace takes a material or --by, not both"))
	case !t.byIsGiven && len(args) != 1:
		return none, mistake(wrongArguments(cmd, "trace takes one material, or --by"))
	case t.up && t.down:
		return none, flag("--up and --down are one direction each", "without either, both are shown")
	case t.depth < 0:
		return none, flag("--depth is negative", "want 1 or more; 0 means all")
	case t.key != "" && !t.byIsGiven:
		return none, flag("--key needs --by", "engine trace --by model.column=value --key column")
	case t.at != "" && t.asOf == "":
		return none, flag("--at needs --as-of", "it names the column that --as-of looks at")
	case !cmd.Flags().Changed("as-of"):
		return none, nil
	}
	at, ok := readTime(t.asOf)
	if !ok {
		return none, flag(fmt.Sprintf("%q is no time", t.asOf), "write 2026-03-31, 2026-03-31 14:00:00 (in UTC) or 2026-03-31T14:00:00+02:00")
	}
	return at, nil
}

// readTime reads a time. A date is meant to its last moment.
func readTime(text string) (time.Time, bool) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Nanosecond), true
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04"} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// trace answers.
func (a *app) trace(ctx context.Context, t tracing, word string, asOf time.Time) error {
	s, err := a.load()
	if err != nil {
		return err
	}
	defer s.ahead(ctx)()
	s.options.SkipTests = true
	if err := s.compile(ctx); err != nil {
		return err
	}
	n, err := s.ancestryModel(t.model)
	if err != nil {
		return err
	}
	edges := s.edgesOf(n)
	q := genealogy.Question{
		Pairs: n.Relation, Closure: *n.Closure, Parent: edges.parent, Child: edges.child,
		Up: t.up || !t.down, Down: t.down || !t.up, Depth: t.depth, AsOf: asOf,
	}
	for _, c := range edges.extra {
		q.Extra = append(q.Extra, c.Name)
	}
	if !asOf.IsZero() {
		if q.Time, err = edges.time(t.at, n.ID.Name); err != nil {
			return err
		}
	}
	var look *lookup
	if t.byIsGiven {
		look, err = s.lookup(t, n, edges)
	} else {
		q.Key, err = typed(word, n.Columns[0], "a material of "+n.ID.Name)
	}
	if err != nil {
		return err
	}
	s.warn()
	conn, err := s.readWith(ctx, n.Needs)
	if err != nil {
		return err
	}
	defer conn.Close()
	q.Edges = edges.from(conn.Dialect())
	needs := []*compile.Node{n, edges.node}
	var parts *lotParts
	if t.format == "html" {
		if parts, err = s.lotParts(n); err != nil {
			return err
		}
	}
	if look != nil {
		if q.Key, err = look.find(ctx, conn); err != nil {
			return s.traceRefused(ctx, conn, err, look.node)
		}
	}
	// Where tables are clustered every question is a job that costs more than it saves.
	if things := s.thingsOf(n); q.Down && things != nil && !conn.Dialect().Caps().Clusters {
		q.Things = things.Relation
		q.Alike = func(ctx context.Context) (version string, still bool) { return s.alike(ctx, conn, n, things) }
	}
	answer, err := genealogy.Ask(ctx, conn, q)
	if err != nil {
		return s.traceRefused(ctx, conn, err, needs...)
	}
	if !answer.Known && look == nil {
		near, err := genealogy.Near(ctx, conn, q)
		if err != nil {
			return s.traceRefused(ctx, conn, err, needs...)
		}
		return failure(unknownMaterial(n.ID.Name, word, near))
	}
	out := view.Trace{Model: n.ID.Name, Question: q, Answer: answer}
	if parts != nil {
		if out.Graph, err = s.traced(ctx, conn, parts, q, answer); err != nil {
			return s.traceRefused(ctx, conn, err, append(needs, parts.nodes()...)...)
		}
	}
	screen := a.outScreen()
	if t.file != "" && t.file != "-" {
		screen.Color, screen.Width = false, 0 // a file is no terminal
	}
	return a.write(t.file, func(w io.Writer) error { return out.Write(w, t.format, screen) })
}

// ancestryModel finds the model by name, or the only one that there is.
func (s *session) ancestryModel(name string) (*compile.Node, error) {
	all := ancestryModels(s.program)
	if name == "" {
		switch len(all) {
		case 0:
			return nil, mistake(diag.Diagnostic{Code: codeTraceModel, Message: "this project has no ancestry model with pairs", Help: `make one of the edges: {{ config "materialized" "ancestry" }} select parent_id, child_id from …`})
		case 1:
			name = all[0]
		default:
			return nil, mistake(diag.Diagnostic{Code: codeTraceModel, Message: "this project has several ancestry models", Help: "choose one with --model: " + someOf(all)})
		}
	}
	n, err := s.node(name)
	if err != nil {
		return nil, err
	}
	if n.Config.Materialized != compile.Ancestry {
		d := diag.Diagnostic{Code: codeTraceModel, Message: fmt.Sprintf("%s is no ancestry model", n.ID.Name), Help: "the project has none"}
		if len(all) > 0 {
			d.Help = "ancestry models are " + someOf(all)
		}
		return nil, mistake(d)
	}
	if n.Config.Ancestry.Result == warehouse.Things {
		d := diag.Diagnostic{Code: codeTraceModel, Message: fmt.Sprintf("%s has a row for each thing, and depths are those of pairs", n.ID.Name), Help: `make another ancestry of the same edges, with "result" "pairs"`}
		if len(all) > 0 {
			d.Help = "ancestry models with pairs are " + someOf(all)
		}
		return nil, mistake(d)
	}
	if n.Closure == nil || len(n.Columns) < 2 {
		// Compiling says so as well, unless somebody made a warning of it.
		return nil, mistake(diag.Diagnostic{Code: codeTraceModel, Message: fmt.Sprintf("which columns of %s are parent and child is not known", n.ID.Name), Notes: []string{cmp.Or(n.Unanalyzed, "its query could not be analyzed")}, Help: "engine check tells more"})
	}
	return n, nil
}

// edges is where the edges of an ancestry are read from.
type edges struct {
	node          *compile.Node // what has to be there; the ancestry itself for its query
	query         string        // empty: the relation of node
	parent, child string
	extra         []compile.Column
}

// edgesOf reads edges from the model's own query. Where that takes every row of one other
// relation, that is read instead: it says more of an edge than the ancestry needs.
func (s *session) edgesOf(n *compile.Node) edges {
	own := edges{node: n, query: n.SQL, parent: n.Closure.Parent, child: n.Closure.Child}
	own.extra = besides(n.Edges, own.parent, own.child)
	if len(n.Parents) != 1 || !oneTable(n.Text) {
		return own
	}
	from := s.program.Nodes[n.Parents[0]]
	if from == nil || from.Relation.IsZero() || from.Config.Materialized == "ephemeral" {
		return own
	}
	parent, ok := copied(n, warehouse.AncestorID, from)
	if !ok {
		return own
	}
	child, ok := copied(n, warehouse.DescendantID, from)
	if !ok || parent == child {
		return own
	}
	wide := edges{node: from, parent: parent, child: child, extra: besides(from.Columns, parent, child)}
	for _, c := range own.extra {
		if !slices.ContainsFunc(wide.extra, func(w compile.Column) bool { return strings.EqualFold(w.Name, c.Name) }) {
			return own // it computes something that is worth seeing
		}
	}
	return wide
}

// from is what stands behind «from».
func (e edges) from(d warehouse.Dialect) string {
	if e.query == "" {
		return d.Quote(e.node.Relation)
	}
	return "(\n" + e.query + "\n)"
}

func besides(columns []compile.Column, names ...string) []compile.Column {
	var out []compile.Column
	for _, c := range columns {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, c.Name) }) {
			out = append(out, c)
		}
	}
	return out
}

// copied is the column of from that column of n is an unchanged copy of.
func copied(n *compile.Node, column string, from *compile.Node) (string, bool) {
	of := n.Lineage.Get()
	if of == nil || len(of.Opaque) > 0 {
		return "", false
	}
	i := slices.IndexFunc(of.Columns, func(c origin.Column) bool { return c.Name == column })
	if i < 0 || len(of.Columns[i].Sources) != 1 {
		return "", false
	}
	src := of.Columns[i].Sources[0]
	if src.Kind != origin.Identity || len(src.Path) != 1 {
		return "", false
	}
	for _, c := range from.Columns {
		if strings.EqualFold(c.Name, src.Path[0]) {
			return c.Name, true
		}
	}
	return "", false
}

// oneTable reports whether a query is «select … from table», with nothing that would leave
// out, repeat or put together rows (an aggregate is no copy of a column, see copied).
func oneTable(text string) bool {
	var tokens []sql.Token
	for t := range sql.GoogleSQL.Tokens(text) {
		if t.Kind != sql.Space && t.Kind != sql.Comment {
			tokens = append(tokens, t)
		}
	}
	punct := func(i int, what string) bool {
		return i < len(tokens) && tokens[i].Kind == sql.Punct && tokens[i].In(text) == what
	}
	name := func(i int) bool {
		return i < len(tokens) && (tokens[i].Kind == sql.Word || tokens[i].Kind == sql.Quoted)
	}
	if n := len(tokens); n > 0 && punct(n-1, ";") {
		tokens = tokens[:n-1]
	}
	if len(tokens) < 2 || !tokens[0].Is(text, "select") || tokens[1].Is(text, "distinct") || tokens[1].Is(text, "as") || tokens[1].Is(text, "with") {
		return false
	}
	depth, i := 0, 1
	for ; i < len(tokens) && (depth > 0 || !tokens[i].Is(text, "from")); i++ {
		switch {
		case punct(i, "("):
			depth++
		case punct(i, ")"):
			depth--
		}
	}
	if i++; !name(i) {
		return false
	}
	for i++; punct(i, ".") && name(i+1); i += 2 {
	}
	if i < len(tokens) && tokens[i].Is(text, "as") {
		i++
	}
	if name(i) {
		i++
	}
	return i == len(tokens)
}

// time is the column that --as-of looks at.
func (e edges) time(asked, model string) (string, error) {
	temporal := func(c compile.Column) bool {
		return c.Google != nil && slices.Contains([]ir.Kind{ir.Date, ir.Datetime, ir.Timestamp}, c.Google.Kind)
	}
	var names, times []string
	for _, c := range e.extra {
		names = append(names, c.Name)
		if temporal(c) {
			times = append(times, c.Name)
		}
	}
	if asked != "" {
		for _, c := range e.extra {
			if strings.EqualFold(c.Name, asked) && temporal(c) {
				return c.Name, nil
			}
		}
		d := diag.Diagnostic{Code: codeTraceTime, Message: fmt.Sprintf("the edges of %s have no column %q with a date or time", model, asked), Help: "they have " + someOf(names)}
		if len(times) > 0 {
			d.Help = "those with one are " + someOf(times)
		}
		return "", mistake(d)
	}
	for _, name := range times {
		if strings.EqualFold(name, "at") {
			return name, nil
		}
	}
	switch len(times) {
	case 0:
		return "", mistake(diag.Diagnostic{Code: codeTraceTime, Message: fmt.Sprintf("the edges of %s have no date or time, so --as-of has nothing to look at", model), Notes: []string{"beside the two ends they have " + someOf(names)}, Help: "add the time of the edge to the query, named at"})
	case 1:
		return times[0], nil
	}
	return "", mistake(diag.Diagnostic{Code: codeTraceTime, Message: fmt.Sprintf("the edges of %s have several times", model), Help: "choose one with --at: " + someOf(times)})
}

// typed reads a word as a value of a column.
func typed(word string, c compile.Column, what string) (any, error) {
	if c.Google == nil || c.Google.Kind != ir.Int64 {
		return word, nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(word), 10, 64)
	if err != nil {
		return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%q is no whole number, as %s is", word, what), Help: "--by model.column=value finds a material by another column"})
	}
	return n, nil
}

// lookup finds a key by another column.
type lookup struct {
	node        *compile.Node
	key, column string
	value       any
	word        string
}

// lookup reads «model.column=value».
func (s *session) lookup(t tracing, n *compile.Node, e edges) (*lookup, error) {
	place, value, ok := strings.Cut(t.by, "=")
	dot := strings.LastIndexByte(place, '.')
	if !ok || dot <= 0 || dot == len(place)-1 {
		return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--by %q is not model.column=value", t.by), Help: "for example --by material.tag=LOT-7"})
	}
	node, err := s.node(place[:dot])
	if err != nil {
		return nil, err
	}
	if node.Config.Materialized == "ephemeral" {
		return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%s is ephemeral: there is nothing in the warehouse to look into", node.ID.Name), Help: "name a model that is a view or a table"})
	}
	var names []string
	for _, c := range node.Columns {
		names = append(names, c.Name)
	}
	column := func(name string) (compile.Column, bool) {
		i := slices.IndexFunc(node.Columns, func(c compile.Column) bool { return strings.EqualFold(c.Name, name) })
		if i < 0 {
			return compile.Column{}, false
		}
		return node.Columns[i], true
	}
	by, ok := column(place[dot+1:])
	if !ok {
		return nil, mistake(unknownColumn(node.ID.Name, place[dot+1:], names))
	}
	if by.Google == nil || by.Google.Kind != ir.String && by.Google.Kind != ir.Int64 {
		return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%s.%s is neither a text nor a whole number", node.ID.Name, by.Name), Help: "look by another column: " + someOf(names)})
	}
	typedLikeKey := func(c compile.Column) bool {
		return c.Google != nil && n.Columns[0].Google != nil && c.Google.Kind == n.Columns[0].Google.Kind
	}
	var key compile.Column
	if t.key != "" {
		if key, ok = column(t.key); !ok {
			return nil, mistake(unknownColumn(node.ID.Name, t.key, names))
		}
		if !typedLikeKey(key) {
			return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%s.%s has another type than the keys of %s", node.ID.Name, key.Name, n.ID.Name), Help: "name the column that the edges hold"})
		}
	} else {
		ok = false
		for _, name := range keyNames(n.Closure.Child, n.Closure.Parent, e.child, e.parent) {
			if key, ok = column(name); ok && typedLikeKey(key) {
				break
			}
			ok = false
		}
		if !ok {
			return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("which column of %s is the key of %s is not known", node.ID.Name, n.ID.Name), Help: "say it with --key; it has " + someOf(names)})
		}
	}
	v, err := typed(value, by, node.ID.Name+"."+by.Name)
	if err != nil {
		return nil, err
	}
	return &lookup{node: node, key: key.Name, column: by.Name, value: v, word: value}, nil
}

// keyNames are names that the key of a thing may have elsewhere: those of the ends of an
// edge without the word for the end, and then as they are.
func keyNames(ends ...string) []string {
	var out []string
	for _, name := range ends {
		for _, word := range []string{"child_", "parent_"} {
			if len(name) > len(word) && strings.EqualFold(name[:len(word)], word) {
				out = append(out, name[len(word):])
			}
		}
	}
	return append(out, ends...)
}

// find is the key, or why there is not one.
func (l *lookup) find(ctx context.Context, conn warehouse.Conn) (any, error) {
	const most = 10
	d := conn.Dialect()
	key := "t." + d.Ident(l.key)
	rows, err := conn.Query(ctx, warehouse.Statement{SQL: "select distinct " + key + " as k from " + d.Quote(l.node.Relation) + " as t where t." + d.Ident(l.column) + " = " + d.Literal(l.value) +
		" and " + key + " is not null order by k limit " + strconv.Itoa(most+1)})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []any
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		found = append(found, v[0])
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	where := l.node.ID.Name + "." + l.column
	switch {
	case len(found) == 0:
		return nil, failure(diag.Diagnostic{Code: codeTraceUnknown, Message: fmt.Sprintf("no row of %s has the %s %q", l.node.ID.Name, l.column, l.word), Help: "engine show " + l.node.ID.Name + " shows some"})
	case len(found) > 1:
		texts := make([]string, 0, most)
		for _, k := range found[:min(most, len(found))] {
			texts = append(texts, view.Text(k, ""))
		}
		more := ""
		if len(found) > most {
			more = " and more"
		}
		return nil, failure(diag.Diagnostic{Code: codeTraceUnknown, Message: fmt.Sprintf("%s %q is that of several materials", where, l.word), Notes: []string{"they are " + strings.Join(texts, ", ") + more}, Help: "trace one of them by its key"})
	}
	return found[0], nil
}

// traceRefused words an error: what is read is not there yet, or the warehouse's own words.
func (s *session) traceRefused(ctx context.Context, conn warehouse.Conn, err error, nodes ...*compile.Node) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var worded *mistakes
	if asMistakes(err, &worded) {
		return err
	}
	if facts, inspectErr := s.inspect(ctx, conn, nil); inspectErr == nil {
		var missing []string
		for _, n := range nodes {
			if _, there := facts[n.ID]; !there && !slices.Contains(missing, n.ID.Name) {
				missing = append(missing, n.ID.Name)
			}
		}
		if len(missing) == 0 {
			for _, n := range nodes {
				for _, name := range s.unbuilt(ctx, conn, n) {
					if !slices.Contains(missing, name) {
						missing = append(missing, name)
					}
				}
			}
		}
		if len(missing) > 0 {
			return failure(notBuilt(missing))
		}
	}
	var at source.Span
	if nodes[0].File != nil {
		at = nodes[0].File.Whole()
	}
	d := warehouse.Trace(conn.Dialect(), warehouse.Statement{}, nil, at, err)
	d.Model = nodes[0].ID
	return failure(d)
}

const (
	codeTraceModel   diag.Code = "trace-model"
	codeTraceTime    diag.Code = "trace-time"
	codeTraceUnknown diag.Code = "trace-unknown"
)

var traceCodes = []diag.Entry{
	{Code: codeTraceModel, Title: "no ancestry model to trace in", Explain: "engine trace looks materials up in the pairs of a model with the materialization ancestry: the project's only one, or that of --model.", Bad: "engine trace 4711 --model material", Good: "engine trace 4711 --model material_ancestry"},
	{Code: codeTraceTime, Title: "edges without a time", Explain: "engine trace --as-of leaves out the edges of a later time, so the edges need a column of type DATE, DATETIME or TIMESTAMP. Of several the one named at is taken, or that of --at.", Bad: "select parent_id, child_id from {{ ref \"edge\" }}", Good: "select parent_id, child_id, made_at as at from {{ ref \"edge\" }}"},
	{Code: codeTraceUnknown, Title: "a material that is not known", Explain: "No edge has the material as its parent or child: the key is another, or the material was neither made from anything nor used for anything. With --by, no row or more than one has the value.", Bad: "engine trace LTO-7", Good: "engine trace LOT-7"},
}

func unknownMaterial(model, word string, near []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeTraceUnknown, Message: fmt.Sprintf("no edge of %s has %q as its parent or child", model, word), Help: "the key is another, or the material was neither made from anything nor used for anything"}
	if best, ok := diag.Suggest(word, near); ok {
		d.Help = fmt.Sprintf("did you mean %q?", best)
	}
	return d
}
