package editor

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/sql"
)

// CompletionKind is the sort of thing that a Completion stands for.
type CompletionKind string

// The sorts.
const (
	CompleteModel     CompletionKind = "model"
	CompleteSeed      CompletionKind = "seed"
	CompleteSnapshot  CompletionKind = "snapshot"
	CompleteSource    CompletionKind = "source"
	CompleteColumn    CompletionKind = "column"
	CompleteField     CompletionKind = "field"    // of a struct, of a macro's argument
	CompleteRelation  CompletionKind = "relation" // an alias of a FROM clause
	CompleteCTE       CompletionKind = "cte"
	CompleteFunction  CompletionKind = "function"
	CompleteMacro     CompletionKind = "macro"
	CompleteKeyword   CompletionKind = "keyword"
	CompleteVariable  CompletionKind = "variable" // of engine.yml, of the environment, of a template
	CompleteKey       CompletionKind = "key"      // of configuration, of YAML
	CompleteValue     CompletionKind = "value"
	CompleteTest      CompletionKind = "test"
	CompleteType      CompletionKind = "type"
	CompleteCondition CompletionKind = "condition" // of a join
	CompleteFile      CompletionKind = "file"
)

// Completion is one way to go on at a place.
type Completion struct {
	Label string
	Kind  CompletionKind
	// Detail is a few words behind the label: a type, a folder.
	Detail string
	// Doc is what there is to say of it, as Markdown.
	Doc string
	// From and To are the bytes that Insert replaces; the place is within them, or at an end.
	From, To int
	// Insert is the text. Where Snippet is true it has tab stops as editors write them ($1,
	// ${1:name}, $0), and $, } and \ that are text have a backslash in front.
	Insert  string
	Snippet bool
	// Filter is what is compared with the text that is typed, from From on.
	Filter string
	// Again: when it is taken, the editor should ask again at once.
	Again bool

	// rank orders completions before what is typed does: less is nearer.
	rank int
	// late fills in what only those need that are shown, of node; nil: nothing.
	late func(*Completion, *compile.Node)
	node *compile.Node
}

// MostCompletions is how many completions there are at most; more are cut off.
const MostCompletions = 200

// Ranks, nearest first.
const (
	rankExact     = -10
	rankNear      = 0
	rankOuter     = 100
	rankRelation  = 200
	rankFunction  = 400
	rankKeyword   = 500
	rankFar       = 700
	rankUnlikely  = 900
	rankOfMembers = 1 // added for each relation that is further away
)

// Complete says how the text of a file may go on at an offset: what fits to the text that is
// typed so far, best first, MostCompletions at most. It works in text that does not parse.
func (v *View) Complete(path string, at int) []Completion {
	f, ok := v.File(path)
	if !ok {
		return nil
	}
	text := string(f.Data)
	at = min(max(at, 0), len(text))
	c := &completer{view: v, book: v.names(), path: path, text: text, at: at, from: at, to: at}
	switch sortOf(path) {
	case yamlFile:
		c.yaml()
	case sqlFile:
		if a, ok := actionAt(actions(text), at); ok {
			c.action(a)
		} else {
			c.sql()
		}
	case macroFile:
		if a, ok := actionAt(actions(text), at); ok {
			c.action(a)
		} else {
			c.sql()
		}
	case proseFile:
	}
	return c.finish()
}

// names is the book of the View.
func (v *View) names() *book {
	if v.book != nil {
		return v.book
	}
	return newBook(v.Project, v.Program)
}

// fileSort is how a file is written.
type fileSort uint8

const (
	proseFile fileSort = iota
	sqlFile
	yamlFile
	macroFile
)

func sortOf(path string) fileSort {
	switch {
	case strings.HasSuffix(path, ".sql"):
		return sqlFile
	case strings.HasSuffix(path, ".yml"), strings.HasSuffix(path, ".yaml"):
		return yamlFile
	case strings.HasSuffix(path, ".tmpl"):
		return macroFile
	}
	return proseFile
}

// lexisOf is how the SQL of a file is written.
func (v *View) lexisOf(path string) sql.Lexis {
	dialect := ""
	if f, ok := v.File(path); ok {
		if m := configured.FindSubmatch(f.Data); m != nil {
			dialect = string(m[1])
		}
	}
	if dialect != "" {
		// As it is written now.
	} else if n, ok := v.Node(path); ok {
		dialect = n.Dialect
	} else if n, ok := v.LastGood(path); ok {
		dialect = n.Dialect
	}
	if dialect == "" && v.Project != nil {
		dialect = v.Project.Settings.Dialect.V
	}
	if dialect == "duckdb" || dialect == "postgres" {
		return sql.Standard
	}
	return sql.GoogleSQL
}

// configured is the dialect in a config call.
var configured = regexp.MustCompile(`\{\{-?\s*config\b[^{}]*"dialect"\s+"(\w+)"`)

// actionAt is the action whose inside an offset is in.
func actionAt(list []action, at int) (action, bool) {
	for _, a := range list {
		if at >= a.start+2 && (at <= a.to || !a.closed && at <= a.end) {
			return a, true
		}
	}
	return action{}, false
}

// completer collects completions of one place.
type completer struct {
	view *View
	book *book
	path string
	text string
	at   int
	// from and to are the bytes that are replaced.
	from, to int
	list     []Completion
	seen     map[string]bool
	// upper: keywords are written in capital letters; shouted: what is typed is, so that names of
	// functions are, too.
	upper, shouted bool
}

// typed is what is written between the begin of what is replaced and the place.
func (c *completer) typed() string { return c.text[c.from:max(c.from, c.at)] }

// add adds a completion, unless one of its sort and label is there, or it has none: a column
// whose name is not known.
func (c *completer) add(o Completion) {
	key := string(o.Kind) + "\x00" + strings.ToLower(o.Label)
	if o.Label == "" || c.seen[key] {
		return
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[key] = true
	if o.Insert == "" {
		o.Insert = o.Label
	}
	if o.Filter == "" {
		o.Filter = o.Label
	}
	switch {
	case o.Kind == CompleteKeyword && c.upper, o.Kind == CompleteType && c.upper, o.Kind == CompleteFunction && c.shouted:
		o.Label, o.Insert = strings.ToUpper(o.Label), capitals(o.Insert)
	}
	if o.To == 0 {
		o.From, o.To = c.from, c.to
	}
	c.list = append(c.list, o)
}

// capitals is a snippet in capital letters, its tab stops and actions as they are.
func capitals(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{$")
		if i < 0 {
			b.WriteString(strings.ToUpper(s))
			break
		}
		b.WriteString(strings.ToUpper(s[:i]))
		end := i + 1
		switch {
		case strings.HasPrefix(s[i:], "{{"):
			end = len(s)
			if n := strings.Index(s[i:], "}}"); n >= 0 {
				end = i + n + 2
			}
		case strings.HasPrefix(s[i:], "${"):
			if n := strings.IndexByte(s[i:], '}'); n >= 0 {
				end = i + n + 1
			}
		}
		b.WriteString(s[i:end])
		s = s[end:]
	}
	return b.String()
}

// finish keeps what fits to the text that is typed, and orders it.
func (c *completer) finish() []Completion {
	type place struct{ fit, rank, i int }
	order := make([]place, 0, len(c.list))
	typed, from := "", -1
	for i := range c.list {
		o := &c.list[i]
		if o.From != from {
			from = o.From
			typed = wanted(c.text[min(o.From, c.at):c.at])
		}
		if fit, ok := fits(o.Filter, typed); ok {
			order = append(order, place{fit, o.rank, i})
		}
	}
	slices.SortFunc(order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.fit, b.fit), cmp.Compare(a.rank, b.rank), cmp.Compare(a.i, b.i))
	})
	order = order[:min(len(order), MostCompletions)]
	list := make([]Completion, len(order))
	for n, at := range order {
		list[n] = c.list[at.i]
		if late := list[n].late; late != nil {
			late(&list[n], list[n].node)
			list[n].late, list[n].node = nil, nil
		}
	}
	return list
}

// wanted is what is typed as names are compared with it: in small letters, without blanks and
// quotes in front.
func wanted(typed string) string { return strings.ToLower(strings.TrimLeft(typed, " \"'`")) }

// fits says how well a name fits to what is typed: 0 it begins so, 1 a word of it does, 2 it has
// the text, 3 it has its letters in this order. Case of the name does not matter.
func fits(name, typed string) (int, bool) {
	if typed == "" {
		return 0, true
	}
	name = strings.ToLower(name)
	if strings.HasPrefix(name, typed) {
		return 0, true
	}
	for i := strings.Index(name, typed); i > 0; {
		if !nameByte(name[i-1]) || name[i-1] == '_' {
			return 1, true
		}
		n := strings.Index(name[i+1:], typed)
		if n < 0 {
			return 2, true
		}
		i += n + 1
	}
	if len(typed) < 2 || name[0] != typed[0] {
		return 0, false
	}
	i := 0
	for k := 0; k < len(name) && i < len(typed); k++ {
		if name[k] == typed[i] {
			i++
		}
	}
	return 3, i == len(typed)
}

// escaped is text that a snippet takes as it is.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, `$`, `\$`, `}`, `\}`).Replace(s)
}

// keyDoc is what there is to say of a config key.
func keyDoc(k project.Key) string {
	out := k.Help + ".\n\n`" + k.Name + "`: " + string(k.Type)
	if len(k.Values) > 0 {
		out += ": `" + strings.Join(k.Values, "`, `") + "`"
	}
	return out
}
