package tenant_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"THC %": "thc", "Expiration Date": "expiration_date", "  Größe (cm) ": "grosse_cm", "Ångström": "angstrom", "日本語": "", "": "", "a--b__c": "a_b_c",
		"1st": "1st", "Œuvre №5": "oeuvre_no5", "'; drop table x; --": "drop_table_x", "ＦＵＬＬ": "full", "tab\tnew\nline": "tab_new_line",
	} {
		if got := tenant.Slug(in); got != want {
			t.Errorf("Slug(%q) = %q, want %q", in, got, want)
		}
	}
}

func fields(pairs ...string) []tenant.Field {
	var out []tenant.Field
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, tenant.Field{ID: pairs[i], Name: pairs[i+1], Type: warehouse.FieldText})
	}
	return out
}

func TestColumns(t *testing.T) {
	tests := []struct {
		name   string
		fields []tenant.Field
		first  map[string]string
		limit  int
		want   map[string]string // column by id
		said   []string
	}{
		{name: "plain", fields: fields("exp", "Expiration Date", "thc", "THC %"), want: map[string]string{"exp": "cf_expiration_date", "thc": "cf_thc"}},
		{name: "a column of the relation, without regard to case", fields: fields("q", "Quantity"), want: map[string]string{"q": "cf_quantity_q"},
			said: []string{`warning customer-field: custom field "q" of "material" becomes "cf_quantity_q": column "CF_Quantity" of the relation has the name "cf_quantity"`}},
		{name: "another field", fields: fields("b", "Shelf", "a", "shelf"), want: map[string]string{"a": "cf_shelf", "b": "cf_shelf_b"},
			said: []string{`warning customer-field: custom field "b" of "material" becomes "cf_shelf_b": field "a" has the name "cf_shelf"`}},
		{name: "letters of other alphabets", fields: fields("f-1", "日本", "f.2", "Größe"), want: map[string]string{"f-1": "cf_f_1", "f.2": "cf_grosse"}},
		{name: "nothing to call it by", fields: fields("日本", "日本"), want: map[string]string{"日本": "cf_cf2abf0c"}},
		{name: "renamed in the app", fields: fields("exp", "Best before", "new", "Expiration Date"), first: map[string]string{"exp": "cf_expiration_date"}, want: map[string]string{"exp": "cf_expiration_date", "new": "cf_expiration_date_new"},
			said: []string{`warning customer-field: custom field "new" of "material" becomes "cf_expiration_date_new": field "exp" has the name "cf_expiration_date"`}},
		{name: "the model has got a column of the name since", fields: fields("q", "Q"), first: map[string]string{"q": "cf_quantity"}, want: map[string]string{"q": "cf_q"},
			said: []string{`warning customer-field: custom field "q" of "material" was "cf_quantity" until now, which is column "CF_Quantity" of the relation`}},
		{name: "long", fields: fields("a", strings.Repeat("x", 100), "b", strings.Repeat("x", 100)+"y"), limit: 24, want: map[string]string{"a": "cf_xxxxxxxxxxxx_df19688e", "b": "cf_xxxxxxxxxxxx_d7a329e7"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rule := material()
			rule.Columns = append(rule.Columns, tenant.Column{Name: "CF_Quantity"})
			got, list := tenant.Columns(rule, tt.fields, tt.first, warehouse.Caps{MaxIdentifier: tt.limit})
			columns := map[string]string{}
			for i, f := range got {
				columns[f.ID] = f.Column
				if i > 0 && got[i-1].ID >= f.ID {
					t.Error("the fields are not in order of their ids")
				}
				if tt.limit > 0 && len(f.Column) > tt.limit {
					t.Errorf("%q is too long", f.Column)
				}
			}
			if diff := cmp.Diff(tt.want, columns); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.said, said(list)); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
		})
	}
}

// TestManyFields: five hundred fields, most of which want one name, get a column each.
func TestManyFields(t *testing.T) {
	var list []tenant.Field
	for i := range 500 {
		list = append(list, tenant.Field{ID: fmt.Sprint(strings.Repeat("%", i%7), i%250, strings.Repeat("!", i/250)), Name: []string{"Shelf", "shelf ", "日本", ""}[i%4]})
	}
	plain := regexp.MustCompile(`^cf_[a-z0-9_]+$`)
	for _, limit := range []int{0, 20, 63} {
		got, _ := tenant.Columns(material(), list, nil, warehouse.Caps{MaxIdentifier: limit})
		seen := map[string]bool{}
		for _, f := range got {
			if seen[f.Column] || !plain.MatchString(f.Column) || limit > 0 && len(f.Column) > limit {
				t.Fatalf("limit %d: field %q becomes %q", limit, f.ID, f.Column)
			}
			seen[f.Column] = true
		}
		if len(seen) != 500 {
			t.Errorf("%d columns", len(seen))
		}
		again, _ := tenant.Columns(material(), got, nil, warehouse.Caps{MaxIdentifier: limit})
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("again is otherwise:\n%s", diff)
		}
	}
}

func TestSchemas(t *testing.T) {
	d := distribution()
	tests := []struct {
		name string
		c    tenant.Customer
		with func(*project.Distribution)
		want tenant.SchemaSet
		all  []string
	}{
		{name: "newest", c: tenant.Customer{Name: "acme", Contract: 3}, want: tenant.SchemaSet{Main: "dw_acme", Tables: "dw_acme", Lakes: map[string]string{"trace": "dl_acme_trace"}}, all: []string{"dw_acme", "dl_acme_trace"}},
		{name: "older", c: tenant.Customer{Name: "acme", Contract: 2}, want: tenant.SchemaSet{Main: "dw_acme", Tables: "dw_acme_v3", Lakes: map[string]string{"trace": "dl_acme_trace"}}, all: []string{"dw_acme", "dw_acme_v3", "dl_acme_trace"}},
		{name: "principals", c: tenant.Customer{Name: "acme", Contract: 3, Principals: []string{"p"}}, want: tenant.SchemaSet{Main: "dw_acme", Tables: "dw_acme", Lakes: map[string]string{"trace": "dl_acme_trace"}, Workspace: "ws_acme"}, all: []string{"dw_acme", "dl_acme_trace"}},
		{name: "no workspace", c: tenant.Customer{Name: "acme", Contract: 3, Principals: []string{"p"}}, with: func(d *project.Distribution) { d.Workspace.V = project.NoWorkspace }, want: tenant.SchemaSet{Main: "dw_acme", Tables: "dw_acme", Lakes: map[string]string{"trace": "dl_acme_trace"}}, all: []string{"dw_acme", "dl_acme_trace"}},
		{name: "templates", c: tenant.Customer{Name: "acme", Contract: 3}, with: func(d *project.Distribution) {
			d.CustomerSchema.V, d.LakeSchema.V, d.Workspace.V, d.WorkspaceSchema.V = "{customer}_dw", "{source}_of_{customer}", project.Separate, "x_{customer}"
		}, want: tenant.SchemaSet{Main: "acme_dw", Tables: "acme_dw", Lakes: map[string]string{"trace": "trace_of_acme"}, Workspace: "x_acme"}, all: []string{"acme_dw", "trace_of_acme"}},
	}
	for _, tt := range tests {
		of := *d
		if tt.with != nil {
			tt.with(&of)
		}
		got := tenant.Schemas(&of, tt.c, []string{"trace"}, 3)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.all, got.All()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestSchemasCollide: longer than allowed, those of the project, those of another customer's
// tables under an older contract.
func TestSchemasCollide(t *testing.T) {
	_, list := tenant.Read(distribution(), parts(
		relation(project.Customers, "customer contract", []any{"acme", int64(1)}, []any{"acme_v2", nil}, []any{"core", nil}, []any{strings.Repeat("long", 20), nil}),
		relation(project.CustomerTenants, "customer tenant", []any{"acme", int64(1)}, []any{"acme_v2", int64(1)}, []any{"core", int64(1)}, []any{strings.Repeat("long", 20), int64(1)}),
	), tenant.Options{Contracts: []tenant.Contract{{Version: 1}, {Version: 2}}, Reserved: []string{"DW_Core", "dw__publish"}, Caps: warehouse.Caps{MaxIdentifier: 63}})
	want := []string{
		`error customer-schema: schema "dw_acme_v2" of customer "acme_v2" is that of customer "acme", too`,
		`error customer-schema: schema "dw_core" of customer "core" is that of the project itself, too`,
		`error customer-schema: schema "dw_longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong" of customer "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong" has 83 bytes, and the warehouse allows 63`,
		`error customer-schema: workshop_schema "dw__publish" is a schema of the project`,
	}
	if diff := cmp.Diff(want, said(list)); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}
