package example

import (
	"fmt"
	"strings"
)

// tenant is a company on the platform with its master data.
type tenant struct {
	id        int64
	kind      string // cultivator, processor, retailer, vertical
	license   string
	users     []int64
	locations []int64
	vault     int64
	machines  map[string]int64 // by kind
	suppliers []int64
	buyers    []int64
	products  map[string]int64 // by product key
	fields    []field          // custom fields of materials

	// stock holds the open lot of each consumable and the mother plant.
	stock map[string]*material
	// heel is the rest of the last distillate, blended into the next one.
	heel *material
	// heelAge counts the blends since the chain began.
	heelAge int
	pending []*material // not written yet
	cart    []line      // sale lines not yet on a sale
}

// field is a custom field's definition.
type field struct{ id, name, kind string }

// product is an entry of the catalogue that every tenant gets a copy of.
type product struct {
	key, name, category, unit string
	price                     int64 // per unit, thousandths
	weight                    int64 // grams per unit, thousandths; 0: sold by weight
}

var catalogue = []product{
	{"mother", "Mother Plant", "plant", "g", 900, 0},
	{"nutrient", "Nutrient Solution", "consumable", "g", 4, 0},
	{"ethanol", "Ethanol 99.9 %", "consumable", "g", 9, 0},
	{"terpene", "Terpene Blend", "consumable", "g", 950, 0},
	{"sugar", "Cane Sugar, organic", "consumable", "g", 3, 0},
	{"tray", "Clone Tray", "plant", "g", 700, 0},
	{"plant", "Vegetative Plant", "plant", "g", 300, 0},
	{"flowering", "Flowering Plant", "plant", "g", 450, 0},
	{"wet", "Wet Harvest", "bulk", "g", 500, 0},
	{"dried", "Dried Harvest", "bulk", "g", 1900, 0},
	{"flower", "Trimmed Flower", "bulk", "g", 2600, 0},
	{"trim", "Trim", "bulk", "g", 350, 0},
	{"grade_a", "Flower Grade A", "bulk", "g", 3100, 0},
	{"grade_b", "Flower Grade B", "bulk", "g", 2000, 0},
	{"smalls", "Smalls", "bulk", "g", 1400, 0},
	{"pack", "Flower 1 lb", "package", "each", 1450000, 453592},
	{"jar", "Flower Jar 3.5 g", "package", "each", 24000, 3500},
	{"ground", "Ground Flower", "bulk", "g", 1700, 0},
	{"preroll", "Pre-Roll 1 g", "package", "each", 6500, 1000},
	{"crude", "Crude Extract", "extract", "g", 4200, 0},
	{"distillate", "Distillate", "extract", "g", 8800, 0},
	{"oil", "Cartridge Oil", "extract", "g", 9900, 0},
	{"cartridge", "Cartridge 0.5 g", "package", "each", 19000, 500},
	{"gummies", "Gummies Lot", "edible", "g", 260, 0},
	{"edible", "Gummies 10 pcs", "package", "each", 14500, 45000},
}

var (
	names = []string{"Alder Farms", "Birch & Sons", "Cedar Ridge", "Dogwood Labs", "Elm Street Retail", "Fir Valley",
		"Gingko Extracts", "Hazel Holdings", "Ironwood", "Juniper Stores", "Kauri Growers", "Larch Kitchens"}
	states = []string{"CA", "CO", "MI", "NV", "OR"}
	kinds  = []string{"cultivator", "cultivator", "vertical", "processor", "retailer", "cultivator",
		"processor", "vertical", "cultivator", "retailer", "vertical", "processor"}
	plans      = []string{"starter", "business", "enterprise"}
	firstNames = []string{"Ada", "Bela", "Chen", "Dana", "Emeka", "Fatou", "Goran", "Hana", "Ines", "Jürgen", "Kim", "Lea"}
	lastNames  = []string{"Abel", "Brandt", "Costa", "Diaz", "Evans", "Fischer", "Garcia", "Hansen", "Ivanov", "Jones"}
	roles      = []string{"admin", "grower", "operator", "operator", "sales"}
	machines   = []string{"dryer", "trimmer", "sorter", "packer", "mill", "extractor", "still", "filler", "kettle"}
	rooms      = []struct {
		name, kind string
		area       int64
	}{{"Plant 1", "site", 2400000}, {"Grow Room A", "room", 320500}, {"Process Room", "room", 180000}, {"Vault", "vault", 42250}, {"Dock", "dock", 60000}}

	// materialFields is the pool of custom fields; every tenant defines some of them.
	materialFields = []field{
		{"expiration_date", "Expiration Date", "date"},
		{"thc_percent", "THC %", "number"},
		{"moisture", "Moisture", "number"},
		{"organic", "Organic", "boolean"},
		{"shelf", "Shelf", "string"},
		{"box count", "Box Count", "integer"},
		{"inspected_at", "Inspected At", "datetime"},
		{"allergens", "Allergens", "multi_select"},
		{"größe", "Größe", "string"},
	}
)

func tenantCount(materials int) int {
	return min(12+materials/25_000, 60)
}

// company writes the master data and returns the tenants in order of id.
func (g *generator) company() []*tenant {
	out := make([]*tenant, tenantCount(g.o.Materials))
	for i := range out {
		out[i] = g.newTenant(i)
	}
	g.accounts(out)
	return out
}

func (g *generator) newTenant(i int) *tenant {
	name := names[i%len(names)]
	if round := i / len(names); round > 0 {
		name = fmt.Sprintf("%s %d", name, round+1)
	}
	slug := strings.Trim(strings.Map(func(r rune) rune {
		if r == ' ' || r == '&' {
			return '-'
		}
		return r
	}, strings.ToLower(strings.ReplaceAll(name, " & ", " "))), "-")
	t := &tenant{
		id: int64(440 + 36*i), kind: kinds[i%len(kinds)],
		machines: map[string]int64{}, products: map[string]int64{}, stock: map[string]*material{},
	}
	state := states[i%len(states)]
	t.license = fmt.Sprintf("%s-LIC-%05d", state, 10000+t.id*7)
	g.f.tenant.int(t.id).text(name).text(slug).text(name + " LLC").text(state).text(t.license).text(t.kind).
		text(plans[i%len(plans)]).bool(true).at(g.start).at(g.start + int64(i)*day).end()
	g.people(t, slug)
	g.sites(t)
	g.partners(t)
	g.products(t, i)
	g.fields(t, i)
	return t
}

func (g *generator) people(t *tenant, slug string) {
	for j, role := range roles {
		id := g.next("user")
		first, last := firstNames[g.n(len(firstNames))], lastNames[g.n(len(lastNames))]
		email := fmt.Sprintf("%s.%s%d@%s.example", strings.ToLower(first), strings.ToLower(last), j, slug)
		if g.permille(30) { // typed by hand: wrong case and a space
			email = strings.ToUpper(email) + " "
		}
		g.f.user.int(id).int(t.id).text(email).text(first + " " + last).text(role).bool(!g.permille(80)).
			at(g.start).at(g.start + int64(g.n(300))*day).end()
		t.users = append(t.users, id)
	}
}

func (g *generator) sites(t *tenant) {
	var site int64
	for _, r := range rooms {
		id := g.next("location")
		g.f.location.int(id).int(t.id).id(site).text(r.name).text(r.kind).dec(r.area).bool(true).at(g.start).at(g.start).end()
		if site == 0 {
			site = id
		}
		if r.kind == "vault" {
			t.vault = id
		}
		t.locations = append(t.locations, id)
	}
	for _, kind := range machines {
		id := g.next("machine")
		var retired int64
		if g.permille(60) {
			retired = g.end + day
		}
		g.f.machine.int(id).int(t.id).int(t.locations[2]).text(strings.ToUpper(kind[:1]) + kind[1:] + " 1").text(kind).
			text(fmt.Sprintf("SN-%06d", g.n(1_000_000))).dec(int64(8+g.n(60)) * 1000).
			at(g.start - int64(g.n(900))*day).at(retired).at(g.start).end()
		t.machines[kind] = id
	}
}

func (g *generator) partners(t *tenant) {
	for j := range 7 {
		id, kind := g.next("partner"), "customer"
		if j < 2 {
			kind = "supplier"
			t.suppliers = append(t.suppliers, id)
		} else {
			t.buyers = append(t.buyers, id)
		}
		g.f.partner.int(id).int(t.id).text(fmt.Sprintf("%s %s", lastNames[g.n(len(lastNames))], []string{"Supply", "Nutrients", "Dispensary",
			"Market", "Wellness", "Trading", "Delivery"}[j])).text(kind).text(fmt.Sprintf("P-%06d", g.n(1_000_000))).
			bool(true).at(g.start).at(g.start).end()
	}
}

func (g *generator) products(t *tenant, i int) {
	for j, p := range catalogue {
		id := g.next("product")
		t.products[p.key] = id
		custom := ""
		if p.category == "package" && i%2 == 0 {
			custom = fmt.Sprintf(`{"brand":"%s","launch_year":%d}`, []string{"Daybreak", "Nightfall", "Common"}[g.n(3)], 2021+g.n(5))
		}
		updated := g.start
		if p.category == "package" {
			updated += int64(g.n(400)) * day
		}
		g.f.product.int(id).int(t.id).text(fmt.Sprintf("%s-%03d", strings.ToUpper(p.key), j+1)).text(p.name).text(p.category).text(p.unit).
			dec(p.price * int64(90+g.n(21)) / 100).dec(p.weight).bool(true).text(custom).at(g.start).at(updated).end()
		g.f.ttItem.int(id).int(t.id).text(p.name).text(p.category).text(p.unit).at(updated).end()
	}
}

func (g *generator) fields(t *tenant, i int) {
	for j, f := range materialFields {
		if (i+j)%3 == 2 {
			continue
		}
		t.fields = append(t.fields, f)
		g.f.customField.text(f.id).int(t.id).text("material").text(f.name).text(f.kind).at(g.start).at(g.start).end()
	}
	if i%4 == 1 { // two fields with one name: the publisher must keep them apart
		f := field{"shelf_2", "Shelf", "string"}
		t.fields = append(t.fields, f)
		g.f.customField.text(f.id).int(t.id).text("material").text(f.name).text(f.kind).at(g.start).at(g.start).end()
	}
	if i%2 == 0 {
		g.f.customField.text("brand").int(t.id).text("product").text("Brand").text("string").at(g.start).at(g.start).end()
		g.f.customField.text("launch_year").int(t.id).text("product").text("Launch Year").text("integer").at(g.start).at(g.start).end()
	}
	g.f.customField.text("operator_note").int(t.id).text("transaction").text("Operator Note").text("string").at(g.start).at(g.start).end()
}

// accounts are the customers of the platform: most own one tenant, the first owns two, and
// the third tenant belongs to two accounts.
func (g *generator) accounts(ts []*tenant) {
	var n int64
	add := func(slug, name string, tier int64, owned ...*tenant) {
		n++
		g.f.account.int(n).text(slug).text(name).int(tier).int(1 + n%2).bool(n != 9).at(g.start).at(g.start).end()
		for _, t := range owned {
			g.f.accountTenant.int(g.next("account_tenant")).int(n).int(t.id).at(g.start).at(g.start).end()
		}
	}
	add("acme", "Acme Group", 2, ts[0], ts[1])
	add("backwoods", "Backwoods Partners", 2, ts[2])
	add("cascade", "Cascade Capital", 1, ts[2], ts[3])
	for i, t := range ts[4:] {
		add(fmt.Sprintf("customer_%02d", i+4), names[(i+4)%len(names)]+" Group", int64(1+i%3), t)
	}
}
