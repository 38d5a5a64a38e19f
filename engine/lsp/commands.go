package lsp

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/creachadair/jrpc2"

	"github.com/engine-build/engine/engine/compile"
)

// Commands of workspace/executeCommand. Each takes one object.
const (
	commandCompiled = "engine.compiled"
	commandRows     = "engine.rows"
	commandLineage  = "engine.lineage"
)

var commandNames = []string{commandCompiled, commandRows, commandLineage}

// defaultRows is the limit of engine.rows where nobody says another, and maxRows what an
// editor gets at most.
const (
	defaultRows = 100
	maxRows     = 10_000
)

// commandParams is the argument of all commands: a place in a document, of which the position
// may be missing.
type commandParams struct {
	URI      string    `json:"uri"`
	Position *Position `json:"position"`
	Limit    int       `json:"limit"`
	Column   string    `json:"column"`
}

// execute is workspace/executeCommand.
func (s *server) execute(p executeCommandParams) (answer, error) {
	if !slices.Contains(commandNames, p.Command) {
		return nil, jrpc2.Errorf(jrpc2.InvalidParams, "there is no such command")
	}
	if len(p.Arguments) != 1 {
		return nil, jrpc2.Errorf(jrpc2.InvalidParams, "%s takes one argument: {\"uri\": …}", p.Command)
	}
	var c commandParams
	if err := json.Unmarshal(p.Arguments[0], &c); err != nil || c.URI == "" {
		return nil, jrpc2.Errorf(jrpc2.InvalidParams, "%s takes one argument: {\"uri\": …}", p.Command)
	}
	if c.Limit < 0 || c.Limit > maxRows {
		return nil, jrpc2.Errorf(jrpc2.InvalidParams, "the limit is no number from 1 to %d", maxRows)
	}
	then := s.look(c.URI)
	return func(ctx context.Context) (any, error) {
		a, err := then(ctx)
		if err != nil {
			return nil, err
		}
		if a == nil {
			return nil, jrpc2.Errorf(requestFailed, "the file belongs to no project")
		}
		switch p.Command {
		case commandCompiled:
			return s.compiled(ctx, a)
		case commandRows:
			return s.rows(ctx, a, c)
		}
		return s.lineage(ctx, a, c)
	}, nil
}

// node is what a file is, as its text is now; where that does not compile, an error.
func (a *asked) node() (*compile.Node, error) {
	n, ok := a.view.Node(a.path)
	if ok && n.Seed != nil {
		return n, nil
	}
	p, err := a.view.Compiled(a.path)
	switch {
	case err != nil:
		return nil, jrpc2.Errorf(requestFailed, "%s", err.Error())
	case p.Stale || !ok:
		return nil, jrpc2.Errorf(requestFailed, "%s does not compile: its mistakes come first", p.Node)
	}
	return n, nil
}

func (s *server) lineage(ctx context.Context, a *asked, c commandParams) (any, error) {
	if err := a.settle(ctx); err != nil {
		return nil, err
	}
	n, ok := a.view.Node(a.path)
	if !ok || a.view.Program == nil {
		return nil, jrpc2.Errorf(requestFailed, "%s is no model, snapshot or seed", a.path)
	}
	l, err := s.options.Lineage(ctx, LineageQuery{View: a.view, Node: n, Column: c.Column})
	if err != nil {
		return nil, jrpc2.Errorf(requestFailed, "%s", err.Error())
	}
	return l, nil
}

// compiledAnswer is the answer of engine.compiled: what the template becomes.
type compiledAnswer struct {
	Node    string `json:"node"`    // kind.name
	Name    string `json:"name"`    // for the command line
	Project string `json:"project"` // folder
	// SQL is what the target is sent, and Text the query in its own dialect; Incremental and
	// IncrementalText are those of later builds, where these read new rows only.
	SQL             string `json:"sql"`
	Text            string `json:"text"`
	Dialect         string `json:"dialect"`
	Incremental     string `json:"incremental,omitempty"`
	IncrementalText string `json:"incrementalText,omitempty"`
	// Stale: the newest text does not compile; this is the last one that did.
	Stale bool `json:"stale,omitempty"`
}

func (s *server) compiled(ctx context.Context, a *asked) (any, error) {
	if err := a.known(ctx); err != nil {
		return nil, err
	}
	p, err := a.view.Compiled(a.path)
	if err != nil {
		return nil, jrpc2.Errorf(requestFailed, "%s", err.Error())
	}
	return compiledAnswer{
		Node: p.Node.String(), Name: p.Node.Name, Project: a.project.dir, SQL: cmp.Or(p.SQL, p.Text), Text: p.Text, Dialect: p.Dialect,
		Incremental: p.IncrementalSQL, IncrementalText: p.IncrementalText, Stale: p.Stale,
	}, nil
}

// rows are those of the common table expression at the place, where there is one, or of the
// model.
func (s *server) rows(ctx context.Context, a *asked, c commandParams) (any, error) {
	if err := a.settle(ctx); err != nil {
		return nil, err
	}
	n, err := a.node()
	if err != nil {
		return nil, err
	}
	q := RowsQuery{Dir: a.project.dir, View: a.view, Node: n, Limit: c.Limit}
	name := n.ID.Name
	if c.Position != nil {
		if p, err := a.view.CTE(a.path, a.offset(*c.Position)); err == nil && p.CTE != "" {
			q.CTE = p.CTE
			name += "." + p.CTE
		}
	}
	if q.Limit == 0 {
		s.mu.Lock()
		q.Limit = s.settings.Rows
		s.mu.Unlock()
	}
	if q.Limit < 1 || q.Limit > maxRows {
		q.Limit = defaultRows
	}
	var rows Rows
	if err := aside(ctx, func() (err error) {
		rows, err = s.options.Rows(ctx, q)
		return err
	}); err != nil {
		return nil, err
	}
	rows.Name = name
	return rows, nil
}
