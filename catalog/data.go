package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// Search data are classic scripts that hand one string to a function: nothing else loads
// from file:// under a strict content policy, and one string parses faster than literals.
//
//	d/nodes.js    name, kind, tone, page, summary of every node, one line each
//	d/columns.js  every distinct column name with the numbers of its nodes
//	d/text-N.js   descriptions of nodes and columns in lower case, a line per node
const textShard = 512 << 10

func (b *book) dataFiles() map[string][]byte {
	files := map[string][]byte{}
	texts := b.textShards()
	var nodes strings.Builder
	fmt.Fprintf(&nodes, "%d", len(texts))
	for _, id := range b.nodes {
		page := nodePath(id)
		if page == string(id.Kind)+"/"+id.Name+".html" {
			page = ""
		}
		nodes.WriteByte('\n')
		nodes.WriteString(strings.Join([]string{field(id.Name), string(id.Kind), b.tone(id), page, field(summary(b.description(id), 120))}, "\t"))
	}
	files["d/nodes.js"] = script("nodes", nodes.String())
	files["d/columns.js"] = script("columns", b.columnIndex())
	for i, t := range texts {
		files[fmt.Sprintf("d/text-%d.js", i)] = script("text", t)
	}
	return files
}

func (b *book) columnIndex() string {
	at := map[string][]string{}
	for i, id := range b.nodes {
		seen := map[string]bool{}
		for _, c := range b.columns(id) {
			if name := field(c.name); !seen[name] {
				seen[name] = true
				at[name] = append(at[name], strconv.FormatInt(int64(i), 36))
			}
		}
	}
	var out strings.Builder
	for i, name := range slices.Sorted(maps.Keys(at)) {
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(name + "\t" + strings.Join(at[name], ","))
	}
	return out.String()
}

// textShards holds one line per node: its number and its words.
func (b *book) textShards() []string {
	var out []string
	var shard strings.Builder
	for i, id := range b.nodes {
		var words []string
		add := func(s string) {
			if s = plainText(s); s != "" {
				words = append(words, s)
			}
		}
		add(b.description(id))
		if n := b.graphNode(id); n != nil {
			add(n.Owner)
			add(strings.Join(n.Tags, " "))
		}
		for _, c := range b.columns(id) {
			if c.description != "" {
				add(c.name + ": " + c.description)
			}
		}
		if len(words) == 0 {
			continue
		}
		if shard.Len() > textShard {
			out = append(out, shard.String())
			shard.Reset()
		}
		if shard.Len() > 0 {
			shard.WriteByte('\n')
		}
		fmt.Fprintf(&shard, "%s\t%s", strconv.FormatInt(int64(i), 36), field(strings.Join(words, " · ")))
	}
	if shard.Len() > 0 {
		out = append(out, shard.String())
	}
	return out
}

var oneLine = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// field keeps a value on its line and in its column.
func field(s string) string {
	return strings.ToValidUTF8(oneLine.Replace(s), "\uFFFD")
}

// script hands text to the page. JSON strings are JavaScript strings, and the encoder
// escapes <, >, & and the line separators.
func script(name, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil { // a string always encodes
		panic(err)
	}
	return []byte("catalog(" + strconv.Quote(name) + "," + string(quoted) + ");\n")
}

func (b *book) description(id addr.Node) string {
	if n := b.in.Program.Nodes[id]; n != nil {
		if n.Description == "" && n.Source != nil {
			return n.Source.Description
		}
		return n.Description
	}
	if e := b.exposures[id]; e != nil && e.Props != nil {
		return e.Props.Description
	}
	return ""
}

// column is what is known about one column from the program and the warehouse.
type column struct {
	name, typ, description string
	tags                   []string
}

// hasColumns reports whether columns has any, which is asked for every column of others.
func (b *book) hasColumns(id addr.Node) bool {
	n := b.in.Program.Nodes[id]
	return n != nil && len(n.Columns)+len(b.in.Facts[id].Columns) > 0
}

// columns joins both, in the program's order; the warehouse's own columns follow.
func (b *book) columns(id addr.Node) []column {
	n := b.in.Program.Nodes[id]
	if n == nil {
		return nil
	}
	built := b.in.Facts[id].Columns
	var out []column
	at := map[string]int{}
	for _, c := range n.Columns {
		at[strings.ToLower(c.Name)] = len(out)
		out = append(out, column{c.Name, c.Type, c.Description, c.Tags})
	}
	for _, c := range built {
		if i, ok := at[strings.ToLower(c.Name)]; ok {
			if out[i].typ == "" {
				out[i].typ = c.Type
			}
			if out[i].description == "" {
				out[i].description = c.Comment
			}
			continue
		}
		out = append(out, column{c.Name, c.Type, c.Comment, nil})
	}
	return out
}
