package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// What a customer has is looked at one by one only if its schemas have other relations than when
// they were published, or looked at, before. A relation that somebody drops and makes anew has
// another number, and so has everything in a copy that is restored.

// The queries give, of schemas ($1), a hash over whose each is and the names, kinds and numbers of
// all relations in it. Of many schemas a look at all relations is cheaper than one for each.
const (
	stampOneQuery = stampHead + `
join pg_catalog.pg_depend as x on x.refclassid = 'pg_catalog.pg_namespace'::regclass and x.refobjid = n.oid and x.classid = 'pg_catalog.pg_class'::regclass
join pg_catalog.pg_class as c on c.oid = x.objid and c.relnamespace = n.oid` + stampTail
	stampAllQuery = stampHead + `
join pg_catalog.pg_class as c on c.relnamespace = n.oid` + stampTail
	stampHead = `select n.nspname, md5(n.oid::text || ' ' || coalesce(pg_catalog.obj_description(n.oid, 'pg_namespace'), '') || pg_catalog.string_agg(' ' || c.oid::text || c.relkind::text || c.relname::text, '' order by c.oid))
from pg_catalog.pg_namespace as n`
	stampTail = ` and c.relkind in ('r', 'p', 'f', 'v', 'm')
where n.nspname = any($1::text[]) group by n.oid, n.nspname`
)

// stamps are the hashes of schemas that have relations.
func (s session) stamps(ctx context.Context, query string, schemas []string) (map[string]string, error) {
	out := map[string]string{}
	err := s.ask(ctx, query, [][]byte{textArray(schemas)}, func(v [][]byte) { out[string(v[0])] = string(v[1]) })
	return out, err
}

// stampOf is that of a customer, whose schemas have these stamps.
func stampOf(spec warehouse.ReleaseSpec, stamps map[string]string) string {
	h := sha256.New()
	for _, schema := range spec.Schemas {
		h.Write([]byte(strings.Join([]string{schema, stamps[schema], ""}, "\x00")))
	}
	h.Write([]byte(spec.Owner + "\x00" + spec.Customer))
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Stamp implements warehouse.Stamper.
func (r *release) Stamp(ctx context.Context) string {
	stamps, err := r.c.stamps(ctx, stampOneQuery, r.spec.Schemas)
	if err != nil || stamps[r.spec.Schemas[0]] == "" {
		return "" // then somebody looks
	}
	return stampOf(r.spec, stamps)
}
