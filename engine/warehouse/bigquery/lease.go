package bigquery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Leaser = (*conn)(nil)

// A lease is a table without rows, one per scope, whose description says who has it. It is
// made by tables.insert, which refuses a second one, and changed by tables.patch under the
// condition that its etag is still the one that was read, so that of two that want it one
// gets it. No statement is sent, and nothing is billed.

// leaseKept is how long the service keeps the table after it was last written: it is
// removed by its expirationTime where nobody builds any more.
const leaseKept = 30 * 24 * time.Hour

// leaseDocument is the table's description. Times are milliseconds of the service's clock.
type leaseDocument struct {
	Scope    string           `json:"scope"`
	Holder   warehouse.Holder `json:"holder"`
	Since    int64            `json:"since"`
	Renewed  int64            `json:"renewed"`
	TTL      int64            `json:"ttl"` // milliseconds
	Released bool             `json:"released,omitempty"`
}

func (d leaseDocument) lease(now time.Time) *warehouse.Lease {
	return &warehouse.Lease{
		Name: d.Scope, Holder: d.Holder, Since: time.UnixMilli(d.Since).UTC(), Renewed: time.UnixMilli(d.Renewed).UTC(),
		Now: now, Expired: now.UnixMilli() > d.Renewed+d.TTL,
	}
}

// leaseTable is the table for a scope, whose name may have signs that tables' names may not.
func leaseTable(c warehouse.Claim) addr.Relation {
	sum := sha256.Sum256([]byte(c.Name))
	return addr.Relation{Database: c.In.Database, Schema: c.In.Schema, Name: "lease_" + hex.EncodeToString(sum[:8])}
}

func readLease(table resource) leaseDocument {
	var d leaseDocument
	if json.Unmarshal([]byte(table.text("description")), &d) != nil {
		return leaseDocument{Released: true} // not ours, so nobody's
	}
	return d
}

// serviceNow is the service's clock: that of the machine, corrected by what the latest
// answer said. It is right to a second.
func (c *conn) serviceNow() time.Time {
	return time.Now().Add(time.Duration(c.skew.Load())).UTC()
}

// noteClock learns from an answer how far the service's clock is from ours.
func (c *conn) noteClock(answer *http.Response) {
	at, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return
	}
	// The header has whole seconds: half of one on average was cut.
	c.skew.Store(int64(at.Add(500 * time.Millisecond).Sub(time.Now())))
}

// written is what a table with the document is to have.
func (d leaseDocument) written(now time.Time) (resource, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return resource{"description": string(text), "expirationTime": strconv.FormatInt(now.Add(leaseKept).UnixMilli(), 10)}, nil
}

// Acquire is that of warehouse.Leaser.
func (c *conn) Acquire(ctx context.Context, claim warehouse.Claim) (before *warehouse.Lease, err error) {
	rel, t := leaseTable(claim), &trail{}
	for turn := 1; turn <= maxTurns; turn++ {
		made, err := c.makeLease(ctx, t, claim, rel)
		if err != nil || made {
			return nil, err
		}
		before = nil
		err = c.patchTable(ctx, t, rel, func(table resource) (resource, error) {
			now, d := c.serviceNow(), readLease(table)
			before = nil
			if !d.Released && d.Holder.Run != claim.Holder.Run {
				before = d.lease(now)
				free := before.Expired || d.Holder.Run == claim.Take
				if claim.Exact {
					free = claim.Seen != nil && d.Holder.Run == claim.Seen.Holder.Run && d.Since == claim.Seen.Since.UnixMilli()
				}
				if !free {
					return nil, &warehouse.HeldError{Lease: *before}
				}
			}
			next := claimed(claim, now)
			next.Since = max(next.Since, d.Since+1) // the clock is right to a second; an exact claim tells one taking from another by it
			next.Renewed = max(next.Renewed, next.Since)
			return next.written(now)
		})
		if notFound(err) { // it went in between
			continue
		}
		if err != nil {
			before = nil
		}
		return before, err
	}
	return nil, errors.New("the table of the lease comes and goes")
}

func claimed(c warehouse.Claim, now time.Time) leaseDocument {
	return leaseDocument{Scope: c.Name, Holder: c.Holder, Since: now.UnixMilli(), Renewed: now.UnixMilli(), TTL: c.TTL.Milliseconds()}
}

// makeLease makes the table if there is none. made is false when there is.
func (c *conn) makeLease(ctx context.Context, t *trail, claim warehouse.Claim, rel addr.Relation) (made bool, err error) {
	_, err = c.getTable(ctx, t, rel)
	if !notFound(err) {
		return false, err
	}
	ref := c.ref(rel)
	now := c.serviceNow()
	table, err := claimed(claim, now).written(now)
	if err != nil {
		return false, err
	}
	table["tableReference"] = map[string]any{"projectId": ref.ProjectId, "datasetId": ref.DatasetId, "tableId": ref.TableId}
	table["schema"] = map[string]any{"fields": []any{map[string]any{"name": "scope", "type": "STRING"}}}
	insert := func() error {
		return c.request(ctx, t, http.MethodPost, place("projects", ref.ProjectId, "datasets", ref.DatasetId, "tables"), nil, "", table, nil)
	}
	err = insert()
	if notFound(err) {
		if err = c.makeDataset(ctx, t, rel.Database, rel.Schema); err == nil || hasStatus(err, http.StatusConflict) {
			err = insert()
		}
	}
	if hasStatus(err, http.StatusConflict) {
		return false, nil
	}
	return err == nil, err
}

// Renew is that of warehouse.Leaser.
func (c *conn) Renew(ctx context.Context, claim warehouse.Claim) error {
	err := c.patchTable(ctx, &trail{}, leaseTable(claim), func(table resource) (resource, error) {
		now, d := c.serviceNow(), readLease(table)
		switch {
		case d.Released:
			return nil, &warehouse.LostError{}
		case d.Holder.Run != claim.Holder.Run:
			return nil, &warehouse.LostError{By: d.lease(now)}
		}
		d.Renewed, d.TTL = now.UnixMilli(), claim.TTL.Milliseconds()
		return d.written(now)
	})
	if notFound(err) {
		return &warehouse.LostError{}
	}
	return err
}

// Release is that of warehouse.Leaser. The table stays: to remove it could hit the one that
// another run made in the meantime.
func (c *conn) Release(ctx context.Context, claim warehouse.Claim) error {
	err := c.patchTable(ctx, &trail{}, leaseTable(claim), func(table resource) (resource, error) {
		d := readLease(table)
		if d.Released || d.Holder.Run != claim.Holder.Run {
			return nil, nil
		}
		d.Released = true
		return d.written(c.serviceNow())
	})
	if notFound(err) {
		return nil
	}
	return err
}

// Holding is that of warehouse.Leaser.
func (c *conn) Holding(ctx context.Context, claim warehouse.Claim) (*warehouse.Lease, error) {
	table, err := c.getTable(ctx, &trail{}, leaseTable(claim))
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if d := readLease(table); !d.Released {
		return d.lease(c.serviceNow()), nil
	}
	return nil, nil
}
