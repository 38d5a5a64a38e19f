package shim

import (
	"context"
	"strconv"
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

// reference notes the tables a statement reads, and what the service would bill for them.
// Names are found in the token stream: every path that names an existing table counts.
func (x *execution) reference(toks []token, st *statement) {
	x.referenceIn(toks, st, x.project, x.dataset, map[string]bool{})
}

func (x *execution) referenceIn(toks []token, st *statement, project, dataset string, seen map[string]bool) {
	skip := ""
	if st != nil && st.kind != "UPDATE" && st.kind != "DELETE" && st.kind != "MERGE" && len(st.path) > 0 {
		if ref, err := x.s.resolve(st.path, project, dataset); err == nil {
			skip = refText(ref) // what a statement creates or inserts into is not read …
		}
	}
	first := true
	ctes := commonTables(toks)
	for i := 0; i < len(toks); {
		if !toks[i].name() || i > 0 && toks[i-1].is(".") {
			i++
			continue
		}
		p := &parser{toks: toks, i: i}
		path, err := p.path()
		if err != nil || p.i <= i {
			i++
			continue
		}
		at := i
		i = p.i
		if len(path) == 1 {
			if dataset == "" || at == 0 || ctes[strings.ToLower(path[0])] {
				i = at + 1
				continue
			}
			after := false
			for _, w := range tableWords {
				after = after || toks[at-1].is(w)
			}
			if !after {
				i = at + 1
				continue
			}
		}
		if len(path) > 3 {
			path = path[:3]
		}
		ref, err := x.s.resolve(path, project, dataset)
		if err != nil {
			continue
		}
		t := x.s.table(ref)
		if t == nil {
			continue
		}
		if refText(ref) == skip && first {
			first = false // … unless it is named once more
			continue
		}
		if seen[refText(ref)] {
			continue
		}
		seen[refText(ref)] = true
		if q := viewQuery(t.res); q != "" {
			x.referenceIn(lex(q), nil, ref.ProjectId, "", seen)
		}
		x.out.refs = append(x.out.refs, ref)
	}
}

// bill sums the bytes of the tables that are read and applies the documented minimum:
// «charges are rounded up to the nearest MB, with a minimum 10 MB data processed per table
// referenced by the query, and with a minimum 10 MB data processed per query» (pricing).
func (x *execution) bill() (processed, billed int64) {
	const mb = 1 << 20
	for _, ref := range x.out.refs {
		t := x.s.table(ref)
		if t == nil || viewQuery(t.res) != "" {
			continue
		}
		_, bytes := x.s.measure(x.ctx, ref)
		processed += bytes
		billed += max((bytes+mb-1)/mb*mb, 10*mb)
	}
	if processed == 0 {
		return 0, 0 // «queries that read nothing are not charged»
	}
	return processed, billed
}

// measure returns rows and logical bytes of a table; the caller holds s.exec. Views have none.
func (s *Server) measure(ctx context.Context, ref *bigquery.TableReference) (rows, bytes int64) {
	t := s.table(ref)
	if t == nil || viewQuery(t.res) != "" || t.logical {
		return 0, 0
	}
	rows, bytes = int64(t.res.NumRows), t.res.NumBytes
	if t.stale && t.res.Schema != nil {
		sizes := make([]string, len(t.res.Schema.Fields))
		for i, f := range t.res.Schema.Fields {
			sizes[i] = sizeSQL(f)
		}
		res, err := s.emu.read(context.WithoutCancel(ctx), ref.ProjectId, "", "SELECT COUNT(*), SUM("+strings.Join(sizes, " + ")+") FROM "+quoted(ref), nil, "")
		if err == nil && len(res.Rows) == 1 {
			rows = firstInt(res)
			bytes, _ = strconv.ParseInt(cell(res.Rows[0], 1), 10, 64) // no rows: NULL, no bytes
		}
		s.mu.Lock()
		if cur := s.tableLocked(ref); cur != nil {
			cur.res.NumRows, cur.res.NumBytes, cur.stale = uint64(rows), bytes, err != nil
			cur.res.NumLongTermBytes = 0
		}
		s.mu.Unlock()
	}
	if t.forced != nil {
		bytes = *t.forced
	}
	return rows, bytes
}

// checkFilters enforces require_partition_filter: the statement must name the partitioning
// column after WHERE or ON. That is weaker than the service, which also demands a form that
// prunes; a statement refused here is refused there.
func (x *execution) checkFilters(st *statement) *apiError {
	for _, ref := range x.out.refs {
		t := x.s.table(ref)
		if t == nil || !t.res.RequirePartitionFilter {
			continue
		}
		field := partitionField(t.res)
		columns := []string{field}
		if field == "" {
			columns = []string{"_PARTITIONTIME", "_PARTITIONDATE"}
		}
		found, condition := false, false
		toks := st.toks
		for _, r := range x.out.refs {
			if v := x.s.table(r); v != nil && viewQuery(v.res) != "" {
				toks = append(append([]token{}, toks...), lex(viewQuery(v.res))...)
			}
		}
		for _, tok := range toks {
			if tok.is("WHERE") || tok.is("ON") || tok.is("USING") {
				condition = true
			}
			for _, c := range columns {
				if condition && tok.name() && (strings.EqualFold(tok.text, c) || strings.HasSuffix(strings.ToLower(tok.text), "."+strings.ToLower(c))) {
					found = true
				}
			}
		}
		if !found {
			return invalidQuery("Cannot query over table '%s.%s.%s' without a filter over column(s) '%s' that can be used for partition elimination", ref.ProjectId, ref.DatasetId, ref.TableId, strings.Join(columns, "', '"))
		}
	}
	return nil
}
