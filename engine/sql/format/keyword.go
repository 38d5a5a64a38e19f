package format

import (
	"strings"

	"github.com/engine-build/engine/engine/sql"
)

// A word is written in the case of keywords only where it cannot be a name: the case of a
// name is part of the output.

func wordSet(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(text) {
		out[w] = true
	}
	return out
}

// googleReserved are the reserved keywords of GoogleSQL, which need quotes to be names.
// Source: the lexical structure page of the BigQuery reference.
var googleReserved = wordSet(`
	all and any array as asc assert_rows_modified at between by case cast collate contains create
	cross cube current default define desc distinct else end enum escape except exclude exists extract
	false fetch following for from full group grouping groups hash having if ignore in inner intersect
	interval into is join lateral left like limit lookup merge natural new no not null nulls of on or
	order outer over partition preceding proto qualify range recursive respect right rollup rows select
	set some struct tablesample then to treat true unbounded union unnest using when where window with
	within`)

// standardReserved are the words that neither DuckDB nor PostgreSQL takes as the name of a
// column without quotes. Source: PostgreSQL's table of keywords, reserved there and in the
// list that DuckDB keeps.
var standardReserved = wordSet(`
	all and any array as asc both case cast collate cross desc distinct else end except false fetch for
	from full group having ilike in inner intersect into is join lateral leading left like limit natural
	not null offset on only or order outer placing returning right select similar some then to trailing
	true union using when where window with`)

// followed and preceded are words that are keywords before or after certain others.
var (
	followed = map[string]map[string]bool{
		"partition": wordSet("by"), "cluster": wordSet("by"), "nulls": wordSet("first last"),
		"unbounded": wordSet("preceding following"), "current": wordSet("row"),
	}
	preceded = map[string]map[string]bool{
		"by": wordSet("partition order group cluster"), "first": wordSet("nulls"), "last": wordSet("nulls"),
		"preceding": wordSet("unbounded"), "following": wordSet("unbounded"), "row": wordSet("current"),
	}
)

// words finds the keywords.
func (x *lexed) words(l sql.Lexis) {
	reserved := standardReserved
	if l == sql.GoogleSQL {
		reserved = googleReserved
	}
	none := token{kind: kindSemicolon}
	for i := range x.tokens {
		t := &x.tokens[i]
		if t.kind != kindWord || t.action {
			continue
		}
		before, after := &none, &none
		for j := i - 1; j >= 0; j-- {
			if before = &x.tokens[j]; before.kind != kindComment {
				break
			}
		}
		for j := i + 1; j < len(x.tokens); j++ {
			if after = &x.tokens[j]; after.kind != kindComment {
				break
			}
		}
		if before.kind == kindDot || after.kind == kindDot || after.op("=>") || after.op(":") || after.op(":=") {
			continue
		}
		word := strings.ToLower(t.text)
		if strings.EqualFold(before.text, "as") && !(reserved[word] && (l == sql.GoogleSQL || word == "select" || word == "with" || word == "not")) {
			continue // an alias
		}
		t.word = word
		t.keyword = reserved[word] || contextual(word, before, after, l) || (statements[word] || definition[word]) && after.kind == kindWord && x.begins(i)
	}
}

// definition are the words between CREATE, DROP, ALTER or INSERT and the name that follows.
var definition = wordSet("or replace temp temporary table view function procedure schema model constant aggregate public private external materialized snapshot if exists into from")

// statements are the words that statements begin with and that are not reserved.
var statements = wordSet("alter analyze assert attach begin call commit copy create declare delete describe detach drop execute explain export grant insert load merge pragma revoke rollback truncate update vacuum values")

// begins reports whether token i is the first word of a statement, or one of the words
// between that and a name: they are no names.
func (x *lexed) begins(i int) bool {
	for j := i - 1; j >= 0; j-- {
		switch t := &x.tokens[j]; {
		case t.kind == kindComment || t.kind == kindControl:
		case t.kind == kindSemicolon:
			return statements[x.tokens[i].word]
		case t.kind == kindWord && definition[x.tokens[i].word]:
			return t.is("create", "drop", "alter", "insert", "delete") && t.keyword || t.keyword && definition[t.word] && x.begins(j)
		default:
			return false
		}
	}
	return statements[x.tokens[i].word]
}

func contextual(word string, before, after *token, l sql.Lexis) bool {
	next := strings.ToLower(after.text)
	if after.kind == kindWord && followed[word][next] || before.kind == kindWord && preceded[word][strings.ToLower(before.text)] {
		return true
	}
	operand := before.kind == kindQuoted || before.kind == kindString || before.kind == kindNumber || before.kind == kindClose || before.kind == kindWord && !before.keyword
	goesOn := after.kind != kindComma && after.kind != kindClose && after.kind != kindSemicolon && after.kind != kindOperator
	switch word {
	case "recursive":
		return before.is("with") && !after.is("as") && (after.kind == kindWord || after.kind == kindQuoted)
	case "over":
		return before.text == ")" && (after.text == "(" || after.kind == kindWord)
	case "between":
		return (operand || before.is("not")) && goesOn && !standardReserved[next]
	case "qualify":
		return operand && goesOn && !standardReserved[next]
	case "replace":
		return (before.op("*") || before.text == ")") && after.text == "("
	case "values":
		return after.text == "(" && !before.is("into", "from", "join", "table", "update") && before.kind != kindOperator
	case "date", "datetime", "time", "timestamp", "numeric", "bignumeric", "decimal", "bigdecimal", "json":
		return l == sql.GoogleSQL && after.kind == kindString
	case "offset":
		return before.kind == kindNumber && (after.kind == kindNumber || after.kind == kindParameter) || before.is("with")
	}
	return false
}

// Case is how keywords are written.
type Case string

// The cases.
const (
	Lower Case = "lower"
	Upper Case = "upper"
)

func (x *lexed) fold(c Case) {
	for i := range x.tokens {
		t := &x.tokens[i]
		switch {
		case !t.keyword:
		case c == Upper:
			t.text = strings.ToUpper(t.word)
		default:
			t.text = t.word
		}
	}
}
