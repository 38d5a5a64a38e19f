package tenant

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeUndeclared      diag.Code = "distribute-undeclared"
	codeColumn          diag.Code = "distribute-column"
	codeType            diag.Code = "distribute-type"
	codeName            diag.Code = "distribute-name"
	codePartial         diag.Code = "distribute-partial"
	codeUnused          diag.Code = "distribute-unused"
	codeSource          diag.Code = "customers-source"
	codeCustomer        diag.Code = "customer-invalid"
	codeCustomerUnknown diag.Code = "customer-unknown"
	codeCustomerTwice   diag.Code = "customer-twice"
	codeCustomerSchema  diag.Code = "customer-schema"
	codeCustomerEmpty   diag.Code = "customer-empty"
	codeCustomers       diag.Code = "customers-many"
	codeKey             diag.Code = "customer-key"
	codeField           diag.Code = "customer-field"
	codeContract        diag.Code = "customer-contract"
	codeBreaks          diag.Code = "customer-contract-breaks"
	codeSunset          diag.Code = "customer-contract-sunset"
)

// Codes is the catalogue of this room.
var Codes = []diag.Entry{
	{Code: codeUndeclared, Title: "nobody said which customers get a model",
		Explain: "In a project with distribution, every model and snapshot that has the tenant column says who gets it: distribute: tenant, shared or never. Without that, a new model would be given away, or be missing, by accident. A folder in engine.yml can say it for all of its models.",
		Bad:     "-- models/orders.sql\nselect tenant_id, amount from {{ ref \"stg_orders\" }}",
		Good:    "-- models/orders.sql\n{{ config \"distribute\" \"tenant\" }}\nselect tenant_id, amount from {{ ref \"stg_orders\" }}"},
	{Code: codeColumn, Title: "a column that distribution needs is not there",
		Explain: "distribute: tenant needs the tenant column, links, partial and custom_fields the columns that they name. It is also an error where the columns of the relation are not known.",
		Bad:     "config: {distribute: tenant} # the model has no tenant_id",
		Good:    "config: {distribute: tenant, tenant_column: owner_id}"},
	{Code: codeType, Title: "a column that distribution needs has another type",
		Explain: "Tenants and keys are whole numbers or texts, and so are the columns that are compared with them. A constant mask fits the column's type, and a hash is text.",
		Bad:     "tenant_column: weight # NUMERIC",
		Good:    "tenant_column: tenant_id # INT64"},
	{Code: codeName, Title: "two relations would have one name at the customers'",
		Explain: "All that customers get of models lies in one schema, all of a source in another, and names that differ only in case are one name to some warehouses. Names that begin with _engine are the engine's own.",
		Bad:     "models/core/orders.sql, models/reports/Orders.sql, both with distribute: tenant",
		Good:    "{{ config \"alias\" \"report_orders\" }}"},
	{Code: codePartial, Title: "partial rows contradict themselves",
		Explain: "Of a partial row customers see the columns under visible, and masks of others. A column by which the row is found, and the tenant column, has to be visible; a mask of a visible column would never show.",
		Bad:     "partial: {via: {material: id}, visible: [name], masks: {name: hash}}",
		Good:    "partial: {via: {material: id}, visible: [id, tenant_id, name], masks: {sku: hash}}"},
	{Code: codeUnused, Title: "distribution is configured where it has no effect",
		Explain: "links, partial and custom_fields say which rows of tenants a customer sees. They do nothing on a model that nobody gets, or of which everybody gets all rows.",
		Bad:     "config: {distribute: never, links: {material: id}}",
		Good:    "config: {distribute: tenant, links: {material: id}}"},
	{Code: codeSource, Title: "configuration of customers cannot be read from there",
		Explain: "ref below distribution names a model, seed or snapshot of the project that is a relation, is given to no customer, and has the columns that are needed; columns says where they have other names.",
		Bad:     "customers: {ref: cfg_custmers}",
		Good:    "customers: {ref: cfg_customers, columns: {customer: slug}}"},
	{Code: codeCustomer, Title: "a customer is not configured well",
		Explain: "A customer's name becomes part of schemas: a-z, 0-9 and _, beginning with a letter. Tiers are 1, 2 and 3; modes table, view and rows; the contract is one of contracts.",
		Bad:     "customers: [{customer: \"Acme; drop schema dw\"}]",
		Good:    "customers: [{customer: acme, title: Acme Inc., tier: 2}]"},
	{Code: codeCustomerUnknown, Title: "a customer that does not exist",
		Explain: "customer_tenants, links, transfers, custom fields, principals and only name customers of the part customers. Rows of a relation that name nobody are left out with a warning, since nobody gets anything by them.",
		Bad:     "customer_tenants: [{customer: acmee, tenant: 476}]",
		Good:    "customer_tenants: [{customer: acme, tenant: 476}]"},
	{Code: codeCustomerTwice, Title: "something is configured twice",
		Explain: "A customer is there once. Further rows that say the same are a warning, since nothing depends on how often they are there.",
		Bad:     "customers: [{customer: acme}, {customer: acme, tier: 1}]",
		Good:    "customers: [{customer: acme, tier: 1}]"},
	{Code: codeCustomerSchema, Title: "schemas of customers collide",
		Explain: "Every schema is one customer's, is none of the project's own, and is not longer than the warehouse allows.",
		Bad:     "lake_schema: \"dl_{customer}_{source}\" # customers a and a_b, sources b_c and c",
		Good:    "lake_schema: \"dl_{customer}__{source}\""},
	{Code: codeCustomerEmpty, Title: "a customer has no tenants",
		Explain: "It gets what is shared, and of tenants' rows only those that links and transfers give it: its tables are empty otherwise. That is right for one whose last tenant has left, so it is no error.",
		Bad:     "customers: [{customer: acme}] # nothing in customer_tenants",
		Good:    "customer_tenants: [{customer: acme, tenant: 476}]"},
	{Code: codeCustomers, Title: "more customers than allowed",
		Explain: "distribution.limits.max_customers guards against a table of customers that has become something else, by a join that multiplies rows.",
		Bad:     "customers: {ref: orders}",
		Good:    "limits: {max_customers: 50000}"},
	{Code: codeKey, Title: "a key that cannot be one",
		Explain: "Tenants and keys are whole numbers or texts that fit the columns they are compared with. NULL is nobody's: rows of a relation with a NULL are left out with a warning.",
		Bad:     "customer_tenants: [{customer: acme, tenant: four}] # tenant_id is INT64",
		Good:    "customer_tenants: [{customer: acme, tenant: 4}]"},
	{Code: codeField, Title: "a custom field that cannot become a column",
		Explain: "A custom field has an id and a known type, belongs to a relation with custom_fields, and gets a name that no other column of the customer has. A second one of a name gets its id behind it, and a type on which two tenants differ becomes string; both are said. A field keeps the column that it had when it was first published.",
		Bad:     "custom_fields: [{customer: acme, model: material, id: thc, type: percentage}]",
		Good:    "custom_fields: [{customer: acme, model: material, id: thc, type: number}]"},
	{Code: codeContract, Title: "a contract does not lead to the next",
		Explain: "The changes of a contract lead from its columns to those of the next one, and from the newest to what the models have: what is renamed to, or retyped, is there; what is removed is not. The newest has no changes.",
		Bad:     "contracts: [{version: 1, changes: [{model: orders, renamed: {sum: amuont}}]}, {version: 2}]",
		Good:    "contracts: [{version: 1, changes: [{model: orders, renamed: {sum: amount}}]}, {version: 2}]"},
	{Code: codeBreaks, Title: "customers would lose what their contract promises",
		Explain: "A column that customers read was removed or renamed, or its type no longer holds every value that it held, within one contract. Make a new contract, with the change in the one before, or undo the change.",
		Bad:     "contracts: [{version: 1}] # and orders.sum has become orders.amount",
		Good:    "contracts: [{version: 1, changes: [{model: orders, renamed: {sum: amount}}]}, {version: 2}]"},
	{Code: codeSunset, Title: "a contract ends",
		Explain: "Customers read a contract whose sunset has passed, or is less than 30 days away. Nothing stops by itself on that day: move them to a newer one, and then remove it.",
		Bad:     "contracts: [{version: 1, sunset: 2024-01-01}, {version: 2}] # acme still reads 1",
		Good:    "customers: [{customer: acme, contract: 2}]"},
}

// names is a list for messages: «acme», «acme and bmw», «acme, bmw, cascade and 4 more».
func names(list []string) string {
	const most = 3
	switch n := len(list); {
	case n == 0:
		return "nobody"
	case n == 1:
		return list[0]
	case n > most+1:
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), n-most)
	default:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
}

func quotedList(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, ", ")
}

// suggest is a help that names what was probably meant, or some of what there is.
func suggest(word string, known []string, kind string) string {
	if near, ok := diag.Suggest(word, known); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	list := diag.Nearest(word, known, 6)
	return kind + " are " + quotedList(list)
}

func undeclared(n addr.Node, column string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeUndeclared, Message: fmt.Sprintf("%q has the tenant column %q, and nothing says which customers get it", n.Name, column), At: at, Model: n,
		Help: `declare it: distribute: tenant for the rows of their tenants, shared for all, never for nobody`}
}

func columnMissing(n addr.Node, key, column string, known []string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeColumn, Message: fmt.Sprintf("%s of %q needs the column %q, which it does not have", key, n.Name, column), At: at, Model: n, Help: suggest(column, known, "its columns")}
}

func tenantMissing(n addr.Node, column string, known []string, at source.Span) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeColumn, Message: fmt.Sprintf("%q is given to customers by tenant, and has no column %q", n.Name, column), At: at, Model: n,
		Help: `add the column, name another one with tenant_column, or declare distribute: shared or never`}
	if near, ok := diag.Suggest(column, known); ok {
		d.Notes = []string{fmt.Sprintf("it has a column %q", near)}
	}
	return d
}

func columnsUnknown(n addr.Node, why string, at source.Span) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeColumn, Message: fmt.Sprintf("%q is given to customers, and its columns are not known", n.Name), At: at, Model: n,
		Help: "declare its columns with data_type, so that nothing is given away that nobody has seen"}
	if why != "" {
		d.Notes = []string{why}
	}
	return d
}

func typeUnfit(n addr.Node, key, column, typ, want, help string, at source.Span) diag.Diagnostic {
	if typ == "" {
		typ = "unknown"
	}
	return diag.Diagnostic{Code: codeType, Message: fmt.Sprintf("%s of %q: column %q is %s, and has to be %s", key, n.Name, column, typ, want), At: at, Model: n, Help: help}
}

func nameTaken(a, b addr.Node, name string, at, other source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeName, Message: fmt.Sprintf("%q and %q would both be %q at the customers'", a.Name, b.Name, name), At: at, Model: a,
		Labels: labels(other, "the other one"), Help: "give one of them an alias (a source table: an identifier), or to nobody"}
}

func nameReserved(n addr.Node, name string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeName, Message: fmt.Sprintf("%q cannot be given to customers as %q", n.Name, name), At: at, Model: n,
		Help: "names that begin with _engine are the engine's own: rename it"}
}

func labels(at source.Span, text string) []diag.Label {
	if at.IsZero() {
		return nil
	}
	return []diag.Label{{At: at, Text: text}}
}

func partialWrong(n addr.Node, why, help string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codePartial, Message: fmt.Sprintf("partial rows of %q: %s", n.Name, why), At: at, Model: n, Help: help}
}

func unused(n addr.Node, key, why string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeUnused, Message: fmt.Sprintf("%q of %q has no effect: %s", key, n.Name, why), At: at, Model: n, Help: "remove it, or declare distribute: tenant"}
}

func sourceUnknown(at source.Span, name string, known []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeSource, Message: fmt.Sprintf("no model, seed or snapshot is named %q", name), At: at, Help: suggest(name, known, "there")}
}

func sourceUnfit(at source.Span, name, why, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeSource, Message: fmt.Sprintf("customers cannot be read from %q: %s", name, why), At: at, Help: help}
}

func contractWrong(at source.Span, message, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeContract, Message: message, At: at, Help: help}
}

// Breaking says whom a change of a model within one contract would hurt. It is also a change of
// the newest contract, which the model has.
func Breaking(model string, contract, newest int, breaks []Break, customers []string, at source.Span) diag.Diagnostic {
	var what []string
	for _, b := range breaks {
		what = append(what, b.String())
	}
	slices.Sort(customers)
	return diag.Diagnostic{Code: codeBreaks, Message: fmt.Sprintf("%s breaks contract %d of %s: %s", model, contract, names(customers), strings.Join(what, "; ")), At: at,
		Help: fmt.Sprintf("add contract %d to distribution.contracts with the change below contract %d, or undo the change", newest+1, newest)}
}
