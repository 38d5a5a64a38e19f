package distribute

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	codeProof     diag.Code = "customer-proof"
	codeUncast    diag.Code = "customer-uncast"
	codeForeign   diag.Code = "customer-foreign"
	codePrincipal diag.Code = "customer-principal"
	codeAccess    diag.Code = "customer-access"
	codeFailed    diag.Code = "customer-failed"
	codeShared    diag.Code = "customers-shared"
	codeUnbuilt   diag.Code = "customers-unbuilt"
	codeMode      diag.Code = "customer-mode"
	codeUnknown   diag.Code = "customer-asked"
	codeLeft      diag.Code = "customer-left"
	codeDisabled  diag.Code = "customer-disabled"
	codeLong      diag.Code = "customers-long"
	codeEmpty     diag.Code = "customers-empty"
)

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeProof, Title: "a proof of isolation failed", Explain: "Before anything is published to a customer, queries that do not share a line with those that made its rows look for rows and values that are not its own, for those that are missing, and for values that should be hidden. If one finds something, the customer keeps the version that it has, the others get theirs, and the run ends with exit code 1.", Bad: "a model whose join lost the tenant, so that rows of others carry a canary's marker", Good: "the same join with the tenant in its condition"},
	{Code: codeUncast, Title: "values of custom fields that do not fit their type", Explain: "A value that cannot be read as its field's type is NULL in the customer's column. The app that defines the field, or its definition, is to be mended.", Bad: "a field of type date with the value «soon»", Good: "a field of type string"},
	{Code: codeForeign, Title: "something that is not the engine's is in the way", Explain: "The engine makes and replaces what it made itself, for this project and target, and nothing else: a schema, a file or a table of the name that it needs stays as it is, and the customer gets nothing new. What others have built on the customer's relations keeps nothing from being published: where it cannot follow to what takes their place, it is left on the old ones, which have no rows any more.", Bad: "a table dw_acme.material that somebody made by hand", Good: "the customer's own tables in its workspace, ws_acme"},
	{Code: codePrincipal, Title: "a principal that does not exist, or will not do", Explain: "Principals are roles, or members as the warehouse writes them, that exist already: the engine grants access, it makes no accounts. On PostgreSQL a superuser, a member of the engine's own role or of pg_read_all_data, and with mode rows one with BYPASSRLS read what they like, whatever is granted to them: they are refused. Until then the customer keeps what it has.", Bad: "principals: [acme_redaer]", Good: "principals: [acme_reader]"},
	{Code: codeAccess, Title: "a principal reads more, or less, than it should", Explain: "After a publication the engine reads as each principal, where the warehouse lets it: the customer's own relations, which must work, the warehouse's models, which must be refused, and in tables that several customers share the rows of others, of which there must be none. Views of customers must still be barriers: nothing of a reader's query looks at rows before their filter.", Bad: "GRANT SELECT ON ALL TABLES IN SCHEMA dw TO acme_reader", Good: "principals that hold no other grants"},
	{Code: codeFailed, Title: "a customer could not be published", Explain: "The warehouse refused something. The customer keeps the version that it has; the next engine publish tries again, and repairs what may be half done.", Bad: "a disk that is full", Good: "engine publish after making room"},
	{Code: codeShared, Title: "work for all customers failed", Explain: "Rows of a model are read once for many customers, or counted for their proofs. If that fails, none of them gets anything new; customers that need nothing of the model do.", Bad: "a model that was dropped behind the engine's back", Good: "engine build, then engine publish"},
	{Code: codeUnbuilt, Title: "what customers get is not built as the project says", Explain: "engine publish hands out what is there. A model that is not built, or has other columns than the project says, has to be built first.", Bad: "engine publish # after a column was added to the model", Good: "engine build && engine publish"},
	{Code: codeMode, Title: "a mode that the target cannot have", Explain: "Views and shared rows keep customers apart by their accounts. Where that cannot be, as in DuckDB's files, customers have tables of their own, which keeps them apart at least as well.", Bad: "mode: view # on a target of type duckdb", Good: "mode: table"},
	{Code: codeUnknown, Title: "no such customer", Explain: "--customer takes the names that the configuration has, and of customers that have been published.", Bad: "engine publish --customer acmee", Good: "engine publish --customer acme"},
	{Code: codeDisabled, Title: "a customer that is disabled is asked for", Explain: "A customer with enabled: false keeps the version that it has, with the access of the principals that are still configured, and gets nothing new. Only rows that it has in tables that it shares with others, with mode rows, are taken out of them by the next publication.", Bad: "engine publish --customer acme # enabled: false", Good: "enabled: true, then engine publish --customer acme"},
	{Code: codeLong, Title: "too many rows of configuration", Explain: "What relations say about customers is read into memory, up to five million rows each. More are rather a join that multiplies rows than customers' keys.", Bad: "a list of links with every row of every tenant", Good: "a list of the keys that a customer sees beside those of its own tenants"},
	{Code: codeEmpty, Title: "no customers, or no tenants, any more", Explain: "One customer may leave, and one may lose its last tenant. That all do at once is rather a table that was emptied by accident, and would take everything from everybody: nothing is published, and nobody loses access. Where it is meant so, engine publish --allow-empty does it.", Bad: "customer_tenants: {csv: config/tenants.csv} # a header and no rows", Good: "engine publish --allow-empty"},
	{Code: codeLeft, Title: "a customer that is not configured any more", Explain: "Its principals lose their access with the next publication. What it has stays where it is: whoever wants it gone drops it by hand.", Bad: "", Good: ""},
}

// statementError is an error with the statement that the warehouse refused.
type statementError struct {
	stmt warehouse.Statement
	err  error
}

func (e *statementError) Error() string { return e.err.Error() }
func (e *statementError) Unwrap() error { return e.err }

func explained(stmt warehouse.Statement, err error) error {
	if err == nil {
		return nil
	}
	return &statementError{stmt, err}
}

func plain(err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFailed, Message: err.Error(), Cause: err}
}

// failures are the diagnostics of an error that ended a customer.
func failures(c *Customer, phase string, err error) diag.List {
	var proof *proofError
	var foreign *warehouse.ForeignError
	var principal *warehouse.PrincipalError
	var open *warehouse.OpenError
	switch {
	case errors.As(err, &proof):
		return proof.list
	case errors.As(err, &foreign) && foreign.Help != "":
		return diag.List{{Code: codeForeign, Message: fmt.Sprintf("%s gets nothing new: %s", c.Name, foreign), Help: foreign.Help, Cause: err}}
	case errors.As(err, &open):
		return diag.List{{Code: codeFailed, Message: fmt.Sprintf("%s gets nothing new: %s", c.Name, open), Help: open.Help, Cause: err}}
	case errors.As(err, &foreign):
		return diag.List{{Code: codeForeign, Message: fmt.Sprintf("%s gets nothing new: %s", c.Name, foreign), Help: "rename or move it, or give the customers other schemas with \"customer_schema\"", Cause: err}}
	case errors.As(err, &principal) && principal.Reason != "":
		return diag.List{{Code: codePrincipal, Message: fmt.Sprintf("%s gets nothing new: principal %q will not do: %s", c.Name, principal.Principal, principal.Reason), Help: "no grant and no policy keeps it from other customers' rows: give the customer a role that has nothing else", Cause: err}}
	case errors.As(err, &principal):
		return diag.List{{Code: codePrincipal, Message: fmt.Sprintf("%s gets nothing new: there is no principal %q", c.Name, principal.Principal), Help: "create it in the warehouse, or correct the customer's principals", Cause: err}}
	case errors.Is(err, errBudget):
		return diag.List{{Code: codeFailed, Message: fmt.Sprintf("%s gets nothing new: %s", c.Name, err), Help: "raise --max-bytes or --max-cost, and publish again: what is done is done", Cause: err}}
	}
	d := diag.Diagnostic{Code: codeFailed, Message: fmt.Sprintf("%s gets nothing new: %s", c.Name, err), Cause: err}
	if phase == PhaseCheck {
		d.Message = fmt.Sprintf("%s was published, and then: %s", c.Name, err)
	}
	var stmt *statementError
	if errors.As(err, &stmt) {
		d.Notes = append(d.Notes, "statement: "+shortened(stmt.stmt.SQL))
	}
	return diag.List{d}
}

// shortened is the beginning of a statement, on one line.
func shortened(sql string) string {
	sql = strings.Join(strings.Fields(sql), " ")
	const most = 300
	if r := []rune(sql); len(r) > most {
		return string(r[:most]) + " …"
	}
	return sql
}

func sharedFailed(m *Model, what string, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeShared, Message: fmt.Sprintf("%s of %s failed: %s", what, m.Relation, err), Model: m.Node, Cause: err}
	var stmt *statementError
	if errors.As(err, &stmt) {
		d.Notes = append(d.Notes, "statement: "+shortened(stmt.stmt.SQL))
	}
	return d
}

func proofFailed(customer string, m *Model, name, sentence, query string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeProof, Message: fmt.Sprintf("%s gets nothing new: proof %q of %s failed: %s", customer, name, m.As, sentence), Model: m.Node, Help: "the customer keeps the version that it has"}
	if query != "" {
		d.Notes = append(d.Notes, "proof: "+shortened(query))
	}
	return d
}

func uncast(c *Customer, m *Model, sentence string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeUncast, Message: fmt.Sprintf("%s, %s: %s", c.Name, m.As, sentence), Model: m.Node, Help: "they are NULL in the customer's columns"}
}

func unreadable(c *Customer, principal string, rel addr.Relation) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAccess, Message: fmt.Sprintf("%s cannot read %s of customer %s", principal, rel, c.Name), Help: "somebody has revoked what the engine granted: engine publish --force --customer " + c.Name}
}

// mostStrange is how many customers with strangers are named.
const mostStrange = 20

// strangers is about customers that get nothing new, and to whose relations others have access.
func strangers(list []strangeness) (found diag.List) {
	for _, s := range list[:min(len(list), mostStrange)] {
		found.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeAccess, Message: fmt.Sprintf("%s: not the engine's, left alone: access of %s", s.customer, shortList(s.who)), Help: "revoke it if nobody needs it: the engine takes only what it gave"})
	}
	if more := len(list) - mostStrange; more > 0 {
		found.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeAccess, Message: fmt.Sprintf("%d more customers have access by others that the engine did not give", more), Help: "engine publish --force --customer NAME says which"})
	}
	return found
}

// leftBehind is about what somebody has built on a customer's relations.
func leftBehind(c *Customer, sentence string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeForeign, Message: fmt.Sprintf("customer %s: %s", c.Name, sentence), Help: "make it again on the new one; what was set aside goes with the next publication that finds nothing hanging on it"}
}

// untried is about a principal whose place the engine's own account must not take.
func untried(c *Customer, principal string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeAccess, Message: fmt.Sprintf("customer %s is not checked as %s: the target's account must not take its role", c.Name, principal), Help: "grant the role to the account that publishes, and what the customer reads is tried after each publication"}
}

func tooMuch(c *Customer, principal string, rel addr.Relation, why string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAccess, Message: fmt.Sprintf("%s of customer %s can read %s, %s", principal, c.Name, rel, why), Help: "revoke what it holds there; the engine did not grant it"}
}

func cleanupFailed(c *Customer, err error) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeFailed, Message: fmt.Sprintf("what was staged for %s could not be removed: %s", c.Name, err), Help: "the next publication removes it", Cause: err}
}

func sourceMissing(part *project.Part, rel addr.Relation) diag.Diagnostic {
	return diag.Diagnostic{Code: codeUnbuilt, Message: fmt.Sprintf("%q of the distribution is read from %s, which is not there", part.Name, rel), At: part.Ref.At, Help: "engine build makes it"}
}

func sourceColumn(part *project.Part, rel addr.Relation, column string, have []warehouse.Column) diag.Diagnostic {
	names := make([]string, len(have))
	for i, c := range have {
		names[i] = c.Name
	}
	d := diag.Diagnostic{Code: codeUnbuilt, Message: fmt.Sprintf("%s, from which %q of the distribution is read, has no column %q", rel, part.Name, column), At: part.Ref.At, Help: "known are " + strings.Join(names, ", ") + "; other names go below \"columns\""}
	if near, ok := diag.Suggest(column, names); ok {
		d.Help = fmt.Sprintf("did you mean %q? Other names go below \"columns\"", near)
	}
	return d
}

func sourceTooLong(part *project.Part, most int) diag.Diagnostic {
	return diag.Diagnostic{Code: codeLong, Message: fmt.Sprintf("%q of the distribution has more than %d rows", part.Name, most), At: part.Ref.At, Help: "if they are right, let a model say the same with fewer: keys that no row has, and tenants' own rows, need not be listed"}
}

// allGone is about a part of the configuration without any rows.
func allGone(part string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeEmpty, Message: fmt.Sprintf("%q of the distribution has no rows any more, which would take from all customers what they have", part), Help: "mend what it is read from; if it is meant so: engine publish --allow-empty"}
}

// Unseen is about a name that only the warehouse can know.
func Unseen(name string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeUnknown, Message: fmt.Sprintf("whether there is a customer %q is not known without the warehouse", name), Help: "engine customers asks it; what is said here is what a customer of this name would get"}
}

// resting is about a customer that --customer names.
func resting(name string, mode tenant.Mode) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Warning, Code: codeDisabled, Message: fmt.Sprintf("customer %s is disabled: it keeps what it has and gets nothing new", name), Help: "take \"enabled: false\" away to publish to it"}
	if mode == tenant.Rows {
		d.Message = fmt.Sprintf("customer %s is disabled: its rows are taken out of the tables that it shares", name)
	}
	return d
}

func unbuilt(rule tenant.Rule, why string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeUnbuilt, Message: fmt.Sprintf("%s cannot be published: %s", rule.Node, why), Model: rule.Node, Help: "engine build makes it as the project says"}
}

func modeless(names []string, mode tenant.Mode, target string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Remark, Code: codeMode, Message: fmt.Sprintf("%s: mode %q becomes %q on target %q", shortList(names), mode, tenant.Tables, target), Help: "tables of their own keep customers apart at least as well"}
}

// fileless is about files on a target whose customers have schemas that they are let into.
func fileless(format, target string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Remark, Code: codeMode, Message: fmt.Sprintf("nothing is exported as %s on target %q: its customers read the warehouse itself", format, target), At: at, Help: "files are written where customers have files, on DuckDB"}
}

// lurking is about principals whose functions the engine's own statements would call.
func lurking(e *warehouse.OpenError) diag.Diagnostic {
	return diag.Diagnostic{Code: codePrincipal, Message: "no customer gets anything: " + e.Reason, Help: e.Help, Cause: e.Err}
}

// shortList names a few of many.
func shortList(names []string) string {
	if len(names) > 4 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// unknownCustomer is about --customer.
func unknownCustomer(name string, known []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeUnknown, Message: fmt.Sprintf("there is no customer %q", name)}
	if near, ok := diag.Suggest(name, known); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	} else if len(known) > 0 {
		list := slices.Clone(known[:min(len(known), 6)])
		d.Help = "known are " + strings.Join(list, ", ")
	}
	return d
}

func departed(name string, granted bool) diag.Diagnostic {
	what := "what it was given stays"
	if granted {
		what = "its principals lose their access, its relations stay"
	}
	if name == SharedRows {
		return diag.Diagnostic{Severity: diag.Warning, Code: codeLeft, Message: "no customer shares tables any more: those who read them lose their access, and the tables keep the rows of all who shared them", Help: "drop the schemas of " + SharedRows + " by hand, dw__rows by default, if nobody needs them"}
	}
	return diag.Diagnostic{Severity: diag.Warning, Code: codeLeft, Message: fmt.Sprintf("customer %s is not configured any more: %s", name, what), Help: "drop them by hand if nobody needs them"}
}
