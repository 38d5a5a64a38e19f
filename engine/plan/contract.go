package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// asked reports whether a data test is part of the run. What a contract needs is checked
// with its node, whatever tests were selected.
func (m *maker) asked(t *compile.Test) bool {
	return m.selection.Tests[t.ID] || t.Contract && m.selection.Nodes[t.Node] && !m.selection.TestsOnly
}

// ContractIDs are the definitions that Contracts wants to read: those of nodes that p builds
// from something else than before, and whose readers are promised something, or were.
func ContractIDs(p *Plan, program *compile.Program, s state.Snapshot) map[addr.Node]string {
	ids := map[addr.Node]string{}
	for _, a := range p.Actions {
		n := program.Nodes[a.Node]
		was := s.Nodes[a.Node].Definition
		if a.Verb == Check || a.Restore != nil || n == nil || was == "" || was == a.DefinitionID {
			continue
		}
		if n.Config.Contract.Any() || state.UnderContract(was) {
			ids[a.Node] = was
		}
	}
	return ids
}

// Contracts finds the nodes that p would build other than their readers were promised:
// columns that go away, have another name or type, constraints that are taken back. Each is
// an error that names the readers, unless allow is set; what breaks a protected column is
// one in any case. definitions are those of ContractIDs, as far as they are known. It reads
// neither clock nor network.
func Contracts(p *Plan, program *compile.Program, definitions map[addr.Node]*state.Definition, s state.Snapshot, allow bool) diag.List {
	var ds diag.List
	r := &reviewer{
		program: program, definitions: definitions, snapshot: s, review: &Review{}, definer: definer{program: program},
		actions: map[addr.Node]*Action{}, deltas: map[addr.Node]*delta{}, inputs: map[addr.Node][]addr.Node{}, made: map[addr.Node]*state.Definition{},
	}
	for _, a := range p.Actions {
		was := definitions[a.Node]
		if a.Verb == Check || was == nil {
			continue
		}
		n := program.Nodes[a.Node]
		b := breaks(was, r.definition(a.Node))
		if len(b) == 0 {
			continue
		}
		ds.Add(r.broken(n, b, s.Nodes[a.Node], allow))
	}
	return ds
}

// breach is one promise that is not kept.
type breach struct {
	text string
	// column is whose readers are concerned, empty for all of the node's.
	column string
	// now is the column as it is called now, for its place.
	now       string
	protected bool
}

// breaks lists what readers of was, who count on what it promised, would miss in now.
// Promises that are new count as well where the contract is: they were true of what was built.
func breaks(was, now *state.Definition) []breach {
	var before, after state.DefinedContract
	if was.Contract != nil {
		before = *was.Contract
	}
	if now.Contract != nil {
		after = *now.Contract
	}
	whole := before.Enforced || after.Enforced
	protected := func(name string) bool {
		low := strings.ToLower(name)
		return slices.Contains(before.Protected, low) || slices.Contains(after.Protected, low)
	}
	var c Change
	c.compareColumns(was, now, &delta{columns: map[string]bool{}})
	var out []breach
	for _, col := range c.Columns {
		name, text := col.Name, ""
		switch col.Verb {
		case ColumnRemoved:
			text = fmt.Sprintf("%q is gone", name)
		case ColumnRenamed:
			name, text = col.From, fmt.Sprintf("%q is called %q", col.From, col.Name)
		case ColumnRetyped:
			if warehouse.SameType(col.From, col.To) {
				continue
			}
			text = fmt.Sprintf("%q was %s and is %s", name, col.From, col.To)
		default:
			continue
		}
		if whole || protected(name) {
			out = append(out, breach{text: text, column: name, now: col.Name, protected: protected(name)})
		}
	}
	if !whole {
		return taken(out, before, after)
	}
	for _, p := range before.Promises {
		if !slices.Contains(after.Promises, p) {
			out = append(out, breach{text: "the constraint " + p + " is gone"})
		}
	}
	if from, to := was.Config["relation"], now.Config["relation"]; from != to && from != "" && to != "" {
		out = append(out, breach{text: fmt.Sprintf("%s is %s now", from, to)})
	}
	if before.Enforced && !after.Enforced {
		out = append(out, breach{text: "its contract is no longer enforced"})
	}
	return taken(out, before, after)
}

// taken adds the protection of columns that is taken back, although the columns are there.
func taken(out []breach, before, after state.DefinedContract) []breach {
	for _, name := range before.Protected {
		gone := slices.ContainsFunc(out, func(b breach) bool { return strings.EqualFold(b.column, name) })
		if !slices.Contains(after.Protected, name) && !gone {
			out = append(out, breach{text: fmt.Sprintf("%q is no longer protected", name), column: name, now: name})
		}
	}
	return out
}

// broken words what a node breaks, and for whom.
func (r *reviewer) broken(n *compile.Node, list []breach, record state.Record, allow bool) diag.Diagnostic {
	d := diag.Diagnostic{
		Code: codeBreaking, Model: n.ID, At: promisedAt(n, list[0].now), Message: fmt.Sprintf("%q breaks what its readers were promised: %s", n.ID.Name, list[0].text),
		Help: fmt.Sprintf("keep what was promised, or add a version beside it, %s, and let readers move to it", nextVersion(r.program, n)),
	}
	strict := slices.ContainsFunc(list, func(b breach) bool { return b.protected })
	if !strict {
		d.Help += "; --allow-breaking builds it all the same"
	}
	if allow && !strict {
		d.Severity, d.Help = diag.Warning, "--allow-breaking was given: tell the readers"
	}
	if len(list) > 1 {
		d.Message = fmt.Sprintf("%q breaks what its readers were promised in %d ways", n.ID.Name, len(list))
	}
	var readers []string
	exact := map[addr.Node]bool{} // it is said what of them reads it
	var whole []Reader
	for _, b := range list {
		note := b.text
		if b.protected {
			note += " (protected)"
		}
		if len(list) > 1 || b.protected {
			d.Notes = append(d.Notes, note)
		}
		for _, reader := range r.readersOf(n.ID, b.column) {
			if reader.Node.Kind == addr.Test && strings.HasPrefix(reader.Node.Name, "contract_") {
				continue
			}
			if b.column == "" {
				whole = append(whole, reader)
				continue
			}
			exact[reader.Node] = true
			readers = append(readers, "read by "+sayReader(reader))
		}
	}
	for _, reader := range whole {
		if !exact[reader.Node] {
			readers = append(readers, "read by "+sayReader(reader))
		}
	}
	slices.Sort(readers)
	readers = slices.Compact(readers)
	if len(readers) == 0 {
		readers = []string{"nothing in this project reads it; who does elsewhere is not known"}
	}
	if more := len(readers) - mostReaders; more > 0 {
		readers = append(readers[:mostReaders], fmt.Sprintf("and %d more", more))
	}
	d.Notes = append(d.Notes, readers...)
	if !record.At.IsZero() {
		d.Notes = append(d.Notes, "compared with what was built at "+record.At.UTC().Format("2006-01-02 15:04")+" UTC")
	}
	return d
}

// nextVersion is the file of the version that could stand beside a model: «orders_v2.sql», which
// ref "orders" 2 reads.
func nextVersion(p *compile.Program, n *compile.Node) string {
	if of := n.Version; of != nil {
		v := 1
		for _, known := range of.All {
			if number, err := strconv.ParseFloat(known, 64); err == nil && number >= float64(v) && number < 1e9 {
				v = int(number) + 1
			}
		}
		return fmt.Sprintf("%s.sql (\"- v: %d\" below versions)", project.FlatName(of.Model, strconv.Itoa(v)), v)
	}
	name, v := n.ID.Name, 2
	if base, number, ok := cutLast(name, "_v"); ok {
		if at, err := strconv.Atoi(number); err == nil && at > 0 {
			name, v = base, at+1
		}
	}
	for p.Nodes[addr.Node{Kind: n.ID.Kind, Name: fmt.Sprintf("%s_v%d", name, v)}] != nil {
		v++
	}
	return fmt.Sprintf("%s_v%d.sql", name, v)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i > 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// mostReaders is how many readers a message names.
const mostReaders = 12

func sayReader(r Reader) string {
	text := r.Node.String()
	if r.Column != "" {
		text += " for its column " + fmt.Sprintf("%q", r.Column)
	}
	if r.Where != "" {
		text += " (" + r.Where + ")"
	}
	return text
}

// promisedAt is where a column is declared, else where the contract is, else the file.
func promisedAt(n *compile.Node, column string) source.Span {
	if n.Props != nil {
		for _, c := range n.Props.Columns {
			if strings.EqualFold(c.Name.V, column) && column != "" {
				return c.Name.At
			}
		}
	}
	at := n.Raw["contract"].At
	if at.IsZero() && n.File != nil {
		at = n.File.Whole()
	}
	return at
}

const codeBreaking diag.Code = "contract-breaking"

var contractEntry = diag.Entry{Code: codeBreaking, Title: "a change that breaks what readers were promised", Explain: "The model has an enforced contract, or protected columns, and would be built with columns that are gone, renamed or of another type, with constraints taken back, or under another name, compared with what was last built. Readers would fail or read something else. A new version of the model stands beside the old one, so that readers can move one by one. --allow-breaking builds it all the same, unless the column is protected.", Bad: "select id from {{ ref \"raw\" }} # and amount, which the contract had, is gone", Good: "models/orders_v2.sql, which ref \"orders\" 2 reads"}
