package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// profile is the shape of a graph.
type profile string

const (
	flat    profile = "A" // models that read a seed and nothing else, three tests each
	chains  profile = "B" // chains of 20 models
	layered profile = "C" // 30 % sources, 30 % staging, 25 % intermediate, 15 % marts
	macros  profile = "D" // as C; three models in ten call a macro or loop over a list
)

var profiles = map[profile]string{
	flat: "flat, 3 tests each", chains: "chains of 20", layered: "layered, joins and windows", macros: "layered, 30 % macros and loops",
}

// node is a model in the words that all tools share. Every model has the columns id (unique),
// customer_id, status, amount and ordered_on, so that any can read any.
type node struct {
	name  string
	layer string
	seed  bool    // reads the seed
	text  []piece // of the SQL
	tests bool
}

// piece is a part of a model's SQL: one field is set.
type piece struct {
	text string
	ref  string // a model
	seed bool   // the seed
	// bucket is a column to put into classes by the macro of that name.
	bucket string
	// perStatus is a line for each status, with %s where it stands.
	perStatus string
}

// statuses are what the column status holds.
var statuses = []string{"new", "paid", "sent", "done"}

// Shape of the layers: the share of intermediate models that read other intermediate models,
// how deep those may go, and how long chains are.
const (
	maxDepth    = 12
	chainLength = 20
	perDir      = 100 // models of one folder, which share a properties file
)

// graph plans a project: models in an order in which refs point backwards. The same arguments
// give the same graph.
func graph(p profile, models int, seed uint64) []node {
	r := rand.New(rand.NewPCG(seed, 1))
	switch p {
	case flat:
		out := make([]node, models)
		for i := range out {
			out[i] = node{name: name("flat", i), layer: "flat", seed: true, tests: true, text: source(i)}
		}
		return out
	case chains:
		out := make([]node, models)
		for i := range out {
			if out[i] = (node{name: name("link", i), layer: "links", seed: true, text: source(i)}); i%chainLength > 0 {
				out[i].seed, out[i].text = false, staging(out[i-1].name, i, false)
			}
		}
		return out
	}
	return layers(r, models, p == macros)
}

func name(prefix string, i int) string { return fmt.Sprintf("%s_%05d", prefix, i) }

func layers(r *rand.Rand, models int, withMacros bool) []node {
	sources, stagings, inters := max(models*30/100, 1), max(models*30/100, 1), max(models*25/100, 1)
	marts := max(models-sources-stagings-inters, 1)
	macro := func() bool { return withMacros && r.IntN(10) < 3 }

	var out []node
	for i := range sources {
		out = append(out, node{name: name("src", i), layer: "sources", seed: true, text: source(i)})
	}
	for i := range stagings {
		out = append(out, node{name: name("stg", i), layer: "staging", tests: true, text: staging(name("src", i%sources), i, macro())})
	}
	depth := make([]int, inters)
	for i := range inters {
		from := func() string { // mostly a staging model, else one of the layer
			if i == 0 || r.IntN(10) < 5 {
				return name("stg", r.IntN(stagings))
			}
			k := r.IntN(i)
			if depth[k] >= maxDepth-4 { // with seeds, sources, staging and marts around
				return name("stg", r.IntN(stagings))
			}
			depth[i] = max(depth[i], depth[k]+1)
			return name("int", k)
		}
		a, b := from(), from()
		out = append(out, node{name: name("int", i), layer: "intermediate", text: intermediate(r.IntN(4), a, b, macro())})
	}
	for i := range marts {
		a := name("int", r.IntN(inters))
		b := a
		if r.IntN(2) == 0 {
			b = name("int", r.IntN(inters))
		}
		out = append(out, node{name: name("mart", i), layer: "marts", tests: true, text: mart(a, b, macro())})
	}
	return out
}

func text(format string, args ...any) piece { return piece{text: fmt.Sprintf(format, args...)} }

func ref(name string) piece { return piece{ref: name} }

func source(i int) []piece {
	return []piece{
		text("-- orders of one branch, as they came\nselect\n    id,\n    customer_id,\n    status,\n    amount,\n    ordered_on\nfrom "),
		{seed: true},
		text("\nwhere mod(id, %d) = %d\n", 7, i%7),
	}
}

func staging(from string, i int, macro bool) []piece {
	class := text("    case when amount < %d then 'small' else 'large' end as size_class", 1000+i%500)
	if macro {
		class = piece{bucket: "amount"}
	}
	return []piece{
		text("with orders as (\n    select *\n    from "), ref(from),
		text("\n),\n\nclean as (\n    select\n        id,\n        customer_id,\n        lower(trim(status)) as status,\n        coalesce(amount, 0) as amount,\n        ordered_on\n    from orders\n    where id is not null\n      and amount >= %d\n)\n\nselect\n    id,\n    customer_id,\n    status,\n    amount,\n    ordered_on,\n", i%3),
		class,
		text("\nfrom clean\n"),
	}
}

// intermediate is one of four shapes over two models.
func intermediate(shape int, a, b string, macro bool) []piece {
	switch {
	case shape == 0:
		return []piece{
			text("with ranked as (\n    select\n        id,\n        customer_id,\n        status,\n        amount,\n        ordered_on,\n        row_number() over (partition by customer_id order by ordered_on desc, id desc) as place\n    from "), ref(a),
			text("\n)\n\nselect\n    id,\n    customer_id,\n    status,\n    amount,\n    ordered_on\nfrom ranked\nwhere place <= 3\n"),
		}
	case shape == 1 || macro:
		per := []piece{}
		if macro {
			per = append(per, piece{perStatus: "    cast(sum(case when status = '%s' then amount else 0 end) as bigint) as %s_amount,\n"})
		}
		return slices.Concat([]piece{text("-- one row per customer and status\nselect\n    min(id) as id,\n    customer_id,\n    status,\n")}, per,
			[]piece{text("    cast(sum(amount) as bigint) as amount,\n    max(ordered_on) as ordered_on\nfrom "), ref(a), text("\ngroup by\n    customer_id,\n    status\n")})
	case shape == 2 || a == b:
		return []piece{
			text("select\n    id,\n    customer_id,\n    status,\n    amount,\n    ordered_on\nfrom "), ref(a), text("\nwhere status <> 'new'\n   or amount > 500\n"),
		}
	}
	return []piece{
		text("with orders as (\n    select *\n    from "), ref(a), text("\n),\n\nextra as (\n    select\n        id,\n        amount\n    from "), ref(b),
		text("\n)\n\nselect\n    orders.id,\n    orders.customer_id,\n    orders.status,\n    orders.amount + coalesce(extra.amount, 0) as amount,\n    orders.ordered_on\nfrom orders\nleft join extra\n    on extra.id = orders.id\n"),
	}
}

func mart(a, b string, macro bool) []piece {
	per := []piece{}
	if macro {
		per = append(per, piece{perStatus: "    cast(sum(case when status = '%s' then amount else 0 end) as bigint) as %s_amount,\n"})
	}
	second := []piece{}
	if a != b {
		second = []piece{text("\n    union all\n    select\n        customer_id,\n        status,\n        amount,\n        ordered_on\n    from "), ref(b)}
	}
	return slices.Concat(
		[]piece{text("with parts as (\n    select\n        customer_id,\n        status,\n        amount,\n        ordered_on\n    from "), ref(a)}, second,
		[]piece{text("\n)\n\nselect\n    customer_id as id,\n    customer_id,\n    max(status) as status,\n")}, per,
		[]piece{text("    cast(sum(amount) as bigint) as amount,\n    max(ordered_on) as ordered_on\nfrom parts\ngroup by customer_id\n")})
}

// rows of the seed.
const seedRows, seedCustomers = 3000, 400

// seedCSV is the data that all models are made of.
func seedCSV(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 2))
	var b strings.Builder
	b.WriteString("id,customer_id,status,amount,ordered_on\n")
	for i := range seedRows {
		fmt.Fprintf(&b, "%d,%d,%s,%d,2026-%02d-%02d\n", i+1, r.IntN(seedCustomers)+1, statuses[r.IntN(len(statuses))], r.IntN(100_000), r.IntN(12)+1, r.IntN(28)+1)
	}
	return b.String()
}
