package compile

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/engine/warehouse"
)

// Limit bounds which rows models and snapshots read of what they ref. What is built from such
// texts is a part of what belongs there: its fingerprint says so (see Limited), so that no later
// build takes it for the whole.
type Limit struct {
	// Empty: no rows at all, of anything.
	Empty bool
	// Start and End, the first included and the second not, bound rows of nodes that have an
	// event_time; others are read whole. They count where Empty is false.
	Start, End time.Time
}

// limitedMark begins the fingerprint of what was built from limited texts.
const limitedMark = "limited:"

// Limited reports whether a fingerprint is that of a node that holds only a part of its rows.
func Limited(fingerprint string) bool { return strings.HasPrefix(fingerprint, limitedMark) }

// OfPart is the fingerprint of what was made whole, of nodes that hold only a part of their rows.
func OfPart(fingerprint string) string {
	if fingerprint == "" || Limited(fingerprint) {
		return fingerprint
	}
	return limitedMark + fingerprint
}

// limited reports whether the text of u is other than it would be without a limit, or may be.
func (c *compiler) limited(u *unit) bool {
	return c.options.Limit != nil && (u.kind == addr.Model || u.kind == addr.Snapshot) && len(u.Parents) > 0
}

// limiting makes the refs of u leave a mark for limit. Ephemeral models are texts with limits of
// their own.
func (c *compiler) limiting(u *unit, env *tmpl.Env) {
	ref, src := env.Ref, env.Source
	env.Ref = func(args []any) (string, error) {
		to, d := c.resolveRef(args, source.Span{}, u)
		if d != nil || to.Config.Materialized == "ephemeral" {
			return ref(args)
		}
		return placeholder(to.ID), nil
	}
	env.Source = func(name, table string) (string, error) {
		to, d := c.resolveSource(name, table, source.Span{})
		if d != nil {
			return src(name, table)
		}
		return placeholder(to.ID), nil
	}
}

// limit puts queries of the rows that may be read where the refs are. One that has no alias
// gets the name of its relation, by which the text may call its columns.
func (c *compiler) limit(u *unit, text tmpl.Text) tmpl.Text {
	s := c.spell(u.Dialect)
	l := lexis(u.Dialect)
	var b strings.Builder
	rest, m := text.Body, text.Map
	for {
		start := strings.Index(rest, mark)
		if start < 0 {
			break
		}
		end := start + 1 + strings.Index(rest[start+1:], mark)
		if end <= start {
			break
		}
		n, err := addr.ParseNode(rest[start+1 : end])
		to := c.unitOf(n)
		b.WriteString(rest[:start])
		put := rest[start+1 : end]
		if err == nil && to != nil {
			put = c.limitedRead(u, to, s, l, rest[end+1:])
		}
		if m != nil {
			m = respan(m, b.Len(), end+1-start, len(put))
		}
		b.WriteString(put)
		rest = rest[end+1:]
	}
	b.WriteString(rest)
	text.Body, text.Map = b.String(), m
	return text
}

func (c *compiler) unitOf(n addr.Node) *unit {
	if n.Kind == addr.Source {
		return c.sources[n]
	}
	return c.names[n.Name]
}

// limitedRead is what stands for a ref of to before the text that follows it.
func (c *compiler) limitedRead(u, to *unit, s warehouse.Speller, l sql.Lexis, after string) string {
	relation := c.place(to)
	condition := c.limitCondition(u, to)
	next, punct := l.First(after)
	switch {
	case punct && next == ".":
		return s.Ident(relation.Name) // a column of it
	case condition == "":
		return s.Quote(relation)
	}
	query := "(select * from " + s.Quote(relation) + " where " + condition + ")"
	if !punct && (next != "" && !afterTable[strings.ToLower(next)]) {
		return query
	}
	return query + " as " + s.Ident(relation.Name)
}

// afterTable are the words that may follow a table in a list of tables and are no alias of it;
// «as» is not among them.
var afterTable = func() map[string]bool {
	out := map[string]bool{}
	for _, word := range strings.Fields(`
where join left right inner outer full cross natural on using group order having limit union intersect
except minus window qualify tablesample pivot unpivot for offset fetch positional asof anti semi lateral
sample returning set select from when then end`) {
		out[word] = true
	}
	return out
}()

// keywords are the words that DuckDB or PostgreSQL take for no column unless they are in quotes. No
// other word is written in quotes, which would make mixed case count in PostgreSQL.
var keywords = func() map[string]bool {
	out := map[string]bool{}
	for _, word := range strings.Fields(`
all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check
collate collation column columns concurrently constraint create cross current_catalog current_date current_role
current_schema current_time current_timestamp current_user default deferrable desc describe distinct do else end
except false fetch for foreign freeze from full generated glob grant group having ilike in initially inner
intersect into is isnull join lambda lateral leading left like limit localtime localtimestamp map natural not
notnull null offset on only or order outer overlaps pivot pivot_longer pivot_wider placing positional primary
qualify references returning right select semi session_user show similar some struct summarize symmetric
system_user table tablesample then to trailing true try_cast union unique unpack unpivot user using variadic
verbose when where window with`) {
		out[word] = true
	}
	return out
}()

var bareColumn = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// limitCondition says which rows of to may be read; empty for all.
func (c *compiler) limitCondition(u, to *unit) string {
	limit := c.options.Limit
	if u.batching {
		limit = &Limit{Start: BatchStart, End: BatchEnd}
	}
	if limit.Empty {
		return "false limit 0"
	}
	column := to.Config.EventTime
	if column == "" {
		return ""
	}
	typ, literal := "timestamptz", "timestamptz "
	google := u.Dialect == project.GoogleSQL || u.Dialect == "bigquery"
	if google {
		typ, literal = "timestamp", "timestamp "
	}
	switch {
	case google && bareColumn.MatchString(column):
		column = "`" + column + "`" // it may be a keyword; case does not matter to GoogleSQL
	case !google && keywords[strings.ToLower(column)]:
		column = c.spell(u.Dialect).Ident(strings.ToLower(column)) // what it stands for without quotes
	}
	at := func(t time.Time) string {
		return literal + "'" + t.UTC().Format("2006-01-02 15:04:05.999999") + "+00'"
	}
	return fmt.Sprintf("cast(%s as %s) >= %s and cast(%s as %s) < %s", column, typ, at(limit.Start), column, typ, at(limit.End))
}
