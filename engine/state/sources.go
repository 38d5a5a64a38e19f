package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// Source is a relation that others write, with how a change of its rows is found out.
type Source struct {
	Node     addr.Node
	Relation addr.Relation
	// By is project.VersionAuto (also when empty), VersionLoadedAt or VersionNone.
	By string
	// LoadedAt is the expression whose newest value tells, and Filter limits the rows that are
	// looked at, if it is not empty; both for VersionLoadedAt only.
	LoadedAt, Filter string
}

// readSources finds a token for each source, or why there is none. What goes wrong with
// one of them is such a reason, and no error: what reads the source is built then. The
// warehouse is asked once for all sources of VersionAuto, and by one query for each schema
// with sources of VersionLoadedAt.
func readSources(ctx context.Context, c warehouse.Conn, sources []Source) (tokens, unknown map[addr.Node]string, err error) {
	if len(sources) == 0 {
		return nil, nil, nil
	}
	tokens, unknown = map[addr.Node]string{}, map[addr.Node]string{}
	var auto []Source
	bySchema := map[addr.Relation][]Source{}
	for _, s := range sources {
		switch s.By {
		case project.VersionNone:
			unknown[s.Node] = "version_by is none"
		case project.VersionLoadedAt:
			key := s.Relation
			key.Name = ""
			bySchema[key] = append(bySchema[key], s)
		default:
			auto = append(auto, s)
		}
	}
	var mu sync.Mutex
	put := func(s Source, v warehouse.Version) {
		mu.Lock()
		defer mu.Unlock()
		if v.Token != "" {
			tokens[s.Node] = v.Token
		} else {
			unknown[s.Node] = v.Unknown
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() { readAuto(ctx, c, auto, put) })
	slots := make(chan struct{}, listsAtOnce)
	for _, list := range bySchema {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			readLoadedAt(ctx, c, list, put)
		})
	}
	wait.Wait()
	return tokens, unknown, ctx.Err()
}

func readAuto(ctx context.Context, c warehouse.Conn, sources []Source, put func(Source, warehouse.Version)) {
	if len(sources) == 0 {
		return
	}
	relations := make([]addr.Relation, len(sources))
	for i, s := range sources {
		relations[i] = s.Relation
	}
	found, err := warehouse.Versions(ctx, c, relations)
	_, can := c.(warehouse.Versioner)
	for _, s := range sources {
		v, ok := found[s.Relation]
		switch {
		case err != nil:
			v = warehouse.Version{Unknown: failure(c, err)}
		case !can:
			v = warehouse.Version{Unknown: "the warehouse does not tell when it changes"}
		case !ok:
			v = warehouse.Version{Unknown: "it does not exist, or may not be read"}
		case v.Token != "":
			v.Token = "w:" + v.Token
		}
		put(s, v)
	}
}

// readLoadedAt asks for all sources of a schema at once, and one by one if that fails, to
// find out which is at fault.
func readLoadedAt(ctx context.Context, c warehouse.Conn, sources []Source, put func(Source, warehouse.Version)) {
	found, err := newest(ctx, c, sources)
	if err != nil && len(sources) > 1 && ctx.Err() == nil {
		for _, s := range sources {
			readLoadedAt(ctx, c, []Source{s}, put)
		}
		return
	}
	for i, s := range sources {
		if err != nil {
			put(s, warehouse.Version{Unknown: failure(c, err)})
			continue
		}
		put(s, found[i].version(s))
	}
}

// loaded is the newest value of an expression and the number of rows it was looked for in.
type loaded struct {
	newest string
	some   bool // there is a value
	rows   int64
}

// version: an empty table has a token, rows without any value have none, and neither has
// a table of which the filter lets no row through: rows may have come and gone meanwhile.
func (l loaded) version(s Source) warehouse.Version {
	switch {
	case !l.some && l.rows > 0:
		return warehouse.Version{Unknown: "no row has a value of " + s.LoadedAt}
	case !l.some && s.Filter != "":
		return warehouse.Version{Unknown: "the filter of its freshness lets no row through"}
	}
	h := sha256.New()
	for _, part := range []string{s.LoadedAt, s.Filter, l.newest} {
		fmt.Fprintf(h, "%d %s ", len(part), part)
	}
	return warehouse.Version{Token: fmt.Sprintf("l:%d:%s", l.rows, hex.EncodeToString(h.Sum(nil)[:12]))}
}

// newest gives what sources of one schema have, in their order.
func newest(ctx context.Context, c warehouse.Conn, sources []Source) ([]loaded, error) {
	d := c.Dialect()
	var sql strings.Builder
	for i, s := range sources {
		if i > 0 {
			sql.WriteString("\nunion all\n")
		}
		fmt.Fprintf(&sql, "select %d as n, %s as newest, count(*) as found from %s", i, d.Words().Cast("max("+s.LoadedAt+")", d.Words().Text()), d.Quote(s.Relation))
		if s.Filter != "" {
			// A line break ends a comment behind the condition.
			sql.WriteString(" where (" + s.Filter + "\n)")
		}
	}
	out, seen := make([]loaded, len(sources)), 0
	err := query(ctx, c, sql.String(), "ask for the newest rows", func(v []any) {
		if i := number(v[0]); i >= 0 && i < int64(len(out)) {
			l := loaded{rows: max(number(v[2]), 0)}
			l.newest, l.some = text(v[1]), v[1] != nil
			out[i] = l
			seen++
		}
	})
	if err == nil && seen != len(sources) {
		err = errors.New("the warehouse did not answer for every source")
	}
	return out, err
}

// failure words an error as the reason why a version is not known.
func failure(c warehouse.Conn, err error) string {
	line, _, _ := strings.Cut(warehouse.Explain(c.Dialect(), err).Message, "\n")
	return "asking for its version failed: " + line
}
