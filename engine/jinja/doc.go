// Package jinja reads templates in Jinja's language, as dbt's models and macros are written:
// text to tokens to a syntax tree whose nodes all say where they stand.
//
// The language is that of Jinja2 3.1 with the extensions that dbt turns on (do, break and
// continue), and dbt's own blocks: snapshot, test, data_test, materialization and docs. What
// Jinja2 takes is taken, and what it refuses is refused; the sources of the rules are
// jinja2/lexer.py and jinja2/parser.py, and trees are compared with its own in the tests.
//
// It knows no function of dbt and runs nothing.
package jinja
