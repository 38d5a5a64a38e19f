package project

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/source"
)

// Catalog is «catalog:» of engine.yml: how the catalog is called, and whom else a site of it
// is made for.
type Catalog struct {
	At source.Span
	// Title is what readers see instead of the project's name.
	Title Value[string]
	// Audiences are those that are written, in that order.
	Audiences []CatalogAudience
	// Genealogy says where lots and runs are; nil where nothing is said.
	Genealogy *Genealogy
}

// CatalogAudience is one of audiences: who may read what of which nodes.
type CatalogAudience struct {
	At source.Span
	// Name is the key it is written below.
	Name, Title Value[string]
	// Select and Exclude say which nodes it is shown; without Select those with access public.
	// CustomerAudience has neither.
	Select, Exclude []Value[string]
	// Show are words of CatalogFacets, Lineage is one of CatalogLineages.
	Show    []Value[string]
	Lineage Value[string]
	// Path is the folder of the site, relative to the project or absolute; with
	// CustomerAudience, that of the folders of all customers. Unset: below the target folder.
	Path Value[string]
}

// PublicAudience and CustomerAudience are there without being configured: everybody, and each
// customer of the distribution. AllAudiences stands for all of them on the command line.
const (
	PublicAudience   = "public"
	CustomerAudience = "customers"
	AllAudiences     = "all"
)

// CatalogFacets are sorts of facts that an audience can be shown. All others than those of
// CustomerFacets tell a customer of other customers' rows, or how its tables are made.
var (
	CatalogFacets  = []string{"sql", "paths", "owners", "relations", "settings", "tags", "meta", "tests", "status", "stats", "profile", "samples", "customers"}
	CustomerFacets = []string{"owners", "tags", "meta", "tests"}
)

// CatalogLineages are what can become of lineage through hidden nodes, the default first.
var CatalogLineages = []string{"contract", "bridge", "hide"}

var audienceName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// Audience is the audience of a name as it is configured, or as it is without: ok is false
// for names that are none.
func (s Settings) Audience(name string) (a CatalogAudience, ok bool) {
	for _, a := range s.CatalogOf().Audiences {
		if a.Name.V == name {
			return a, true
		}
	}
	if name == PublicAudience || name == CustomerAudience && s.Distribution != nil {
		return CatalogAudience{Name: Value[string]{V: name}, Lineage: Value[string]{V: CatalogLineages[0]}}, true
	}
	return CatalogAudience{}, false
}

// AudienceNames are the names of those that are configured, in that order, and of the others that there are.
func (s Settings) AudienceNames() (configured, others []string) {
	for _, a := range s.CatalogOf().Audiences {
		configured = append(configured, a.Name.V)
	}
	for _, name := range []string{PublicAudience, CustomerAudience} {
		if _, ok := s.Audience(name); ok && !slices.Contains(configured, name) {
			others = append(others, name)
		}
	}
	return configured, others
}

// CatalogOf is «catalog:», or what holds without it.
func (s Settings) CatalogOf() Catalog {
	if s.Catalog != nil {
		return *s.Catalog
	}
	return Catalog{}
}

func (s *settings) decodeCatalog(o *object) {
	in, ok := o.child("catalog")
	if !ok {
		return
	}
	in.what = `"catalog"`
	c := &Catalog{At: o.keyAt("catalog")}
	s.Catalog = c
	if c.Title = in.str("title"); c.Title.IsSet() && strings.TrimSpace(c.Title.V) == "" {
		o.list.Add(valueInvalid(c.Title.At, in.key("title")+" is empty", "give a title, or remove the key"))
	}
	if list, ok := in.child("audiences"); ok {
		list.what = `"audiences"`
		for i := range list.fields {
			f := &list.fields[i]
			f.used = true
			name := Value[string]{f.name, o.span(f.key)}
			switch {
			case !audienceName.MatchString(name.V):
				o.list.Add(valueInvalid(name.At, fmt.Sprintf("%q cannot name an audience", name.V), "use up to 63 of a-z, 0-9, _ and -, beginning with a letter"))
				continue
			case name.V == AllAudiences || name.V == "internal":
				o.list.Add(valueInvalid(name.At, fmt.Sprintf("%q cannot name an audience: it means something else on the command line", name.V), "choose another name"))
				continue
			case name.V == CustomerAudience && s.Distribution == nil && !o.has("distribution"):
				o.list.Add(valueInvalid(name.At, "there are no customers to make sites for", "distribution says who they are; remove the audience, or give it another name"))
				continue
			}
			a, ok := list.object(f.val, "audience "+name.V)
			if !ok {
				continue
			}
			c.Audiences = append(c.Audiences, a.audience(name))
		}
		list.finish(nil, nil)
	}
	c.Genealogy = s.decodeGenealogy(in)
	in.finish(misplacedInCatalog, nil)
}

func (o *object) audience(name Value[string]) CatalogAudience {
	a := CatalogAudience{At: o.at, Name: name, Title: o.str("title")}
	known := CatalogFacets
	if name.V == CustomerAudience {
		known = CustomerFacets
		for _, key := range []string{"select", "exclude"} {
			if o.has(key) {
				o.list.Add(keyMisplaced(o.keyAt(key), key, o.what, "a customer's site shows what the customer receives: distribute of the models says that"))
				o.get(key)
			}
		}
	} else {
		a.Select, a.Exclude = o.strs("select"), o.strs("exclude")
	}
	for _, v := range o.strs("show") {
		switch {
		case slices.Contains(known, v.V):
			a.Show = append(a.Show, v)
		case slices.Contains(CatalogFacets, v.V):
			o.list.Add(valueInvalid(v.At, fmt.Sprintf("customers cannot be shown %q: it tells of other customers, or of how their tables are made", v.V), "customers can be shown "+strings.Join(known, ", ")))
		default:
			o.list.Add(valueUnknown(v.At, o.key("show"), v.V, known))
		}
	}
	if a.Lineage = o.oneOf("lineage", CatalogLineages...); !a.Lineage.IsSet() {
		a.Lineage.V = CatalogLineages[0]
	}
	if a.Path = o.str("path"); a.Path.IsSet() && strings.TrimSpace(a.Path.V) == "" {
		o.list.Add(valueInvalid(a.Path.At, o.key("path")+" is empty", "give a folder, or remove the key"))
		a.Path = Value[string]{}
	}
	o.finish(nil, hints{"access": `select takes access:public and the like`})
	return a
}

// misplacedInCatalog finds keys of an audience one level too high.
func misplacedInCatalog(key string) string {
	switch key {
	case "select", "exclude", "show", "lineage", "path":
		return "it belongs to an audience: audiences: {public: {" + key + ": …}}"
	case "public", "customers":
		return "write it below audiences"
	}
	return ""
}
