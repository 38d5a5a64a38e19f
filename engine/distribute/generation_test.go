package distribute

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
)

// TestGeneration holds the text of slices against hashes: whoever changes what they give has to
// change generation, too, or customers whose configuration stays keep what the engine before
// made of it. A change of the text alone needs new hashes only.
func TestGeneration(t *testing.T) {
	want := map[string]string{
		"duckdb":   "1 1a1e63abe06fab4d",
		"postgres": "1 d72bd28adac3a06a",
		"bigquery": "1 5578722edd2d9b60",
	}
	for _, d := range []warehouse.Dialect{duckdb.Dialect{}, postgres.Dialect{}, bigquery.Dialect{}} {
		td, err := tenant.For(d)
		if err != nil {
			t.Fatal(err)
		}
		got := generation + " " + fingerprinted(td)
		if got != want[d.Name()] {
			t.Errorf("%s: slices are %q, and were %q: if they give other rows or values, change generation in make.go; in any case write the new hash here", d.Name(), got, want[d.Name()])
		}
	}
}

// fingerprinted hashes the statements that make what customers get, of rules and customers that
// have one of everything.
func fingerprinted(d tenant.Dialect) string {
	var text strings.Builder
	in := company()
	rules := in.Rules
	masked := rules[0]
	masked.Columns = append(append([]tenant.Column{}, masked.Columns...),
		tenant.Column{Name: "sku", Type: "VARCHAR", Mask: tenant.Mask{Kind: tenant.MaskHash}}, tenant.Column{Name: "hidden", Type: "VARCHAR"},
		tenant.Column{Name: "supplier", Type: "VARCHAR", Mask: tenant.Mask{Kind: tenant.MaskConstant, Constant: "redacted"}})
	rules = append(rules, masked)
	at := addr.Relation{Schema: "dw__publish"}
	named := func(name string) addr.Relation { return addr.Relation{Schema: at.Schema, Name: name} }
	frozen := tenant.Frozen{Tenants: named("tenants"), Links: named("links"), Transfers: named("transfers")}
	customers := in.Config.Customers
	customers[0].Links["material"], customers[0].Transfers["material"] = tenant.Keys{Count: 2, Hash: "l"}, tenant.Keys{Count: 1, Hash: "v"}
	var fields []tenant.Field
	for i, typ := range []warehouse.FieldType{warehouse.FieldText, warehouse.FieldNumber, warehouse.FieldInteger, warehouse.FieldDate, warehouse.FieldDatetime, warehouse.FieldBool, warehouse.FieldList} {
		fields = append(fields, tenant.Field{ID: fmt.Sprintf("f %d", i), Column: fmt.Sprintf("cf_f%d", i), Type: typ})
	}
	customers[0].Fields = map[string][]tenant.Field{"material": fields}
	for _, rule := range rules {
		for _, inline := range []int{500, 1} {
			for _, split := range []addr.Relation{{}, named("split_001")} {
				from := tenant.From{Inline: inline, Split: split}
				for _, c := range customers {
					query, columns := tenant.Slice(d, rule, c, frozen, from)
					fmt.Fprintln(&text, query, columns)
				}
				query, columns := tenant.SharedTable(d, rule, customers, frozen, from)
				fmt.Fprintln(&text, query, columns)
			}
		}
		view, _ := tenant.BarrierView(d, rule, customers[0], tenant.ListsIn(addr.Relation{Schema: "dw_acme"}), 500, addr.Relation{Schema: "dw_acme", Name: rule.As})
		fmt.Fprintln(&text, view)
		fmt.Fprintln(&text, tenant.Split(d, rule, frozen, []string{"acme", "bmw"}))
	}
	columns := []tenant.OldColumn{{Name: "number", Type: "BIGINT", From: "id"}, {Name: "text", Type: "VARCHAR", From: "n", Cast: true}, {Name: "gone", Type: "DATE"}}
	for _, table := range []addr.Relation{{}, {Schema: "dw_acme_v2", Name: "material"}} {
		fmt.Fprintln(&text, tenant.OldView(d, addr.Relation{Schema: "dw_acme", Name: "material"}, table, columns))
	}
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:8])
}
