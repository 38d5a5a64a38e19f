package compile

import (
	"fmt"

	"github.com/engine-build/engine/engine/project"
)

// Values of Config.Distribute.
const (
	ToTenant = "tenant" // every customer gets the rows of its tenants
	ToAll    = "shared" // every customer gets all rows
	ToNobody = "never"
	// ToSome: those of Config.Only get it; the rows of their tenants where there is a tenant
	// column, otherwise all.
	ToSome = "only"
)

// Partial says which rows customers see in part, and what of them.
type Partial struct {
	// Via are columns by entity: a row is partly visible to those whose transfers have its key.
	Via map[string]string // partial.via
	// Visible are the columns that it shows, Masks what others show instead: «null», «hash» or
	// «constant:…»; NULL where nothing is said.
	Visible []string          // partial.visible
	Masks   map[string]string // partial.masks
}

// CustomFields says where the values of custom fields are.
type CustomFields struct {
	Column  string   // custom_fields.column
	Prefix  string   // custom_fields.prefix
	KeepRaw bool     // custom_fields.keep_raw
	Formats []string // custom_fields.formats
}

// distributeKeys are the keys that decodeDistribution knows.
var distributeKeys = []string{"distribute", "tenant_column", "links", "partial", "custom_fields", "across_tenants"}

// decodeDistribution is decodeKey for what customers get.
func decodeDistribution(cfg *Config, key string, v any) bool {
	text, _ := v.(string)
	m := dict(v)
	switch key {
	case "distribute":
		cfg.Distribute, _ = m["rows"].(string)
		cfg.Only = texts(m["only"])
		if cfg.Distribute == "" && len(cfg.Only) > 0 {
			cfg.Distribute = ToSome
		}
	case "tenant_column":
		cfg.TenantColumn = text
	case "links":
		cfg.Links = textMap(m)
	case "partial":
		cfg.Partial = nil
		if len(m) > 0 {
			cfg.Partial = &Partial{Via: textMap(dict(m["via"])), Visible: texts(m["visible"]), Masks: textMap(dict(m["masks"]))}
		}
	case "custom_fields":
		cfg.CustomFields = nil
		if len(m) > 0 {
			f := &CustomFields{Prefix: project.CustomPrefix, Formats: texts(m["formats"])}
			f.Column, _ = m["column"].(string)
			if prefix, _ := m["prefix"].(string); prefix != "" {
				f.Prefix = prefix
			}
			f.KeepRaw, _ = m["keep_raw"].(bool)
			cfg.CustomFields = f
		}
	case "across_tenants":
		cfg.AcrossTenants = text
	default:
		return false
	}
	return true
}

func textMap(m map[string]any) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for name, v := range m {
		if out[name] = fmt.Sprint(v); v == nil {
			out[name] = "null"
		}
	}
	return out
}
