package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/lineage"
)

// flowView is what a page says about where a column comes from and who reads it.
type flowView struct {
	// Number is the column's, for the script that follows further steps; empty without lineage.
	Number   string
	Up, Down []flowItem
	// MoreUp and MoreDown count what is not listed.
	MoreUp, MoreDown int
}

// flowItem is one column next to another. Path is empty for what has no page.
type flowItem struct {
	Path, Name, Tone string
	Word, Expression string
}

// maxFlow is how many neighbours of a column a page lists, maxFlowText how much of an
// expression it shows.
const maxFlow, maxFlowText = 6, 60

// numberColumns gives every column of every page a number, in the order of the pages.
func (b *book) numberColumns() {
	if b.in.Columns == nil {
		return
	}
	b.columnNumber = map[addr.Column]int{}
	b.anchors = map[addr.Column]string{}
	for _, id := range b.nodes {
		used := map[string]bool{}
		for _, c := range b.columns(id) {
			col := addr.Column{Node: id, Name: strings.ToLower(c.name)}
			anchor := columnAnchor(c.name, used)
			if _, had := b.columnNumber[col]; !had {
				b.columnNumber[col] = len(b.flowColumns)
				b.flowColumns = append(b.flowColumns, addr.Column{Node: id, Name: c.name})
				b.anchors[col] = anchor
			}
		}
	}
}

// columnAnchor is the id of a column's row on the page of its node.
func columnAnchor(name string, used map[string]bool) string {
	id := "c-" + slug(name)
	for used[id] {
		id += "~"
	}
	used[id] = true
	return id
}

func (b *book) flow(id addr.Node, name, base string) flowView {
	number, ok := b.columnNumber[addr.Column{Node: id, Name: strings.ToLower(name)}]
	if !ok {
		return flowView{}
	}
	up, down := b.around(addr.Column{Node: id, Name: name})
	if len(up)+len(down) == 0 {
		return flowView{}
	}
	v := flowView{Number: strconv.FormatInt(int64(number), 36)}
	v.Up, v.MoreUp = b.flowItems(up, base)
	v.Down, v.MoreDown = b.flowItems(down, base)
	return v
}

// around leaves out who may read the column: that it reads the node is said by the node's
// own lineage.
func (b *book) around(col addr.Column) (up, down []lineage.Neighbour) {
	up, down = b.in.Columns.Around(col)
	return up, slices.DeleteFunc(down, func(n lineage.Neighbour) bool { return n.Word == "unknown" })
}

func (b *book) flowItems(list []lineage.Neighbour, base string) (out []flowItem, more int) {
	if len(list) > maxFlow {
		list, more = list[:maxFlow], len(list)-maxFlow
	}
	for _, n := range list {
		x := flowItem{Name: n.Node.Name + " (rows)", Tone: b.tone(n.Node), Word: n.Word, Expression: cut(n.Expression, maxFlowText)}
		anchor := "columns"
		if n.Name != "" {
			x.Name = n.Node.Name + "." + n.Name
			anchor = b.anchors[addr.Column{Node: n.Node, Name: strings.ToLower(n.Name)}]
		}
		if _, ok := b.number[n.Node]; ok {
			x.Path = base + nodePath(n.Node)
			if anchor != "" && b.hasColumns(n.Node) {
				x.Path += "#" + anchor
			}
		}
		if n.Word == "identity" {
			x.Word = ""
		}
		out = append(out, x)
	}
	return out, more
}

func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// flowShard is how many columns one data file describes.
const flowShard = 4096

// flowWords are the words of steps by the letter that stands for them in the data; capital
// letters are indirect.
var flowWords = map[string]string{
	"identity": "i", "condition": "c", "transformed": "t", "aggregated": "a",
	"filter": "F", "join": "J", "unnest": "U", "group": "G", "order": "O", "window": "W", "unused": "N",
}

// flowFiles are the column lineage of all pages, for the script that follows it to any
// depth: one line for each column with its name, its node and its neighbours upstream and
// downstream. A neighbour is a letter and a number, that of a column or, behind «r», of a
// node. Numbers are in base 36.
func (b *book) flowFiles(files map[string][]byte) {
	for from := 0; from < len(b.flowColumns); from += flowShard {
		var out strings.Builder
		for i, col := range b.flowColumns[from:min(from+flowShard, len(b.flowColumns))] {
			if i > 0 {
				out.WriteByte('\n')
			}
			up, down := b.around(col)
			anchor := b.anchors[addr.Column{Node: col.Node, Name: strings.ToLower(col.Name)}]
			if anchor == "c-"+col.Name {
				anchor = ""
			}
			out.WriteString(field(col.Name) + "\t" + numeral(b.number[col.Node]) + "\t" + b.flowList(up) + "\t" + b.flowList(down))
			if anchor != "" {
				out.WriteString("\t" + field(anchor))
			}
		}
		files[fmt.Sprintf("d/flow-%d.js", from/flowShard)] = script(fmt.Sprintf("flow-%d", from/flowShard), out.String())
	}
}

func numeral(n int) string { return strconv.FormatInt(int64(n), 36) }

func (b *book) flowList(list []lineage.Neighbour) string {
	var out []string
	for _, n := range list {
		if n.Name == "" {
			if at, ok := b.number[n.Node]; ok {
				out = append(out, flowWords[n.Word]+"r"+numeral(at))
			}
			continue
		}
		if at, ok := b.columnNumber[addr.Column{Node: n.Node, Name: strings.ToLower(n.Name)}]; ok {
			out = append(out, flowWords[n.Word]+numeral(at))
		}
	}
	return strings.Join(out, ",")
}
