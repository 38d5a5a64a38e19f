// Command show prints what a GoogleSQL statement means: the resolved tree, its
// lineage-free form, as package ir prints it. It is for those who work on the
// engine.
//
//	go run ./engine/googlesql/show -t "d.orders(id INT64, items ARRAY<STRING>)" "select id from d.orders"
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
)

type list []string

func (l *list) String() string     { return strings.Join(*l, "; ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func main() {
	var tables, declare, params, enable, disable list
	internal := flag.Bool("internal", false, "analyze as Google's compliance suite does")
	zone := flag.String("zone", "", "default time zone")
	flag.Var(&tables, "t", "`table`: name(column type, …); may be repeated")
	flag.Var(&declare, "d", "CREATE `statement` to declare; may be repeated")
	flag.Var(&params, "p", "query parameter: `name=type`, ?=type for a positional one; may be repeated")
	flag.Var(&enable, "enable", "language `feature`")
	flag.Var(&disable, "disable", "language `feature`")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := show(googlesql.Options{Internal: *internal, Zone: *zone, Enable: enable, Disable: disable}, tables, declare, params, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func show(opts googlesql.Options, tables, declare, params []string, sql string) error {
	s, err := googlesql.Open(opts)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, t := range tables {
		table, err := parseTable(t)
		if err == nil {
			err = s.Declare(table)
		}
		if err != nil {
			return err
		}
	}
	for _, d := range declare {
		if err := s.DeclareSQL(d); err != nil {
			return fmt.Errorf("%s: %w", d, err)
		}
	}
	for _, p := range params {
		name, typ, _ := strings.Cut(p, "=")
		t, _, err := googlesql.ParseType(typ)
		if err != nil {
			return err
		}
		s.DeclareParameter(strings.TrimPrefix(name, "?"), t)
	}
	a, err := s.Analyze(sql)
	if list, ok := err.(googlesql.Errors); ok {
		for _, e := range list {
			fmt.Fprintf(os.Stderr, "%d+%d likely=%v: %s\n", e.Offset, e.Length, e.Likely, e)
		}
		return fmt.Errorf("%d mistakes", len(list))
	}
	if err != nil {
		return err
	}
	fmt.Print(ir.Print(a.Stmt))
	fmt.Println("tables:", strings.Join(a.Tables, ", "))
	return nil
}

// parseTable reads name(column type, …).
func parseTable(s string) (googlesql.Table, error) {
	name, rest, ok := strings.Cut(s, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return googlesql.Table{}, fmt.Errorf("table %q: not name(column type, …)", s)
	}
	t, _, err := googlesql.ParseType("STRUCT<" + strings.TrimSuffix(rest, ")") + ">")
	if err != nil {
		return googlesql.Table{}, err
	}
	table := googlesql.Table{Name: strings.TrimSpace(name)}
	for _, f := range t.Fields {
		table.Columns = append(table.Columns, googlesql.Column{Name: f.Name, Type: f.Type})
	}
	return table, nil
}
