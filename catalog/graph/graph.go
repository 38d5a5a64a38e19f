package graph

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/engine-build/engine/catalog/content"
)

// File is a data file of the site. Path is relative to its root. Body makes the content; it
// may be called at any time, by several at once, and gives the same each time.
type File struct {
	Path string
	Body func() []byte
}

// Links lead to pages. Page gives the path of a node's page relative to the root of the
// site, empty for a node without one; Anchor the id of a column on that page.
type Links struct {
	Page   func(n int) string
	Anchor func(n, col int) string
}

// Shard is how many nodes one file with names of columns, or with expressions, is about.
const Shard = 64

// Files are the data of the explorer:
//
//	d/graph.js    what is known of every node (see nodes)
//	d/edges.js    who reads whom (see edges)
//	d/place.js    where every node is in the drawing of the whole project (see place)
//	d/ce.js       what gives columns their values (see columnEdges)
//	d/cr.js       what else columns are read for (see columnReads)
//	d/cn-K.js     names of the columns of nodes 64·K to 64·K+63 (see columnNames)
//	d/cx-K.js     expressions on the way into columns of these nodes (see expressions)
//
// Files about columns are left out where no lineage of columns is known, but for their names.
func Files(c *content.Catalog, l Links) []File {
	out := []File{
		file("graph", func() string { return nodes(c, l) }),
		file("edges", func() string { return edges(c) }),
		file("place", func() string { return place(c) }),
	}
	if c.Flow.Known {
		out = append(out,
			file("ce", func() string { return columnEdges(c) }),
			file("cr", func() string { return columnReads(c) }))
	}
	for from := 0; from < len(c.Nodes); from += Shard {
		k := strconv.Itoa(from / Shard)
		out = append(out, file("cn-"+k, func() string { return columnNames(c, l, from) }))
		if c.Flow.Known {
			out = append(out, file("cx-"+k, func() string { return expressions(c, from) }))
		}
	}
	return out
}

func file(name string, text func() string) File {
	return File{Path: "d/" + name + ".js", Body: func() []byte { return script(name, text()) }}
}

// script hands a text to the page: a classic script, since nothing else loads from a file
// under the pages' content policy. JSON strings are JavaScript strings, and the encoder
// escapes <, >, & and the line separators.
func script(name, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil { // a string always encodes
		panic(err)
	}
	return []byte("catalog(" + strconv.Quote(name) + "," + string(quoted) + ");\n")
}

// Fragment is what follows lineage.html# to show a node and what is near it.
func Fragment(c *content.Catalog, n int) string {
	return "n=" + url.QueryEscape(field(c.Nodes[n].ID.String()))
}

// ColumnFragment is what follows lineage.html# to show where a column comes from and goes to.
func ColumnFragment(c *content.Catalog, n, col int) string {
	return Fragment(c, n) + "&col=" + url.QueryEscape(columnName(c.Nodes[n].Columns[col].Name))
}

// field keeps a text on its line and in its column.
func field(s string) string {
	if !strings.ContainsAny(s, "\t\n\r") {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ToValidUTF8(oneLine.Replace(s), "\uFFFD")
}

var oneLine = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// numeral writes numbers in base 36.
func numeral(n int) string { return strconv.FormatInt(int64(n), 36) }

// rising writes an ascending list: the first number and then the distances, with commas.
func rising(list []int) string {
	var out strings.Builder
	last := 0
	for i, n := range list {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(numeral(n - last))
		last = n
	}
	return out.String()
}

// dictionary numbers distinct texts in the order in which they come.
type dictionary struct {
	words []string
	at    map[string]int
}

func (d *dictionary) number(s string) int {
	if i, ok := d.at[s]; ok {
		return i
	}
	if d.at == nil {
		d.at = map[string]int{}
	}
	i := len(d.words)
	d.at[s] = i
	d.words = append(d.words, field(s))
	return i
}

func (d *dictionary) line() string { return strings.Join(d.words, "\t") }
