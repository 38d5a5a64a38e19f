// Package metabase is a Metabase for tests: a server that keeps state and answers the documented
// requests about databases, tables, fields, cards, dashboards, collections and snippets, with
// faults that a test asks for. It is a test double, made from the documentation and from what
// users of dbt-metabase have recorded; no real Metabase has been asked.
package metabase
