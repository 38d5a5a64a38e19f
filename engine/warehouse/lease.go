package warehouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
)

// Holder says whose a lease is, for those who want it.
type Holder struct {
	Run     string    `json:"run"`
	Command string    `json:"command,omitempty"` // «build»
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid,omitempty"`
	Engine  string    `json:"engine,omitempty"` // version
	Start   time.Time `json:"start"`
	// Machine is the same for processes that see each other's PIDs, and Process tells a
	// process from a later one with its PID. Both are empty where the system does not say.
	Machine string `json:"machine,omitempty"`
	Process string `json:"process,omitempty"`
}

// Who is the holder for people: «ada@laptop (build, process 4711)».
func (h Holder) Who() string {
	who := h.Host
	if h.User != "" {
		who = h.User + "@" + h.Host
	}
	var more []string
	if h.Command != "" {
		more = append(more, "engine "+h.Command)
	}
	if h.PID != 0 {
		more = append(more, fmt.Sprintf("process %d", h.PID))
	}
	if len(more) == 0 {
		return who
	}
	return who + " (" + strings.Join(more, ", ") + ")"
}

// SameProcess reports whether both are certainly one process.
func (h Holder) SameProcess(o Holder) bool {
	return h.PID == o.PID && h.PID != 0 && h.Host == o.Host && h.Machine == o.Machine && h.Process == o.Process
}

// Lease is the right to write in one scope, held for a while by one run. Its times are of
// the warehouse's clock.
type Lease struct {
	Name    string // of the scope
	Holder  Holder
	Since   time.Time
	Renewed time.Time // the last heartbeat
	Now     time.Time // when this was read
	Expired bool      // by then
}

// Claim is a lease that a run wants, or has.
type Claim struct {
	// In is the table of leases. A warehouse without such a table keeps them in its schema.
	In     addr.Relation
	Name   string // of the scope
	Holder Holder
	TTL    time.Duration // from the last heartbeat until others may take it
	// Take is the run that the lease may be taken from before it expires; empty: none.
	Take string
	// Exact: the lease of another run is taken only as Holding has given it, which is Seen, nil for
	// none, whether it has expired or not, and Take does not count. One that was taken since then,
	// also by the run that had it, is *HeldError.
	Exact bool
	Seen  *Lease
}

// HeldError is that of a lease that another run holds.
type HeldError struct{ Lease Lease }

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is held by run %s of %s", e.Lease.Name, e.Lease.Holder.Run, e.Lease.Holder.Who())
}

// LostError is that of a lease that is no longer the run's own. By is who has it now, nil
// if nobody does.
type LostError struct{ By *Lease }

func (e *LostError) Error() string {
	if e.By == nil {
		return "the lease is gone"
	}
	return fmt.Sprintf("the lease was taken by run %s of %s", e.By.Holder.Run, e.By.Holder.Who())
}

// Leaser is the optional power of a Conn to keep leases. All methods are safe for
// concurrent use, by any number of processes, and measure time by the warehouse's clock.
type Leaser interface {
	// Acquire takes a lease that is free, expired, the run's own, or held by Claim.Take; an Exact
	// claim takes what it has seen, or its own.
	// before is the one that was taken over, of a run that did not give it back; nil if there
	// was none. Another's lease is *HeldError. What the lease is kept in is made if needed.
	Acquire(context.Context, Claim) (before *Lease, err error)
	// Renew is the heartbeat. It succeeds on an expired lease that nobody took. A lease that
	// is not the run's own is *LostError.
	Renew(context.Context, Claim) error
	// Release gives the lease back. One that is not the run's own stays as it is.
	Release(context.Context, Claim) error
	// Holding is the lease of the scope, nil if it is free. Nothing is made for the question.
	Holding(context.Context, Claim) (*Lease, error)
}

// Fencer is the optional power of a Tx to be committed only while a lease is held.
type Fencer interface {
	// Fence fails with *LostError if the lease is not the run's own, and keeps others from
	// taking it until the transaction ends. It belongs right before Commit.
	Fence(context.Context, Claim) error
}

// Guarded is the optional power of a Conn to which no other process can write, nor take a
// lease, as long as it is open: a lease of another process in it is one that died.
type Guarded interface{ Guarded() bool }

// BusyError is that of a warehouse that another process has for itself. It is the cause of
// an *OpenError.
type BusyError struct {
	PID     int    // 0 if unknown
	Program string // empty if unknown
}

func (e *BusyError) Error() string {
	switch {
	case e.PID == 0:
		return "another process has it"
	case e.Program == "":
		return fmt.Sprintf("process %d has it", e.PID)
	}
	return fmt.Sprintf("process %d (%s) has it", e.PID, e.Program)
}

// LeaseTable keeps leases as rows of a table, one per scope, for warehouses that have
// INSERT … ON CONFLICT and RETURNING. Every call is one statement, which is atomic, so that
// it works behind poolers that give each transaction another session.
type LeaseTable struct {
	Speller Speller
	// Clock is the warehouse's time at the moment at which the row is looked at, of type
	// timestamp, in UTC.
	Clock string
	// Ask sends one statement and gives the rows of its answer; all columns are texts, NULL
	// is "".
	Ask func(ctx context.Context, sql string) ([][]string, error)
	// Do sends a statement that has no answer.
	Do func(ctx context.Context, sql string) error
	// Missing reports that a statement failed because the table, or its schema, is not there,
	// and Again that it may succeed when sent anew.
	Missing, Again func(error) bool
}

const (
	leaseTries = 20
	leaseWait  = 5 * time.Millisecond
)

// leaseTime is how a timestamp reads as text: the sessions of all drivers write it so.
const leaseTime = "2006-01-02 15:04:05.999999"

func (t LeaseTable) name(c Claim) string { return t.Speller.Quote(c.In) }

func (t LeaseTable) until(c Claim) string {
	return fmt.Sprintf("%s + interval '%d milliseconds'", t.Clock, c.TTL.Milliseconds())
}

// ask repeats a statement that met another one of the kind.
func (t LeaseTable) ask(ctx context.Context, sql string) (rows [][]string, err error) {
	wait := leaseWait
	for try := 1; ; try++ {
		if rows, err = t.Ask(ctx, sql); err == nil || try == leaseTries || !t.Again(err) {
			return rows, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 200*time.Millisecond)
	}
}

// Acquire is that of Leaser.
func (t LeaseTable) Acquire(ctx context.Context, c Claim) (*Lease, error) {
	rows, err := t.ask(ctx, t.acquire(c))
	if err != nil && t.Missing(err) {
		if err := t.make(ctx, c); err != nil {
			return nil, err
		}
		rows, err = t.ask(ctx, t.acquire(c))
	}
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		held, err := t.Holding(ctx, c)
		if err != nil {
			return nil, err
		}
		if held == nil { // given back in between: whoever asks again may get it
			held = &Lease{Name: c.Name}
		}
		return nil, &HeldError{*held}
	}
	if rows[0][0] == "" {
		return nil, nil
	}
	before, err := t.lease(c, rows[0])
	if err == nil {
		before.Expired = before.Now.Sub(before.Renewed) > c.TTL
	}
	return before, err
}

func (t LeaseTable) acquire(c Claim) string {
	text := t.Speller.Literal
	others := fmt.Sprintf(" or l.expires_at < %s", t.Clock)
	switch {
	case c.Exact && c.Seen == nil:
		others = ""
	case c.Exact: // taking a lease changes when it was acquired, also for the run that has it
		others = fmt.Sprintf(" or l.run_id = %s and l.acquired_at = cast(%s as %s)", text(c.Seen.Holder.Run), text(c.Seen.Since.Format(leaseTime)), t.Speller.Words().Timestamp())
	case c.Take != "":
		others += " or l.run_id = " + text(c.Take)
	}
	return fmt.Sprintf(`insert into %s as l (scope, run_id, holder, acquired_at, renewed_at, expires_at) values (%s, %s, %s, %s, %s, %s) `+
		`on conflict (scope) do update set run_id = excluded.run_id, holder = excluded.holder, acquired_at = excluded.acquired_at, renewed_at = excluded.renewed_at, expires_at = excluded.expires_at, `+
		`previous = case when l.run_id = excluded.run_id then l.previous else l.holder end, `+
		`previous_since = case when l.run_id = excluded.run_id then l.previous_since else l.acquired_at end, `+
		`previous_renewed = case when l.run_id = excluded.run_id then l.previous_renewed else l.renewed_at end `+
		`where l.run_id = excluded.run_id%s `+
		`returning previous, cast(previous_since as %s), cast(previous_renewed as %s), cast(acquired_at as %s), ''`,
		t.name(c), text(c.Name), text(c.Holder.Run), text(EncodeHolder(c.Holder)), t.Clock, t.Clock, t.until(c),
		others, t.text(), t.text(), t.text())
}

func (t LeaseTable) text() string { return t.Speller.Words().Text() }

// make makes the table, and its schema if that is missing, too: a role may have the right to
// make tables in a schema that is there, and none to make schemas. Processes that do so at
// once do not get in each other's way.
func (t LeaseTable) make(ctx context.Context, c Claim) error {
	text, stamp := t.text(), t.Speller.Words().Timestamp()
	table := fmt.Sprintf("create table if not exists %s (scope %s not null primary key, run_id %s not null, holder %s, acquired_at %s, renewed_at %s, expires_at %s, previous %s, previous_since %s, previous_renewed %s)",
		t.name(c), text, text, text, stamp, stamp, stamp, text, stamp, stamp)
	err := t.do(ctx, table)
	if err != nil && t.Missing(err) {
		schema := t.Speller.Ident(c.In.Schema)
		if c.In.Database != "" {
			schema = t.Speller.Ident(c.In.Database) + "." + schema
		}
		if err = t.do(ctx, "create schema if not exists "+schema); err == nil {
			err = t.do(ctx, table)
		}
	}
	if err != nil {
		return fmt.Errorf("make the table of leases: %w", err)
	}
	return nil
}

// do repeats a statement that met another one of the kind.
func (t LeaseTable) do(ctx context.Context, sql string) (err error) {
	for range leaseTries {
		if err = t.Do(ctx, sql); err == nil || !t.Again(err) {
			break
		}
	}
	return err
}

// Renew is that of Leaser.
func (t LeaseTable) Renew(ctx context.Context, c Claim) error {
	rows, err := t.ask(ctx, fmt.Sprintf("update %s set renewed_at = %s, expires_at = %s where scope = %s and run_id = %s returning run_id",
		t.name(c), t.Clock, t.until(c), t.Speller.Literal(c.Name), t.Speller.Literal(c.Holder.Run)))
	if err != nil && !t.Missing(err) {
		return err
	}
	if len(rows) > 0 {
		return nil
	}
	return t.lost(ctx, c)
}

func (t LeaseTable) lost(ctx context.Context, c Claim) error {
	by, err := t.Holding(ctx, c)
	if err != nil {
		by = nil // that it is lost is certain
	}
	return &LostError{By: by}
}

// Release is that of Leaser.
func (t LeaseTable) Release(ctx context.Context, c Claim) error {
	_, err := t.ask(ctx, fmt.Sprintf("delete from %s where scope = %s and run_id = %s returning run_id",
		t.name(c), t.Speller.Literal(c.Name), t.Speller.Literal(c.Holder.Run)))
	if err != nil && t.Missing(err) {
		return nil
	}
	return err
}

// Holding is that of Leaser.
func (t LeaseTable) Holding(ctx context.Context, c Claim) (*Lease, error) {
	text := t.text()
	rows, err := t.ask(ctx, fmt.Sprintf("select holder, cast(acquired_at as %s), cast(renewed_at as %s), cast(%s as %s), case when expires_at < %s then 'true' else 'false' end from %s where scope = %s",
		text, text, t.Clock, text, t.Clock, t.name(c), t.Speller.Literal(c.Name)))
	if err != nil && t.Missing(err) {
		return nil, nil
	}
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return t.lease(c, rows[0])
}

// Mine is the query, of one row or none, whether the run has the lease: what Fence asks.
func (t LeaseTable) Mine(c Claim) string {
	return fmt.Sprintf("select 1 from %s where scope = %s and run_id = %s", t.name(c), t.Speller.Literal(c.Name), t.Speller.Literal(c.Holder.Run))
}

// Fence is that of Fencer, with the answer to Mine: whether there was a row.
func (t LeaseTable) Fence(ctx context.Context, c Claim, mine bool, err error) error {
	switch {
	case err != nil && !t.Missing(err):
		return err
	case mine:
		return nil
	}
	return t.lost(ctx, c)
}

// lease reads: holder, since, renewed, now, expired.
func (t LeaseTable) lease(c Claim, row []string) (*Lease, error) {
	if len(row) != 5 {
		return nil, errors.New("the answer about a lease has another form than asked for")
	}
	l := &Lease{Name: c.Name, Holder: DecodeHolder(row[0]), Expired: row[4] == "true"}
	for i, at := range []*time.Time{&l.Since, &l.Renewed, &l.Now} {
		if parsed, err := time.Parse(leaseTime, row[i+1]); err == nil {
			*at = parsed
		}
	}
	return l, nil
}

// EncodeHolder gives the one text form of a holder.

func EncodeHolder(h Holder) string {
	b, err := json.Marshal(h)
	if err != nil {
		panic(fmt.Sprintf("warehouse: a holder does not marshal: %v", err))
	}
	return string(b)
}

// DecodeHolder reads what EncodeHolder wrote. Of a text that is not ours nothing is known.
func DecodeHolder(s string) Holder {
	var h Holder
	if json.Unmarshal([]byte(s), &h) != nil {
		return Holder{}
	}
	return h
}
