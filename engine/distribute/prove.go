package distribute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// atOnce is how many questions one statement asks. PostgreSQL looks for the best order of more
// relations than that.
const atOnce = 8

// question is a query of one row of whole numbers.
type question struct {
	model *Model
	name  string
	query string
	width int // columns of the row
	read  func(row []any) error
}

// proofError says what does not hold of a customer's slices, and of those who share tables, of whose
// rows: of nobody's where it concerns all of them.
type proofError struct {
	list   diag.List
	blamed map[string]bool
}

// verdict is what proofs have found.
type verdict struct {
	list diag.List
	// blamed are those who share tables and of whose rows something does not hold; all: it concerns
	// more than one customer's rows.
	blamed map[string]bool
	all    bool
	// traces ask whose rows something was found in.
	traces []question
}

// blame adds what does not hold of one customer's rows.
func (v *verdict) blame(name string, d diag.Diagnostic) {
	v.list.Add(d)
	if v.blamed == nil {
		v.blamed = map[string]bool{}
	}
	v.blamed[name] = true
}

// blameAll adds what does not hold of a relation.
func (v *verdict) blameAll(d diag.Diagnostic) {
	v.list.Add(d)
	v.all = true
}

func (v *verdict) err() error {
	e := &proofError{list: v.list}
	if !v.all {
		e.blamed = v.blamed
	}
	return e
}

func (e *proofError) Error() string { return "a proof of isolation failed" }

// prove tests what was staged, before anybody sees it.
func (p *publication) prove(ctx context.Context) error {
	if len(p.staged) == 0 && !p.rescan() {
		return nil
	}
	columns, err := p.columns(ctx)
	if err != nil {
		return err
	}
	var found verdict
	var questions []question
	p.out.Pairs = make([]PairOutcome, len(p.staged))
	shared := p.c.members != nil
	for i, s := range p.staged {
		out := &p.out.Pairs[i]
		*out = PairOutcome{Node: s.pair.Node, As: s.pair.As, Rows: -1}
		m := s.pair.model
		have := columns[key(p.conn, s.at)]
		if len(have) == 0 {
			return fmt.Errorf("%s: what was staged as %s is not there", m.As, s.at)
		}
		for _, one := range p.c.readers() {
			if shared && !m.rule.For(one.Name) {
				continue
			}
			for _, sentence := range tenant.CheckColumns(m.rule, *one, shared, have) {
				found.blameAll(proofFailed(p.c.Name, m, "columns", sentence, ""))
			}
			questions = append(questions, p.proofs(*one, out, m, s, &found)...)
			if shared && m.rule.All {
				break // the same for all
			}
		}
		questions = append(questions, p.canary(out, m, s.at, have, &found)...)
	}
	for _, v := range p.views {
		for _, e := range p.c.all {
			if e.model.Relation == oneOf(v.Reads) {
				for _, sentence := range tenant.CheckView(e.model.rule, v) {
					found.blameAll(proofFailed(p.c.Name, e.model, "view", sentence, ""))
				}
				break
			}
		}
	}
	if p.rescan() {
		more, err := p.kept(ctx, &found)
		if err != nil {
			return err
		}
		questions = append(questions, more...)
	}
	if err := p.ask(ctx, questions); err != nil {
		return err
	}
	for _, t := range found.traces {
		rows, err := p.query(ctx, t.query, &p.out.Usage)
		if err != nil {
			return fmt.Errorf("%s: proof %s: %w", t.model.As, t.name, err)
		}
		for _, row := range rows {
			if err := t.read(row); err != nil {
				return err
			}
		}
	}
	if found.list.HasErrors() {
		return found.err()
	}
	p.out.Diags.Add(found.list...)
	return nil
}

func oneOf(rels []addr.Relation) addr.Relation {
	if len(rels) == 0 {
		return addr.Relation{}
	}
	return rels[0]
}

// proofs are those that package tenant has for a slice, and the comparison of its numbers with those
// that it must have. What is about the same rows is one question.
func (p *publication) proofs(c tenant.Customer, out *PairOutcome, m *Model, s staged, found *verdict) []question {
	from := p.from
	if s.pair.Way == Split {
		from.Split = p.shared[m].split
	}
	var list []question
	last := p.complete(c, out, m, s, found)
	for _, proof := range tenant.Proofs(p.d, m.rule, c, p.options.Workshop.Frozen, from, tenant.Staged{Relation: s.at, Shared: p.c.members != nil}) {
		one := question{model: m, name: proof.Name, query: proof.Query, width: len(proof.Parts), read: func(row []any) error {
			wrong, sentences, err := proof.Read(row)
			if err != nil {
				return err
			}
			out.Proofs++
			if proof.Severity == diag.Warning {
				out.Uncast += wrong
			}
			for _, sentence := range sentences {
				if proof.Severity == diag.Warning {
					found.list.Add(uncast(p.c, m, sentence))
				} else {
					p.fault(found, c.Name, m, proof.Name, sentence, proof.Query)
				}
			}
			return nil
		}}
		if query, ok := tenant.Along(last.query, proof); ok {
			last = last.with(query, one)
		} else {
			list = append(list, one)
		}
	}
	return append(list, last)
}

// with is a question that is answered together with another one, by a query that gives the columns
// of both.
func (q question) with(query string, other question) question {
	first := q
	q.query, q.name, q.width = query, q.name+" and "+other.name, first.width+other.width
	q.read = func(row []any) error {
		if err := other.read(row[first.width:]); err != nil {
			return err
		}
		return first.read(row[:first.width])
	}
	return q
}

// rescan reports whether what the customer has already is to be searched for markers, too:
// there are others than when it was published.
func (p *publication) rescan() bool {
	return p.plan.marks != "" && p.plan.marks != p.c.past.Markers && p.c.Kept > 0
}

// key is how a relation's name compares with one that the warehouse reports.
func key(c warehouse.Conn, r addr.Relation) addr.Relation {
	if c.Dialect().Caps().FoldsCase {
		return addr.Relation{Schema: strings.ToLower(r.Schema), Name: strings.ToLower(r.Name)}
	}
	return bare(r)
}

// columns are those of what was staged.
func (p *publication) columns(ctx context.Context) (map[addr.Relation][]warehouse.Column, error) {
	asked := make([]addr.Relation, len(p.staged))
	for i, s := range p.staged {
		asked[i] = s.at
	}
	return p.inspect(ctx, asked)
}

func (p *publication) inspect(ctx context.Context, asked []addr.Relation) (map[addr.Relation][]warehouse.Column, error) {
	out := make(map[addr.Relation][]warehouse.Column, len(asked))
	if len(asked) == 0 {
		return out, nil
	}
	found, err := p.conn.Inspect(ctx, asked)
	if err != nil {
		return nil, fmt.Errorf("inspect what was staged: %w", err)
	}
	for _, rel := range found {
		out[key(p.conn, rel.Name)] = rel.Columns
	}
	return out, nil
}

// fault notes that a proof of a customer's rows of a model does not hold. Where several have the
// same rows it is a matter of all of them.
func (p *publication) fault(found *verdict, name string, m *Model, proof, sentence, query string) {
	if p.c.members != nil && m.rule.All {
		found.blameAll(proofFailed(p.c.Name, m, proof, sentence, query))
		return
	}
	found.blame(name, proofFailed(name, m, proof, sentence, query))
}

// complete compares numbers of rows and values with those of an independent query.
func (p *publication) complete(c tenant.Customer, out *PairOutcome, m *Model, s staged, found *verdict) question {
	full, partial := tenant.Counted(m.rule)
	query := tenant.Measured(p.d, m.rule, c, p.options.Workshop.Frozen, tenant.Staged{Relation: s.at, Shared: p.c.members != nil})
	return question{model: m, name: "completeness", query: query, width: 3 + len(full) + len(partial), read: func(row []any) error {
		got, err := tenant.CountsOf(m.rule, row)
		if err != nil {
			return err
		}
		for _, sentence := range got.Differ(m.rule, p.shared[m].expects(m, c.Name)) {
			p.fault(found, c.Name, m, "completeness", sentence, "")
		}
		out.Proofs++
		if p.c.config.Mode != tenant.Views {
			out.Rows = max(out.Rows, 0) + got.Full + got.Partial
			if p.c.members != nil {
				if out.of == nil {
					out.of = map[string]int64{}
				}
				out.of[c.Name] = got.Full + got.Partial
			}
		}
		return nil
	}}
}

// canary looks for the markers of other customers' rows: where several share a table, in the rows
// of each of them for those of all others.
func (p *publication) canary(out *PairOutcome, m *Model, at addr.Relation, have []warehouse.Column, found *verdict) []question {
	apart := p.c.members != nil && !m.rule.All // rows say whose they are
	var markers []tenant.Marker
	for _, mark := range p.plan.markers {
		if apart || !p.c.is(mark.customer) || len(p.c.readers()) > 1 {
			markers = append(markers, tenant.Marker{Customer: mark.customer, Text: mark.text})
		}
	}
	var texts []warehouse.Column
	for _, c := range have {
		if isText(p.conn.Dialect(), c.Type) && (!apart || c.Name != tenant.CustomerColumn) {
			texts = append(texts, c)
		}
	}
	query, who := tenant.Canary(p.d, at, texts, markers, apart)
	if query == "" {
		return nil
	}
	return []question{{model: m, name: "canary", query: query, width: 1, read: func(row []any) error {
		proof := tenant.Proof{Name: "canary", Parts: []string{""}, Sentence: "%d rows carry the marker of a canary that is another customer's"}
		_, sentences, err := proof.Read(row)
		out.Proofs++
		for _, sentence := range sentences {
			if !apart {
				p.fault(found, p.c.Name, m, "canary", sentence, "")
				continue
			}
			found.traces = append(found.traces, question{model: m, name: "canary", query: who, read: func(row []any) error {
				name, ok := row[0].(string)
				if !ok {
					return fmt.Errorf("%s: proof canary: rows are %v's", m.As, row[0])
				}
				found.blame(name, proofFailed(name, m, "canary", sentence, ""))
				return nil
			}})
		}
		return err
	}}}
}

// isText reports whether a column may hold texts with a marker in them.
func isText(d warehouse.Dialect, typ string) bool {
	t := strings.ToLower(typ)
	for _, word := range []string{"char", "text", "string", "json", strings.ToLower(d.Words().Text())} {
		if strings.Contains(t, word) {
			return true
		}
	}
	return false
}

// kept are questions about what the customer has and keeps.
func (p *publication) kept(ctx context.Context, found *verdict) ([]question, error) {
	var rels []addr.Relation
	var models []*Model
	for _, e := range p.c.all {
		if !e.due {
			rels = append(rels, p.release.Published(p.c.places.final(e.model)))
			models = append(models, e.model)
		}
	}
	columns, err := p.inspect(ctx, rels)
	if err != nil {
		return nil, err
	}
	var out []question
	for i, rel := range rels {
		out = append(out, p.canary(&PairOutcome{}, models[i], rel, columns[key(p.conn, rel)], found)...)
	}
	return out, nil
}

// ask puts questions to the warehouse, many with each statement, and several of these side by side
// where there are workers with nothing to do. Answers are read in the order of the questions. Where a
// statement fails they are asked one by one, so that the one is known that cannot be answered.
func (p *publication) ask(ctx context.Context, questions []question) error {
	chunks := slices.Collect(slices.Chunk(questions, atOnce))
	answers := make([][][]any, len(chunks))
	err := p.spread(len(chunks), func(i int) error {
		some := chunks[i]
		if len(some) > 1 && !p.alone.Load() {
			rows, err := p.answers(ctx, some)
			if err == nil {
				answers[i] = rows
				return nil
			}
			if ctx.Err() != nil {
				return err
			}
			p.alone.Store(true) // or one of them cannot be answered: that comes out now
		}
		for j := range some {
			rows, err := p.answers(ctx, some[j:j+1])
			if err != nil {
				return fmt.Errorf("%s: proof %s: %w", some[j].model.As, some[j].name, err)
			}
			answers[i] = append(answers[i], rows[0])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, some := range chunks {
		for j, q := range some {
			if err := q.read(answers[i][j]); err != nil {
				return fmt.Errorf("%s: proof %s: %w", q.model.As, q.name, err)
			}
		}
	}
	return nil
}

// answers are the rows of questions that one statement asks.
func (p *publication) answers(ctx context.Context, questions []question) ([][]any, error) {
	sql, width := questions[0].query, questions[0].width
	if len(questions) > 1 {
		parts := make([]string, len(questions))
		width = 0
		for i, q := range questions {
			parts[i] = "(" + q.query + ") AS " + p.conn.Dialect().Ident(fmt.Sprintf("_engine_%d", i))
			width += q.width
		}
		sql = "SELECT *\nFROM " + strings.Join(parts, ",\n  ")
	}
	rows, err := p.query(ctx, sql, &p.out.Usage)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) != width {
		return nil, errors.New("a proof gave no answer")
	}
	out := make([][]any, len(questions))
	row := rows[0]
	for i, q := range questions {
		out[i], row = row[:q.width], row[q.width:]
	}
	return out, nil
}

// afterwards looks at what was published as its readers do, where the warehouse can do that.
func (p *publication) afterwards(ctx context.Context) error {
	if !p.plan.setting.Accounts {
		return nil
	}
	var found diag.List
	if err := p.barriers(ctx, &found); err != nil {
		return err
	}
	reader, ok := p.conn.(warehouse.Impersonator)
	if !ok || len(p.c.config.Principals) == 0 {
		return p.seen(found)
	}
	var own, foreign []addr.Relation
	for rel := range p.wanted {
		own = append(own, rel)
	}
	slices.SortFunc(own, addr.Relation.Compare)
	for _, m := range p.plan.Models {
		foreign = append(foreign, m.Relation)
	}
	workshop := p.options.Workshop.Frozen
	foreign = append(foreign, workshop.Tenants, workshop.Links, workshop.Transfers)
	for _, principal := range p.c.config.Principals {
		beyond, err := reader.ReadsBeyond(ctx, principal, p.plan.setting.Owner(), p.plan.admitted[principal])
		if err != nil {
			return fmt.Errorf("look what %s can read: %w", principal, err)
		}
		for _, rel := range beyond {
			found.Add(tooMuch(p.c, principal, rel, "which is another's"))
		}
		readable, err := reader.Reads(ctx, principal, own)
		if errors.Is(err, warehouse.ErrUnsupported) {
			found.Add(untried(p.c, principal))
			continue
		}
		if err != nil {
			return fmt.Errorf("read as %s: %w", principal, err)
		}
		sights := p.sights(principal)
		for _, rel := range own {
			customers, guarded := sights[rel]
			switch none := guarded && len(customers) == 0; {
			case none && readable[rel]:
				found.Add(tooMuch(p.c, principal, rel, "which is for other customers"))
			case !none && !readable[rel]:
				found.Add(unreadable(p.c, principal, rel))
				delete(sights, rel)
			}
		}
		if err := p.rows(ctx, reader, principal, sights, &found); err != nil {
			return fmt.Errorf("read as %s: %w", principal, err)
		}
		seen, err := reader.Reads(ctx, principal, foreign)
		if err != nil {
			return fmt.Errorf("read as %s: %w", principal, err)
		}
		for _, rel := range foreign {
			if seen[rel] {
				found.Add(tooMuch(p.c, principal, rel, "which has the rows of all customers"))
			}
		}
	}
	return p.seen(found)
}

// seen ends with what was found after a publication.
func (p *publication) seen(found diag.List) error {
	if found.HasErrors() {
		// The customer was published; that it has to be again stays on record.
		return &proofError{list: found.Sorted()}
	}
	p.out.Diags.Add(found.Sorted()...)
	return nil
}
