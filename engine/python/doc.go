// Package python has values as templates of dbt see them: how Python 3 prints, compares, adds and
// iterates them, the methods of its texts, lists and dictionaries, and the filters and tests of
// Jinja2 3.1 over them. Sources of the rules are the Python library reference («Built-in Types»)
// and jinja2/filters.py and jinja2/tests.py; results are compared with theirs in the tests.
//
// It knows no template, no file and no function of dbt.
package python
