package bigquery

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

var (
	_ warehouse.Federator = Dialect{}
	_ warehouse.Lander    = Dialect{}
)

// connectionName is the name of a connection resource: «us.app» or «project.us.app», or its path
// «projects/project/locations/us/connections/app».
var connectionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]*$`)

// Federated is EXTERNAL_QUERY with the query in a raw text, where nothing but three quotes
// means anything:
// https://cloud.google.com/bigquery/docs/reference/standard-sql/federated_query_functions
func (Dialect) Federated(connection, query string) (string, error) {
	if !connectionName.MatchString(connection) {
		return "", fmt.Errorf("%q is no name of a connection resource, such as project.us.app", connection)
	}
	if strings.Contains(query, `"""`) {
		return "", fmt.Errorf(`three quotes in a row end the text of a federated query: a name that begins or ends with a quote, or has two in a row, cannot be asked for`)
	}
	// The blank keeps the quote of a name apart from those of the text.
	return `EXTERNAL_QUERY("` + connection + `", r"""` + query + ` """)`, nil
}

// federated are the types of PostgreSQL whose values EXTERNAL_QUERY hands on as they are. It
// refuses many others, and rounds numeric:
// https://cloud.google.com/bigquery/docs/federated-queries-intro#data_type_mappings
var federated = map[string]string{
	"boolean": "BOOL", "smallint": "INT64", "integer": "INT64", "bigint": "INT64", "real": "FLOAT64", "double precision": "FLOAT64",
	"text": "STRING", "character varying": "STRING", "bytea": "BYTES",
	"date": "DATE", "time without time zone": "TIME", "timestamp without time zone": "DATETIME", "timestamp with time zone": "TIMESTAMP",
}

// Landing gives numeric a type only where NUMERIC holds every value of it: 29 digits in
// front of the point and 9 behind.
func (Dialect) Landing(base string) (string, bool) {
	name, params := base, ""
	if open, end := strings.IndexByte(base, '('), strings.IndexByte(base, ')'); open >= 0 && end > open {
		name, params = strings.TrimSpace(base[:open])+base[end+1:], base[open+1:end]
	}
	if name != "numeric" {
		typ, ok := federated[name]
		return typ, ok
	}
	p, s, _ := strings.Cut(params, ",")
	precision, err := strconv.Atoi(strings.TrimSpace(p))
	if err != nil {
		return "", false
	}
	scale, err := strconv.Atoi(strings.TrimSpace(s))
	if s != "" && err != nil {
		return "", false
	}
	return "NUMERIC", scale <= 9 && precision-scale <= 29
}

// Takes knows the type of Landing and texts of texts.
func (d Dialect) Takes(base, typ string) (string, bool) {
	own, ok := d.Landing(base)
	return own, ok && strings.EqualFold(own, typ)
}
