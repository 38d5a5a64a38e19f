package example

// schema is one seed file.
type schema struct {
	folder, name string
	columns      []column
}

func ints(names ...string) []column { return columns(integer, names) }

func columns(k kind, names []string) []column {
	out := make([]column, len(names))
	for i, n := range names {
		out[i] = column{n, k}
	}
	return out
}

func app(name string, parts ...[]column) schema {
	return join("seeds/app", "app_"+name, parts)
}

func tnt(name string, parts ...[]column) schema {
	return join("seeds/trackntrace", "tnt_"+name, parts)
}

func join(folder, name string, parts [][]column) schema {
	s := schema{folder: folder, name: name}
	for _, p := range parts {
		s.columns = append(s.columns, p...)
	}
	return s
}

func texts(names ...string) []column { return columns(text, names) }
func decs(names ...string) []column  { return columns(decimal, names) }
func bools(names ...string) []column { return columns(boolean, names) }
func times(names ...string) []column { return columns(timestamp, names) }
func dates(names ...string) []column { return columns(date, names) }

// files are the open tables of one run. The field order is the order of creation.
type files struct {
	tenant, account, accountTenant, user, location, machine, partner, product, customField,
	material, machinerun, transaction, input, output, purchase, sale, saleItem, transfer, scan,
	ttItem, ttPackage, ttLabResult, ttTransfer *table
}

// schemas lists every file with the place that holds its open table.
func (f *files) schemas() []struct {
	schema
	into **table
} {
	type entry = struct {
		schema
		into **table
	}
	return []entry{
		{app("tenant", ints("id"), texts("name", "slug", "legal_name", "state", "license_number", "kind", "plan"),
			bools("active"), times("created_at", "updated_at")), &f.tenant},
		{app("account", ints("id"), texts("slug", "name"), ints("tier", "contract"), bools("enabled"),
			times("created_at", "updated_at")), &f.account},
		{app("account_tenant", ints("id", "account_id", "tenant_id"), times("created_at", "updated_at")), &f.accountTenant},
		{app("user", ints("id", "tenant_id"), texts("email", "full_name", "role"), bools("active"),
			times("created_at", "updated_at")), &f.user},
		{app("location", ints("id", "tenant_id", "parent_id"), texts("name", "kind"), decs("area_m2"), bools("active"),
			times("created_at", "updated_at")), &f.location},
		{app("machine", ints("id", "tenant_id", "location_id"), texts("name", "kind", "serial_number"), decs("hourly_cost"),
			times("commissioned_at", "retired_at", "updated_at")), &f.machine},
		{app("partner", ints("id", "tenant_id"), texts("name", "kind", "license_number"), bools("active"),
			times("created_at", "updated_at")), &f.partner},
		{app("product", ints("id", "tenant_id"), texts("sku", "name", "category", "unit"), decs("list_price", "unit_weight"),
			bools("active"), texts("custom_fields"), times("created_at", "updated_at")), &f.product},
		{app("custom_field", texts("id"), ints("tenant_id"), texts("entity", "name", "type"),
			times("created_at", "updated_at")), &f.customField},
		{app("material", ints("id", "tenant_id", "product_id", "location_id"), texts("code", "tag", "kind", "status"),
			decs("quantity"), ints("unit_count"), decs("unit_cost"), texts("custom_fields"),
			times("created_at", "updated_at")), &f.material},
		{app("machinerun", ints("id", "tenant_id", "machine_id", "user_id"), times("started_at", "ended_at"),
			texts("status"), decs("energy_kwh"), times("updated_at")), &f.machinerun},
		{app("transaction", ints("id", "tenant_id", "machinerun_id", "user_id", "location_id"), texts("type"), bools("rework"),
			decs("waste_quantity"), texts("custom_fields"), times("occurred_at", "updated_at")), &f.transaction},
		{app("transaction_input", ints("id", "tenant_id", "transaction_id", "material_id"), decs("quantity"),
			times("updated_at")), &f.input},
		{app("transaction_output", ints("id", "tenant_id", "transaction_id", "material_id"), decs("quantity"),
			times("updated_at")), &f.output},
		{app("purchase", ints("id", "tenant_id", "partner_id", "material_id"), decs("quantity", "unit_price"), texts("currency"),
			times("purchased_at", "updated_at")), &f.purchase},
		{app("sale", ints("id", "tenant_id", "partner_id", "user_id"), texts("number", "status", "currency"),
			times("sold_at", "updated_at")), &f.sale},
		{app("sale_item", ints("id", "tenant_id", "sale_id", "material_id"), decs("quantity", "unit_price", "discount"),
			times("updated_at")), &f.saleItem},
		{app("transfer", ints("id", "tenant_id", "from_tenant_id", "to_tenant_id", "material_id", "received_material_id"),
			decs("quantity"), texts("manifest_number", "status"), times("shipped_at", "received_at", "updated_at")), &f.transfer},
		{app("scan", ints("id", "tenant_id", "material_id", "location_id", "user_id"), texts("code"),
			times("scanned_at", "updated_at")), &f.scan},
		{tnt("item", ints("id", "tenant_id"), texts("name", "category", "unit"), times("last_modified")), &f.ttItem},
		{tnt("package", texts("tag"), ints("tenant_id"), texts("license_number", "external_ref"), ints("item_id"),
			texts("quantity", "unit", "packaged_on", "status", "on_hold"), times("last_modified")), &f.ttPackage},
		{tnt("lab_result", ints("id", "tenant_id"), texts("tag", "test", "result", "unit", "passed"), dates("tested_on"),
			times("last_modified")), &f.ttLabResult},
		{tnt("transfer", texts("manifest_number"), ints("tenant_id"), texts("shipper_license", "recipient_license", "tag",
			"quantity", "status"), times("departed_at", "last_modified")), &f.ttTransfer},
	}
}

func openFiles(w Writer) (*files, error) {
	f := new(files)
	for _, e := range f.schemas() {
		t, err := openTable(w, e.schema)
		if err != nil {
			f.close()
			return nil, err
		}
		*e.into = t
	}
	return f, nil
}

// close closes what is open and returns the first error.
func (f *files) close() error {
	var first error
	for _, e := range f.schemas() {
		if t := *e.into; t != nil {
			if err := t.close(); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}
