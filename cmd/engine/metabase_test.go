package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	peer "github.com/engine-build/engine/internal/testpeer/metabase"
)

// shownIn gives a script a Metabase of its own, with the tables that its project builds: orders,
// customers, and one that it has not heard of yet.
func shownIn(e *testscript.Env) {
	p := peer.Start()
	e.Defer(p.Close)
	e.Setenv("METABASE_URL", p.URL)
	e.Setenv("METABASE_API_KEY", p.Key)
	p.Wrapped = true
	b := p.AddBase("Warehouse", "duckdb")
	orders := p.AddTable(b, "main", "orders", "id", "customer_id", "amount")
	p.AddTable(b, "main", "customers", "id", "name")
	p.AddUnseen(b, "main", "late", "id")
	acme := p.AddBase("DW acme", "duckdb")
	p.AddTable(acme, "dw_acme", "orders", "id", "customer_id", "amount", "tenant_id")
	card := p.AddCard("root", "Orders by day", fmt.Sprintf(`{"lib/type": "mbql/query", "database": %d, "stages": [{"lib/type": "mbql.stage/mbql", "source-table": %d}]}`, b.ID, orders.ID))
	p.AddCard("root", "With names", fmt.Sprintf(`{"database": %d, "type": "native", "native": {"query": "with c as (select * from customers) select * from c join {{#%d}} using (id)"}}`, b.ID, card))
	p.AddCard("root", "Nothing of ours", fmt.Sprintf(`{"database": %d, "type": "native", "native": {"query": "select 1"}}`, b.ID))
	p.AddDashboard("root", "Board", false, card)
	if strings.HasSuffix(e.WorkDir, "metabase_unseen") { // a key that may not look at people
		p.Break(&peer.Fault{Path: "/api/user", Status: http.StatusForbidden, Times: 100, Body: "You don't have permissions to do that."})
	}
}
