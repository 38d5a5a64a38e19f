package shim

import (
	"fmt"
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

// clauseAt finds a keyword outside of brackets and CASE … END from token i on, or returns -1.
func clauseAt(toks []token, i int, words ...string) int {
	depth := 0
	for ; i < len(toks); i++ {
		switch t := toks[i]; {
		case t.is("(") || t.is("[") || t.is("CASE"):
			depth++
		case t.is(")") || t.is("]"):
			depth--
		case t.is("END") && depth > 0:
			depth--
		case depth == 0:
			hit := i+len(words) <= len(toks)
			for k := 0; hit && k < len(words); k++ {
				hit = toks[i+k].is(words[k])
			}
			if hit && (i == 0 || !toks[i-1].is(".")) {
				return i
			}
		}
	}
	return -1
}

// aliasOf returns the alias at token i ([AS] name) and the index after it.
func aliasOf(toks []token, i int, stop ...string) (string, int) {
	if i < len(toks) && toks[i].is("AS") {
		i++
	} else if i < len(toks) {
		for _, w := range stop {
			if toks[i].is(w) {
				return "", i
			}
		}
	}
	if i < len(toks) && toks[i].name() {
		return toks[i].text, i + 1
	}
	return "", i
}

// dmlStatement runs INSERT, UPDATE, DELETE, MERGE and TRUNCATE and counts the rows that
// they change, which the emulator does not report.
func (x *execution) dmlStatement(st *statement) *apiError {
	ref, err := x.s.resolve(st.path, x.project, x.dataset)
	if err != nil {
		return err
	}
	t := x.s.table(ref)
	if t == nil {
		line, col := 1, 1
		if i := st.rest - 1; i >= 0 && i < len(st.toks) {
			for i > 0 && (st.toks[i-1].is(".") || st.toks[i].is(".")) {
				i--
			}
			line, col = lineCol(st.src, st.toks[i].start)
		}
		if x.s.dataset(ref.ProjectId, ref.DatasetId) == nil {
			return notFound("Not found: Dataset %s:%s was not found in location %s at [%d:%d]", ref.ProjectId, ref.DatasetId, x.s.location, line, col)
		}
		return notFound("Not found: Table %s was not found in location %s at [%d:%d]", refText(ref), x.s.location, line, col)
	}
	if t.res.Type != "TABLE" {
		return invalidQuery("%s is not allowed for this operation because it is currently a %s.", refText(ref), t.res.Type)
	}
	x.out.target = ref
	var edits []edit
	var stats bigquery.DmlStatistics
	var before int64
	switch st.kind {
	case "TRUNCATE_TABLE":
		if before, err = x.count("SELECT COUNT(*) FROM " + quoted(ref)); err != nil {
			return err
		}
		stats.DeletedRowCount = before
		// The emulator's TRUNCATE reads the name only when it stands in one form.
		edits = []edit{{0, len(st.src), "DELETE FROM " + quoted(ref) + " WHERE TRUE"}}
	case "INSERT":
		if before, err = x.count("SELECT COUNT(*) FROM " + quoted(ref)); err != nil {
			return err
		}
	case "UPDATE", "DELETE":
		where := clauseAt(st.toks, st.rest, "WHERE")
		if where < 0 {
			return invalidQuery("%s must have a WHERE clause", st.kind)
		}
		stop := "SET"
		if st.kind == "DELETE" {
			stop = "WHERE"
		}
		alias, next := aliasOf(st.toks, st.rest, stop)
		if st.kind == "UPDATE" && clauseAt(st.toks[:where], next, "FROM") >= 0 {
			return unsupported("UPDATE … FROM: the emulator cannot join in an update; use MERGE")
		}
		from := quoted(ref)
		if alias == "" {
			alias = ref.TableId
		}
		from += " AS `" + alias + "`"
		// The emulator words the mistakes: a condition that does not analyze fails below.
		n, failed := x.count("SELECT COUNT(*) FROM " + from + " WHERE (" + st.src[st.toks[where].end:] + "\n)")
		if failed == nil && st.kind == "UPDATE" {
			stats.UpdatedRowCount = n
		} else if failed == nil {
			stats.DeletedRowCount = n
		}
	case "MERGE":
		if edits, err = x.merge(st, ref, &stats); err != nil {
			return err
		}
	}
	if x.dry {
		e, err := x.rewrite(st.src, edits)
		if err != nil {
			return err
		}
		if failed := x.s.emu.try(x.ctx, x.project, x.dataset, e.out, x.params, x.mode); failed != nil {
			return x.explain(failed, e)
		}
		return nil
	}
	if err := x.exec(st.src, edits...); err != nil {
		return err
	}
	if st.kind == "INSERT" {
		after, err := x.count("SELECT COUNT(*) FROM " + quoted(ref))
		if err != nil {
			return err
		}
		stats.InsertedRowCount = after - before
	}
	x.out.dml = &stats
	x.out.affected += stats.InsertedRowCount + stats.UpdatedRowCount + stats.DeletedRowCount
	x.s.change(ref, func(t *tableState) { t.stale = true })
	return nil
}

// mergeClause is one WHEN of MERGE.
type mergeClause struct {
	match string // MATCHED, TARGET (not matched by target), SOURCE (not matched by source)
	cond  string
	verb  string // INSERT, UPDATE, DELETE
}

// merge stages a source that is no table, which the emulator cannot merge from, counts what
// each clause will change, and applies the documented rule that a target row must not match
// more than one source row. It returns the edits to make; source: «MERGE statement».
func (x *execution) merge(st *statement, ref *bigquery.TableReference, stats *bigquery.DmlStatistics) ([]edit, *apiError) {
	toks := st.toks
	alias, i := aliasOf(toks, st.rest, "USING")
	if i >= len(toks) || !toks[i].is("USING") {
		return nil, nil // the emulator words the syntax error
	}
	on := clauseAt(toks, i, "ON")
	when := clauseAt(toks, max(on, i), "WHEN")
	if on < 0 || when < 0 {
		return nil, nil
	}
	sub := toks[i+1 : on]
	if len(sub) == 0 {
		return nil, nil
	}
	p := &parser{src: st.src, toks: sub}
	var source, sourceAlias string
	var edits []edit
	table := false
	if sub[0].is("(") {
		inside, err := p.group()
		if err != nil {
			return nil, err
		}
		source = text(st.src, inside)
	} else {
		path, err := p.path()
		if err != nil {
			return nil, err
		}
		src, err := x.s.resolve(path, x.project, x.dataset)
		if err != nil {
			return nil, err
		}
		t := x.s.table(src)
		table = t != nil && t.res.Type == "TABLE"
		source = "SELECT * FROM " + quoted(src)
		sourceAlias = src.TableId
		if t == nil {
			line, col := lineCol(st.src, sub[0].start)
			return nil, notFound("Not found: Table %s was not found in location %s at [%d:%d]", refText(src), x.s.location, line, col)
		}
	}
	if a, _ := aliasOf(sub, p.i); a != "" {
		sourceAlias = a
	}
	stage := x.scratchTable(x.project)
	if !table {
		create := []edit{{0, sub[0].start, "CREATE TABLE " + quoted(stage) + " AS SELECT * FROM "}, {sub[p.i-1].end, len(st.src), ""}}
		if x.dry {
			create[1].text = " LIMIT 0"
		}
		if err := x.exec(st.src, create...); err != nil {
			return nil, err
		}
		x.out.spooled = append(x.out.spooled, stage)
		if sourceAlias == "" {
			sourceAlias = stage.TableId
		}
		edits = []edit{{sub[0].start, sub[len(sub)-1].end, quoted(stage) + " AS `" + sourceAlias + "`"}}
		source = "SELECT * FROM " + quoted(stage)
	}
	if x.dry {
		return edits, nil
	}
	if sourceAlias == "" {
		sourceAlias = stage.TableId
	}
	if alias == "" {
		alias = ref.TableId
	}
	cond := text(st.src, toks[on+1:when])
	clauses := mergeClauses(st.src, toks, when)
	target := quoted(ref) + " AS `" + alias + "`"
	src := "(" + source + "\n) AS `" + sourceAlias + "`"
	add := func(verb string, n int64) {
		switch verb {
		case "INSERT":
			stats.InsertedRowCount += n
		case "UPDATE":
			stats.UpdatedRowCount += n
		case "DELETE":
			stats.DeletedRowCount += n
		}
	}
	// A row takes the first clause of its kind whose condition holds.
	for _, kind := range []string{"MATCHED", "TARGET", "SOURCE"} {
		var of []mergeClause
		for _, c := range clauses {
			if c.match == kind {
				of = append(of, c)
			}
		}
		if len(of) == 0 {
			continue
		}
		which := "CASE"
		for k, c := range of {
			which += fmt.Sprintf(" WHEN (%s\n) THEN %d", c.cond, k)
		}
		which += " ELSE -1 END"
		var from string
		switch kind {
		case "MATCHED":
			from = target + " INNER JOIN " + src + " ON " + cond
		case "TARGET":
			from = src + " WHERE NOT EXISTS (SELECT 1 FROM " + target + " WHERE " + cond + "\n)"
		case "SOURCE":
			from = target + " WHERE NOT EXISTS (SELECT 1 FROM " + src + " WHERE " + cond + "\n)"
		}
		res, failed := x.read("SELECT k, COUNT(*) AS n FROM (SELECT " + which + " AS k FROM " + from + "\n) GROUP BY k")
		if failed != nil {
			if x.ctx.Err() != nil {
				return nil, stopped
			}
			continue // the statement itself will word the mistake
		}
		for _, row := range res.Rows {
			var k int
			var n int64
			if _, err := fmt.Sscan(cell(row, 0)+" "+cell(row, 1), &k, &n); err == nil && k >= 0 {
				add(of[k].verb, n)
			}
		}
		if kind == "MATCHED" {
			multi, failed := x.read("SELECT COUNT(*) FROM " + target + " WHERE (SELECT COUNT(*) FROM " + src + " WHERE (" + cond + "\n) AND (" + which + ") >= 0) > 1")
			if failed == nil && firstInt(multi) > 0 {
				return nil, invalidQuery("UPDATE/MERGE must match at most one source row for each target row")
			}
		}
	}
	return edits, nil
}

// mergeClauses splits the WHEN clauses.
func mergeClauses(src string, toks []token, at int) []mergeClause {
	var out []mergeClause
	for at >= 0 && at < len(toks) {
		next := clauseAt(toks, at+1, "WHEN")
		end := next
		if end < 0 {
			end = len(toks)
		}
		p := &parser{src: src, toks: toks[:end], i: at + 1}
		c := mergeClause{match: "MATCHED", cond: "TRUE"}
		if p.accept("NOT", "MATCHED") {
			c.match = "TARGET"
			if p.accept("BY", "SOURCE") {
				c.match = "SOURCE"
			} else {
				p.accept("BY", "TARGET")
			}
		} else {
			p.accept("MATCHED")
		}
		then := clauseAt(p.toks, p.i, "THEN")
		if then < 0 {
			return out
		}
		if p.accept("AND") {
			c.cond = text(src, toks[p.i:then])
		}
		p.i = then + 1
		c.verb = strings.ToUpper(p.peek().text)
		out = append(out, c)
		at = next
	}
	return out
}
