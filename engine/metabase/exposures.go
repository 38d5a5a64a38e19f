package metabase

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
)

// Header is the first line of a file of exposures: one without it is somebody else's.
const Header = "# Written by engine metabase exposures; the next one writes it anew.\n"

// Reading says which cards and dashboards are exposures.
type Reading struct {
	// Collections are patterns of names, with * and ?; none: all. Without is the opposite.
	Collections, Without []string
	// Personal: those of collections that belong to one person, too.
	Personal bool
	// Verified: cards only that somebody has verified.
	Verified bool
	// Taken are names that exposures of other files have.
	Taken []string
}

// Exposure is a card or a dashboard that reads the project.
type Exposure struct {
	Name        string      `json:"name"`
	Label       string      `json:"label"`
	Type        string      `json:"type"` // analysis, dashboard
	URL         string      `json:"url"`
	Description string      `json:"description,omitempty"`
	OwnerName   string      `json:"owner_name,omitempty"`
	OwnerEmail  string      `json:"owner_email,omitempty"`
	Collection  string      `json:"collection,omitempty"`
	DependsOn   []addr.Node `json:"depends_on"`
	// Unclear are names in SQL that several tables have; Partial: it reads a card that may not
	// be seen.
	Unclear []string `json:"unclear,omitempty"`
	Partial bool     `json:"partial,omitempty"`
	id      int
}

type collection struct {
	ID       any    `json:"id"` // a number, or «root»
	Name     string `json:"name"`
	Owner    *int   `json:"personal_owner_id"`
	Archived bool   `json:"archived"`
}

func (c *collection) key() string {
	if f, ok := whole(c.ID); ok {
		return fmt.Sprint(f)
	}
	s, _ := c.ID.(string)
	return s
}

type item struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	Model     string `json:"model"`
	Archived  bool   `json:"archived"`
	Moderated string `json:"moderated_status"`
}

// itemPage is how many items of a collection one request asks for.
const itemPage = 500

func (s *Server) items(ctx context.Context, collection string) ([]item, error) {
	var out []item
	for {
		q := "?models=card&models=dashboard&models=dataset&models=metric&limit=" + fmt.Sprint(itemPage) + "&offset=" + fmt.Sprint(len(out))
		var page listed[item]
		if err := s.call(ctx, http.MethodGet, "/api/collection/"+url.PathEscape(collection)+"/items"+q, nil, &page); err != nil {
			if unseen(err) {
				return out, nil
			}
			return nil, err
		}
		out = append(out, page.items...)
		// A server that knows no pages gives all at once, and no total.
		if len(page.items) == 0 || page.total <= len(out) {
			return out, nil
		}
	}
}

// Exposures reads the cards and dashboards of the chosen collections, and which nodes they
// read: through other cards, snippets, joins, foreign keys and SQL. They are sorted by name.
// others counts those that read nothing of the project, which are left out.
func (s *Server) Exposures(ctx context.Context, sides []Side, r Reading) (list []Exposure, others int, err error) {
	var all listed[collection]
	if err := s.call(ctx, http.MethodGet, "/api/collection?exclude-other-user-collections="+fmt.Sprint(!r.Personal), nil, &all); err != nil {
		return nil, 0, err
	}
	if !slices.ContainsFunc(all.items, func(c collection) bool { return c.key() == "root" }) {
		all.items = append([]collection{{ID: "root", Name: "Our analytics"}}, all.items...)
	}
	type entry struct {
		item
		collection string
	}
	var entries []entry
	for _, c := range all.items {
		if c.key() == "" || c.Archived || c.Owner != nil && !r.Personal || !r.takes(c.Name) {
			continue
		}
		found, err := s.items(ctx, c.key())
		if err != nil {
			return nil, 0, err
		}
		for _, i := range found {
			dash := i.Model == "dashboard"
			if i.Archived || r.Verified && !dash && i.Moderated != "verified" || !dash && !slices.Contains([]string{"card", "dataset", "metric"}, i.Model) {
				continue
			}
			entries = append(entries, entry{i, c.Name})
		}
	}
	t := newTracer(s, sides)
	made := make([]*Exposure, len(entries))
	errs := make([]error, len(entries))
	next := make(chan int)
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for range min(Parallel, len(entries)) {
		wg.Go(func() {
			for i := range next {
				if made[i], errs[i] = t.exposure(ctx, entries[i].item); errs[i] != nil {
					stop()
				}
			}
		})
	}
	for i := range entries {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, e := range errs { // one that is no consequence of another
		if e != nil && (err == nil || errors.Is(err, context.Canceled)) {
			err = e
		}
	}
	if err != nil {
		return nil, 0, err
	}
	for i, e := range made {
		if e == nil {
			others++
			continue
		}
		e.Collection = entries[i].collection
		list = append(list, *e)
	}
	naming(list, r.Taken)
	slices.SortFunc(list, func(a, b Exposure) int { return strings.Compare(a.Name, b.Name) })
	return list, others, nil
}

func (r Reading) takes(name string) bool {
	matches := func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return pattern == name || err == nil && ok
	}
	return (len(r.Collections) == 0 || slices.ContainsFunc(r.Collections, matches)) && !slices.ContainsFunc(r.Without, matches)
}

// exposure is nil for what reads nothing of the project.
func (t *tracer) exposure(ctx context.Context, i item) (*Exposure, error) {
	u := newUses()
	e := &Exposure{id: i.ID, Label: i.Name}
	var creator *person
	var by *int
	if i.Model == "dashboard" {
		var d dashboard
		err := t.s.call(ctx, http.MethodGet, fmt.Sprintf("/api/dashboard/%d", i.ID), nil, &d)
		if unseen(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, id := range d.cards() {
			if err := t.follow(ctx, id, u); err != nil {
				return nil, err
			}
		}
		e.Type, e.URL, e.Description, creator, by = "dashboard", fmt.Sprintf("%s/dashboard/%d", t.s.URL(), i.ID), d.Description, d.Creator, d.CreatorID
		e.Label = cmp.Or(d.Name, e.Label)
	} else {
		c, err := t.card(ctx, i.ID)
		if err != nil || c == nil {
			return nil, err
		}
		if err := t.follow(ctx, i.ID, u); err != nil {
			return nil, err
		}
		e.Type, e.URL, e.Description, creator, by = "analysis", fmt.Sprintf("%s/card/%d", t.s.URL(), i.ID), c.Description, c.Creator, c.CreatorID
		e.Label = cmp.Or(c.Name, e.Label)
	}
	if len(u.nodes) == 0 {
		return nil, nil
	}
	p, err := t.person(ctx, creator, by)
	if err != nil {
		return nil, err
	}
	if p != nil {
		e.OwnerName, e.OwnerEmail = p.Name, p.Email
	}
	for n := range u.nodes {
		e.DependsOn = append(e.DependsOn, n)
	}
	slices.SortFunc(e.DependsOn, addr.Node.Compare)
	for name := range u.unclear {
		e.Unclear = append(e.Unclear, name)
	}
	slices.Sort(e.Unclear)
	e.Partial = u.hidden
	return e, nil
}

// naming gives names made of a-z, 0-9 and _, each once: of two that would have one name, that
// with the higher ID has the ID behind it, so that a name does not change when others come. Names that are taken by others count, too.
func naming(list []Exposure, others []string) {
	index := make([]int, len(list))
	for i := range index {
		index[i] = i
	}
	slices.SortFunc(index, func(a, b int) int {
		return cmp.Or(cmp.Compare(list[a].id, list[b].id), cmp.Compare(list[a].Type, list[b].Type))
	})
	taken := map[string]bool{}
	for _, name := range others {
		taken[name] = true
	}
	for _, i := range index {
		e := &list[i]
		name := slug(e.Label)
		if name == "" {
			name = fmt.Sprintf("metabase_%s_%d", e.Type, e.id)
		}
		if taken[name] {
			name = fmt.Sprintf("%s_%d", name, e.id)
		}
		if taken[name] { // a card and a dashboard of one ID
			name += "_" + e.Type
		}
		for taken[name] {
			name += "_"
		}
		taken[name] = true
		e.Name = name
	}
}

func slug(label string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(label) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "_") {
			b.WriteByte('_')
		}
	}
	const most = 100
	name := b.String()
	if len(name) > most {
		name = name[:most]
	}
	if name = strings.Trim(name, "_"); name != "" && name[0] <= '9' {
		name = "metabase_" + name
	}
	return name
}

// ownerless is the owner of what nobody is known to own: an exposure has to have one.
const ownerless = "Metabase"

// YAML is the file of exposures. ref says how a node is referred to there: ref('orders').
func YAML(list []Exposure, ref func(addr.Node) string) ([]byte, error) {
	type owner struct {
		Name  string `yaml:"name,omitempty"`
		Email string `yaml:"email,omitempty"`
	}
	type exposure struct {
		Name        string            `yaml:"name"`
		Label       string            `yaml:"label"`
		Type        string            `yaml:"type"`
		URL         string            `yaml:"url"`
		Description string            `yaml:"description,omitempty"`
		Owner       owner             `yaml:"owner"`
		DependsOn   []string          `yaml:"depends_on"`
		Meta        map[string]string `yaml:"meta,omitempty"`
	}
	out := struct {
		Version   int        `yaml:"version"`
		Exposures []exposure `yaml:"exposures"`
	}{Version: 2, Exposures: []exposure{}}
	for _, e := range list {
		x := exposure{Name: e.Name, Label: harmless(e.Label), Type: e.Type, URL: e.URL, Description: harmless(strings.TrimSpace(e.Description)), Owner: owner{Name: ownerless}}
		if e.OwnerName+e.OwnerEmail != "" {
			x.Owner = owner{harmless(e.OwnerName), harmless(e.OwnerEmail)}
		}
		if e.Collection != "" {
			x.Meta = map[string]string{"collection": harmless(e.Collection)}
		}
		for _, n := range e.DependsOn {
			x.DependsOn = append(x.DependsOn, ref(n))
		}
		slices.Sort(x.DependsOn)
		out.Exposures = append(out.Exposures, x)
	}
	var b bytes.Buffer
	b.WriteString(Header)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("write exposures: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write exposures: %w", err)
	}
	return b.Bytes(), nil
}

// harmless is a text of people in which nothing looks like a template.
func harmless(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(text[i])
		if text[i] == '{' && i+1 < len(text) && strings.IndexByte("{%#", text[i+1]) >= 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}
