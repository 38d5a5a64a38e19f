package main

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	// The tables of all tools are read by the driver as anyone would use it.
	_ "github.com/duckdb/duckdb-go/v2"
)

// agree compares what the tools have built: every model's number of rows and sums of what is in
// it. It says how many tables were compared; another row is an error.
func agree(ready []*contestant, nodes []node) (string, error) {
	var first *contestant
	var want []string
	var names []string
	for _, c := range ready {
		if c.database == "" || len(c.took["build"]) == 0 {
			continue
		}
		got, err := contents(filepath.Join(c.dir, c.database), nodes)
		if err != nil {
			return "", fmt.Errorf("read what %s has built: %w", c.name, err)
		}
		names = append(names, c.name)
		if first == nil {
			first, want = c, got
			continue
		}
		for i, n := range nodes {
			if got[i] != want[i] {
				return "", fmt.Errorf("%s has another table %s than %s: %s, not %s", c.name, n.name, first.name, got[i], want[i])
			}
		}
	}
	if len(names) < 2 {
		return "", nil
	}
	return fmt.Sprintf("The %s tables of %s hold the same.", thousands(len(nodes)), strings.Join(names, " and ")), nil
}

// contents are one line for each table. The model that is edited must be edited as often by all,
// which holds when all ran the same measurements.
func contents(path string, nodes []node) (lines []string, err error) {
	db, err := sql.Open("duckdb", path+"?access_mode=read_only")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, n := range nodes {
		var line string
		query := `select concat_ws(' ', count(*), sum(id), sum(customer_id), sum(amount), count(distinct status), min(ordered_on), max(ordered_on), sum(hash(id::bigint, amount::bigint, status::varchar) % 1000003)) from ` + schema + `."` + n.name + `"`
		if err := db.QueryRow(query).Scan(&line); err != nil {
			return nil, fmt.Errorf("%s: %w", n.name, err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}
