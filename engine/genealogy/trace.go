package genealogy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ancestry"
	"github.com/engine-build/engine/engine/warehouse"
)

// Question asks what one thing was made from, and what was made of it.
type Question struct {
	// Pairs is the relation that Close or Update made, with Closure.
	Pairs   addr.Relation
	Closure warehouse.Closure
	// Things is a relation that Close made of the same edges under the same rules, with a row
	// for each thing; zero: there is none. It tells which pairs lie downstream, which are
	// scattered over all of Pairs. Alike, if it is not nil, is asked before and after they are
	// read whether it was really made of the same edges as Pairs, and whether Edges are still
	// these: then the depths of descendants are counted from the edges in between, which are
	// few, and the pairs are not looked at. version names what both hold, and is another one
	// as soon as either is built anew; empty: they are not the same, or nobody knows. What
	// the things cannot tell, because they are gone or were built in between, say the pairs.
	Things addr.Relation
	Alike  func(context.Context) (version string, still bool)
	// Edges is what to write behind «from» to read the edges: a relation's quoted name, or a
	// query in parentheses. Its columns Parent and Child hold the two ends of an edge, Extra
	// those that are shown with it.
	Edges         string
	Parent, Child string
	Extra         []string
	// Key is an int64 or a string, as the keys of the pairs are.
	Key      any
	Up, Down bool
	// Depth leaves out what is further away, by the shortest path; 0: nothing.
	Depth int
	// AsOf leaves out the edges of a later time, and all that only they lead to; zero: all
	// edges count. Time is the one of Extra that holds a date or a time.
	AsOf time.Time
	Time string
}

// Relative is an ancestor or a descendant of the thing in question.
type Relative struct {
	Key any // as Question.Key
	// Partition is that of the pair, nil where it is NULL or there is none.
	Partition any
	// Min and Max count the edges of the shortest and of the longest path. Max is -1 where
	// it is not known: as of a time, of pairs that max_depth bounds.
	Min, Max int64
	// InCycle: each is an ancestor of the other.
	InCycle bool
	// Paths, Share and Direct are as in the pairs, nil where those do not have them, and as
	// of a time, to which they do not apply.
	Paths, Share, Direct *float64
}

// Link is a row of the edges between two of the things found.
type Link struct {
	Parent, Child any
	Extra         []any // in the order of Question.Extra
}

// Answer holds what was found.
type Answer struct {
	// Known: the edges or the pairs name the thing.
	Known bool
	// Up are ancestors and Down descendants, nearest first, then by key.
	Up, Down []Relative
	// Links are by parent, child, and then by their other values. Both ends are the thing or
	// among its relatives.
	Links []Link
	// Cycles are the groups of things among these of which each is an ancestor of all
	// others, by their first members; members ascend.
	Cycles [][]any
	// Extra names and types the values of Links, as the warehouse reports them.
	Extra []warehouse.Column
	// Undated counts edges without a time, which are left out where AsOf is set.
	Undated int
}

// listed is how many keys are written into a query; more are found by a subquery.
const listed = 1000

// Ask answers from the pairs, with one query of them and one of the edges in each
// direction, and one or two of the things, where there are some. Where the thing has no
// relatives, one more says whether it is known. Nothing is wrong with an answer when the
// things cannot be read: it is slower.
func Ask(ctx context.Context, c warehouse.Conn, q Question) (*Answer, error) {
	a := &asking{ctx: ctx, c: c, d: c.Dialect(), q: q, answer: &Answer{}}
	if err := a.things(); err != nil {
		return nil, err
	}
	if err := a.relatives(); err != nil {
		return nil, err
	}
	if !a.believed() {
		if err := a.onlyPairs(); err != nil {
			return nil, err
		}
	}
	if !q.AsOf.IsZero() {
		if err := a.past(); err != nil {
			return nil, err
		}
	}
	a.sort()
	if err := a.cycles(); err != nil {
		return nil, err
	}
	return a.answer, a.known()
}

type asking struct {
	ctx    context.Context
	c      warehouse.Conn
	d      warehouse.Dialect
	q      Question
	answer *Answer
	// below are the descendants, if told: they are known before the pairs are read. If
	// counted, nothing else is read of the pairs downstream.
	below         []any
	told, counted bool
	version       string // of the things and the pairs, before the things were read
}

// things reads the descendants from where they lie together.
func (a *asking) things() error {
	if !a.q.Down || a.q.Things.IsZero() {
		return nil
	}
	still := false
	if a.q.Alike != nil {
		// Asked at the same time it might see a build that the things did not see yet.
		if a.version, still = a.q.Alike(a.ctx); a.version == "" {
			return a.ctx.Err()
		}
	}
	list := false
	err := each(a.ctx, a.c, a.aboutThings([]string{warehouse.DescendantIDs}, []any{a.q.Key}), func(v []any) error {
		a.below, list = v[0].([]any)
		return nil
	})
	// A thing without a row, or what is no list, tells nothing. A table that somebody dropped
	// or may not read is not needed for an answer.
	if a.told = list && err == nil; !a.told {
		a.below = nil
		return a.ctx.Err()
	}
	cl := a.q.Closure
	a.counted = still && cl.MaxDepth == 0 && !cl.Paths && !cl.Shares() && cl.Cycles != warehouse.CyclesExclude && len(a.below) <= listed
	return nil
}

// aboutThings is a query of the rows of some things.
func (a *asking) aboutThings(columns []string, keys []any) string {
	items := make([]string, len(columns))
	for i, name := range columns {
		items[i] = "t." + a.d.Ident(name)
	}
	return "select " + strings.Join(items, ", ") + " from " + a.d.Quote(a.q.Things) + " as t where " + a.oneOf("t."+a.d.Ident(warehouse.ThingID), keys)
}

// oneOf is a condition. The range of whole numbers is looked at while a table is read, where
// a list is joined to what was read.
func (a *asking) oneOf(expr string, keys []any) string {
	if len(keys) == 1 {
		return expr + " = " + a.d.Literal(keys[0])
	}
	in := make(map[any]bool, len(keys))
	for _, k := range keys {
		in[k] = true
	}
	text := expr + " in (" + a.literals(in) + ")"
	if low, high, ok := span(keys); ok {
		text += " and " + expr + " between " + a.d.Literal(low) + " and " + a.d.Literal(high)
	}
	return text
}

// span are the least and the greatest of whole numbers.
func span(keys []any) (low, high int64, ok bool) {
	for i, k := range keys {
		n, is := k.(int64)
		if !is {
			return 0, 0, false
		}
		if i == 0 {
			low, high = n, n
		}
		low, high = min(low, n), max(high, n)
	}
	return low, high, len(keys) > 0
}

// relatives reads the relatives and the edges in between.
func (a *asking) relatives() error {
	if !a.counted {
		if err := a.pairs(); err != nil {
			return err
		}
		return a.links()
	}
	if a.q.Up {
		if err := a.pairs(); err != nil {
			return err
		}
	}
	ok, err := a.countBelow()
	if ok || err != nil {
		return err
	}
	// The edges do not lead to all that the things tell.
	return a.onlyPairs()
}

// onlyPairs reads all again as if there were no things: only the pairs say what is so.
func (a *asking) onlyPairs() error {
	a.counted, a.told, a.below, a.answer = false, false, nil, &Answer{}
	return a.relatives()
}

// believed reports whether what the things told belongs to what was read after them.
func (a *asking) believed() bool {
	if !a.told || a.q.Alike == nil {
		return true
	}
	version, still := a.q.Alike(a.ctx)
	return version == a.version && (still || !a.counted)
}

// countBelow finds the depths of the descendants from the edges. ok is false where these
// lead elsewhere.
func (a *asking) countBelow() (ok bool, err error) {
	of := map[any]any{}
	if part := a.q.Closure.Partition; part != "" && len(a.below) > 0 {
		err := each(a.ctx, a.c, a.aboutThings([]string{warehouse.ThingID, part}, a.below), func(v []any) error {
			of[v[0]] = v[1]
			return nil
		})
		if err != nil || len(of) != len(a.below) {
			return false, a.ctx.Err()
		}
	}
	for _, k := range a.below {
		a.answer.Down = append(a.answer.Down, Relative{Key: k, Partition: of[k]})
	}
	a.answer.Known = len(a.answer.Up)+len(a.below) > 0
	if err := a.links(); err != nil || !a.q.AsOf.IsZero() {
		return true, err // as of a time all is counted later
	}
	found, err := a.reach(a.answer.Links, a.answer.Down, true)
	if err != nil {
		return false, err
	}
	if len(found) != len(a.below) {
		return false, nil
	}
	if depth := int64(a.q.Depth); depth > 0 {
		found = slices.DeleteFunc(found, func(r Relative) bool { return r.Min > depth })
	}
	a.answer.Down = found
	a.between()
	return true, nil
}

// direction is one way through the pairs: near is their column that holds the thing.
type direction struct {
	near, far  string
	nearEnd    string // column of the edges towards the thing
	found      *[]Relative
	downstream bool
}

func (a *asking) directions() []direction {
	var out []direction
	if a.q.Up {
		out = append(out, direction{near: warehouse.DescendantID, far: warehouse.AncestorID, nearEnd: a.q.Child, found: &a.answer.Up})
	}
	if a.q.Down {
		out = append(out, direction{near: warehouse.AncestorID, far: warehouse.DescendantID, nearEnd: a.q.Parent, found: &a.answer.Down, downstream: true})
	}
	return out
}

// where limits the pairs p to those of the thing. Columns are always qualified: in GoogleSQL
// a plain name is the whole row of a relation that is called so. As of a time the way may have been longer,
// so the depth is looked at later.
func (a *asking) where(dir direction) string {
	text := "p." + a.d.Ident(dir.near) + " = " + a.d.Literal(a.q.Key)
	if a.q.Depth > 0 && a.q.AsOf.IsZero() {
		text += " and p." + a.d.Ident(warehouse.MinDepth) + " <= " + strconv.Itoa(a.q.Depth)
	}
	if dir.downstream && a.told {
		text += a.among("p." + a.d.Ident(dir.far))
	}
	return text
}

// among limits far ends to the descendants, so that the warehouse finds their pairs where
// they lie. The ancestor decides which pairs they are: of whole numbers the range is enough,
// and looked at while a table is read, where a list is joined to what was read.
func (a *asking) among(far string) string {
	if len(a.below) == 0 {
		return " and 1 = 0"
	}
	low, high, numbers := span(a.below)
	switch {
	case numbers:
		return " and " + far + " between " + a.d.Literal(low) + " and " + a.d.Literal(high)
	case len(a.below) > listed:
		return "" // how texts are ordered is the warehouse's affair
	}
	return " and " + a.oneOf(far, a.below)
}

// pairs reads the relatives.
func (a *asking) pairs() error {
	cl := a.q.Closure
	columns := []string{warehouse.MinDepth, warehouse.MaxDepth, warehouse.InCycle}
	if cl.Partition != "" {
		columns = append(columns, cl.Partition)
	}
	if cl.Paths {
		columns = append(columns, warehouse.PathCount)
	}
	if cl.Shares() {
		columns = append(columns, warehouse.Share, warehouse.DirectShare)
	}
	for i, name := range columns {
		columns[i] = "p." + a.d.Ident(name)
	}
	dirs := a.directions()
	if a.counted {
		dirs = slices.DeleteFunc(dirs, func(dir direction) bool { return dir.downstream })
	}
	var parts []string
	for i, dir := range dirs {
		parts = append(parts, "select "+strconv.Itoa(i)+" as direction, p."+a.d.Ident(dir.far)+" as relative, "+strings.Join(columns, ", ")+
			" from "+a.d.Quote(a.q.Pairs)+" as p where "+a.where(dir))
	}
	err := each(a.ctx, a.c, strings.Join(parts, "\nunion all\n"), func(v []any) error {
		i, ok := v[0].(int64)
		if !ok || i < 0 || int(i) >= len(dirs) {
			return fmt.Errorf("read %s: direction %v", a.q.Pairs, v[0])
		}
		r := Relative{Key: v[1]}
		r.Min, _ = v[2].(int64)
		r.Max, _ = v[3].(int64)
		r.InCycle, _ = v[4].(bool)
		rest := v[5:]
		if cl.Partition != "" {
			r.Partition, rest = rest[0], rest[1:]
		}
		if cl.Paths {
			r.Paths, rest = number64(rest[0]), rest[1:]
		}
		if cl.Shares() {
			r.Share, r.Direct = number64(rest[0]), number64(rest[1])
		}
		*dirs[i].found = append(*dirs[i].found, r)
		return nil
	})
	if err != nil {
		return err
	}
	a.answer.Known = len(a.answer.Up)+len(a.answer.Down) > 0
	return nil
}

func number64(v any) *float64 {
	if f, ok := v.(float64); ok {
		return &f
	}
	return nil
}

// links reads the edges between the thing and its relatives.
func (a *asking) links() error {
	members := []map[any]bool{}
	var parts []string
	for i, dir := range a.directions() {
		in := map[any]bool{a.q.Key: true}
		for _, r := range *dir.found {
			in[r.Key] = true
		}
		members = append(members, in)
		parts = append(parts, a.edgesOf(i, dir, in))
	}
	found, err := a.c.Query(a.ctx, warehouse.Statement{SQL: strings.Join(parts, "\nunion all\n")})
	if err != nil {
		return err
	}
	defer found.Close()
	columns := found.Columns()
	if len(columns) != 3+len(a.q.Extra) {
		return fmt.Errorf("read the edges of %s: %d columns came back, not %d", a.q.Pairs, len(columns), 3+len(a.q.Extra))
	}
	a.answer.Extra = slices.Clone(columns[3:])
	for i, name := range a.q.Extra {
		a.answer.Extra[i].Name = name
	}
	for found.Next() {
		v, err := found.Values()
		if err != nil {
			return err
		}
		i, ok := v[0].(int64)
		if !ok || i < 0 || int(i) >= len(members) {
			return fmt.Errorf("read the edges of %s: direction %v", a.q.Pairs, v[0])
		}
		l := Link{Parent: v[1], Child: v[2], Extra: slices.Clone(v[3:])}
		if !members[i][l.Parent] || !members[i][l.Child] {
			continue
		}
		// In a cycle an edge is on the way up and on the way down.
		if i > 0 && members[0][l.Parent] && members[0][l.Child] {
			continue
		}
		a.answer.Links = append(a.answer.Links, l)
	}
	return found.Err()
}

// edgesOf is the query of the edges of a direction. An edge on the way up ends in the thing
// or in an ancestor, one on the way down begins there.
func (a *asking) edgesOf(i int, dir direction, in map[any]bool) string {
	columns := []string{strconv.Itoa(i) + " as direction"}
	for _, name := range append([]string{a.q.Parent, a.q.Child}, a.q.Extra...) {
		columns = append(columns, "e."+a.d.Ident(name))
	}
	end := "e." + a.d.Ident(dir.nearEnd)
	keys := "select p." + a.d.Ident(dir.far) + " from " + a.d.Quote(a.q.Pairs) + " as p where " + a.where(dir) + " union all select " + a.d.Literal(a.q.Key)
	only := end + " in (" + keys + ")"
	if len(in) <= listed {
		only = a.oneOf(end, slices.Collect(maps.Keys(in)))
	}
	text := "select " + strings.Join(columns, ", ") + " from " + a.q.Edges + " as e where " + only +
		" and e." + a.d.Ident(a.q.Parent) + " <> e." + a.d.Ident(a.q.Child)
	if a.q.Closure.Cycles == warehouse.CyclesExclude {
		// The edges of a cycle do not count, and which those are is seen in the pairs.
		text += " and exists (select 1 from " + a.d.Quote(a.q.Pairs) + " as p where p." + a.d.Ident(warehouse.AncestorID) + " = e." + a.d.Ident(a.q.Parent) +
			" and p." + a.d.Ident(warehouse.DescendantID) + " = e." + a.d.Ident(a.q.Child) + ")"
	}
	return text
}

func (a *asking) literals(in map[any]bool) string {
	keys := make([]any, 0, len(in))
	for k := range in {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, CompareKeys)
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = a.d.Literal(k)
	}
	return strings.Join(texts, ", ")
}

// past leaves out the edges of a later time and finds out what the others lead to. All
// edges of all ways to a relative are among the links, so nothing is missing.
func (a *asking) past() error {
	at := slices.Index(a.q.Extra, a.q.Time)
	if at < 0 {
		return fmt.Errorf("as of a time: %q is not read from the edges", a.q.Time)
	}
	var links []Link
	for _, l := range a.answer.Links {
		switch t := l.Extra[at].(type) {
		case time.Time:
			if !t.After(a.q.AsOf) {
				links = append(links, l)
			}
		case nil:
			a.answer.Undated++
		default:
			return fmt.Errorf("column %s holds %v, which is no date or time", a.q.Time, t)
		}
	}
	for _, dir := range a.directions() {
		then, err := a.reach(links, *dir.found, dir.downstream)
		if err != nil {
			return err
		}
		*dir.found = then
	}
	a.answer.Links = links
	a.between()
	return nil
}

// between leaves out the edges to what is no longer among the relatives.
func (a *asking) between() {
	up, down := a.set(a.answer.Up), a.set(a.answer.Down)
	a.answer.Links = slices.DeleteFunc(a.answer.Links, func(l Link) bool {
		return !(up[l.Parent] && up[l.Child]) && !(down[l.Parent] && down[l.Child])
	})
}

// set is the thing with some relatives.
func (a *asking) set(of []Relative) map[any]bool {
	in := map[any]bool{a.q.Key: true}
	for _, r := range of {
		in[r.Key] = true
	}
	return in
}

// reach finds what some links lead to, among the relatives in one direction, by the same
// rules that made the pairs.
func (a *asking) reach(links []Link, among []Relative, downstream bool) ([]Relative, error) {
	of := make(map[any]Relative, len(among))
	for _, r := range among {
		of[r.Key] = r
	}
	in := a.set(among)
	var own []Link
	for _, l := range links {
		if in[l.Parent] && in[l.Child] {
			own = append(own, l)
		}
	}
	e, keys := numberedLinks(own, a.q.Key)
	start := int32(slices.Index(keys, a.q.Key))
	if downstream { // descendants are the ancestors of the reversed edges
		e.Parent, e.Child = e.Child, e.Parent
	}
	g, err := ancestry.New(e, ancestry.Collapse)
	if err != nil {
		return nil, err
	}
	limit := a.q.Closure.MaxDepth
	var out []Relative
	err = g.Walk(a.ctx, ancestry.Options{Workers: 1, Only: []int32{start}}, func(b *ancestry.Batch) error {
		for i, n := range b.Ancestor {
			r := Relative{Key: keys[n], Min: int64(b.Min[i]), Max: int64(b.Max[i]), InCycle: b.Min[i] == 0}
			r.Partition = of[r.Key].Partition
			if a.q.Depth > 0 && !a.q.AsOf.IsZero() && r.Min > int64(a.q.Depth) || limit > 0 && r.Min > int64(limit) {
				continue
			}
			if limit > 0 {
				r.Max = -1
			}
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

// numberedLinks are links between numbers, which are places in keys. Keys ascend; more are
// added to those of the links.
func numberedLinks(links []Link, more ...any) (e ancestry.Edges, keys []any) {
	keys = more
	for _, l := range links {
		keys = append(keys, l.Parent, l.Child)
	}
	slices.SortFunc(keys, CompareKeys)
	keys = slices.Compact(keys)
	numbers := make(map[any]int32, len(keys))
	for i, k := range keys {
		numbers[k] = int32(i)
	}
	e.Nodes = len(keys)
	for _, l := range links {
		e.Parent, e.Child = append(e.Parent, numbers[l.Parent]), append(e.Child, numbers[l.Child])
	}
	return e, keys
}

// cycles finds the cycles among the links.
func (a *asking) cycles() error {
	e, keys := numberedLinks(a.answer.Links)
	g, err := ancestry.New(e, ancestry.Collapse)
	if err != nil {
		return err
	}
	for _, c := range g.Cycles() {
		var members []any
		for _, m := range c.Members {
			members = append(members, keys[m])
		}
		a.answer.Cycles = append(a.answer.Cycles, members)
	}
	slices.SortFunc(a.answer.Cycles, func(x, y []any) int { return CompareKeys(x[0], y[0]) })
	return nil
}

func (a *asking) sort() {
	for _, list := range [][]Relative{a.answer.Up, a.answer.Down} {
		slices.SortFunc(list, func(x, y Relative) int {
			return cmp.Or(cmp.Compare(x.Min, y.Min), CompareKeys(x.Key, y.Key))
		})
	}
	slices.SortStableFunc(a.answer.Links, func(x, y Link) int {
		if n := cmp.Or(CompareKeys(x.Parent, y.Parent), CompareKeys(x.Child, y.Child)); n != 0 {
			return n
		}
		for i := range x.Extra {
			if n := compareValues(x.Extra[i], y.Extra[i]); n != 0 {
				return n
			}
		}
		return 0
	})
}

// CompareKeys orders whole numbers by value and texts by bytes.
func CompareKeys(x, y any) int {
	switch x := x.(type) {
	case int64:
		if y, ok := y.(int64); ok {
			return cmp.Compare(x, y)
		}
	case string:
		if y, ok := y.(string); ok {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(fmt.Sprint(x), fmt.Sprint(y))
}

// compareValues orders any values of one column, NULL first.
func compareValues(x, y any) int {
	if x == nil || y == nil {
		switch {
		case x == nil && y == nil:
			return 0
		case x == nil:
			return -1
		}
		return 1
	}
	switch x := x.(type) {
	case float64:
		if y, ok := y.(float64); ok {
			return cmp.Compare(x, y)
		}
	case time.Time:
		if y, ok := y.(time.Time); ok {
			return x.Compare(y)
		}
	}
	return CompareKeys(x, y)
}

// known finds out whether the edges name a thing that has no relatives.
func (a *asking) known() error {
	if a.answer.Known {
		return nil
	}
	key := a.d.Literal(a.q.Key)
	return each(a.ctx, a.c, "select 1 as one from "+a.q.Edges+" as e where e."+a.d.Ident(a.q.Parent)+" = "+key+" or e."+a.d.Ident(a.q.Child)+" = "+key+" limit 1", func([]any) error {
		a.answer.Known = true
		return nil
	})
}

// nearLimit bounds how many keys are looked at for one that was meant.
const nearLimit = 1000

// Near lists keys that look like the one asked for, in order: texts of about its length
// that begin or end as it does. For whole numbers there are none.
func Near(ctx context.Context, c warehouse.Conn, q Question) ([]string, error) {
	text, ok := q.Key.(string)
	runes := []rune(strings.ToLower(text))
	if !ok || len(runes) < 2 {
		return nil, nil
	}
	d, half := c.Dialect(), len(runes)/2
	end := func(name string) string {
		return "select e." + d.Ident(name) + " as k from " + q.Edges + " as e"
	}
	query := "select distinct k from (" + end(q.Parent) + " union all " + end(q.Child) + ") as u where length(k) between " + strconv.Itoa(len(runes)-1) + " and " + strconv.Itoa(len(runes)+1) +
		" and (lower(substr(k, 1, " + strconv.Itoa(half) + ")) = " + d.Literal(string(runes[:half])) +
		" or lower(substr(k, length(k) - " + strconv.Itoa(half-1) + ")) = " + d.Literal(string(runes[len(runes)-half:])) + ") order by k limit " + strconv.Itoa(nearLimit)
	var out []string
	err := each(ctx, c, query, func(v []any) error {
		if s, ok := v[0].(string); ok {
			out = append(out, s)
		}
		return nil
	})
	return out, err
}
