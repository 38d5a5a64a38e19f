package shim

import (
	"net/http"
	"slices"
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

// grantStatement runs GRANT and REVOKE; source: «Data control language (DCL) statements». The
// outcome shows in the access of a dataset and the IAM policy of a table; nothing enforces it.
func (x *execution) grantStatement(st *statement) *apiError {
	p := &parser{src: st.src, toks: st.toks, i: 1}
	var roles []string
	for {
		t := p.next()
		if !t.name() && t.kind != tokString {
			return p.unexpected("Expected a role")
		}
		role := t.text
		if t.kind == tokString {
			role = unquote(t.text)
		}
		roles = append(roles, role)
		if !p.accept(",") {
			break
		}
	}
	if err := p.expect("ON"); err != nil {
		return err
	}
	p.accept("EXTERNAL")
	kind := strings.ToUpper(p.next().text)
	path, err := p.path()
	if err != nil {
		return err
	}
	word := "TO"
	if st.kind == "REVOKE" {
		word = "FROM"
	}
	if err := p.expect(word); err != nil {
		return err
	}
	var members []string
	for {
		t := p.next()
		if t.kind != tokString {
			return p.unexpected("Expected a member")
		}
		member := unquote(t.text)
		if kind, name, ok := strings.Cut(member, ":"); (!ok || name == "" || !slices.Contains([]string{"user", "group", "serviceAccount", "domain", "specialGroup", "projectOwner", "projectEditor", "projectViewer"}, kind)) && member != "allUsers" && member != "allAuthenticatedUsers" {
			return invalidQuery("Invalid member: %s", member)
		}
		members = append(members, member)
		if !p.accept(",") {
			break
		}
	}
	if p.i < len(p.toks) {
		return p.unexpected("Expected end of statement")
	}
	for _, role := range roles {
		if !strings.HasPrefix(role, "roles/") && !strings.HasPrefix(role, "projects/") && !strings.HasPrefix(role, "organizations/") {
			return invalidQuery("Role %s is not supported for this resource.", role)
		}
	}
	switch kind {
	case "SCHEMA":
		project := x.project
		if len(path) == 2 {
			project = path[0]
		}
		return x.grantDataset(project, path[len(path)-1], roles, members, st.kind == "GRANT")
	case "TABLE", "VIEW":
		ref, err := x.s.resolve(path, x.project, x.dataset)
		if err != nil {
			return err
		}
		if x.s.table(ref) == nil {
			return notFound("Not found: Table %s was not found in location %s", refText(ref), x.s.location)
		}
		if x.dry {
			return nil
		}
		x.s.mu.Lock()
		defer x.s.mu.Unlock()
		t := x.s.tableLocked(ref)
		for _, role := range roles {
			for _, m := range members {
				t.policy = bind(t.policy, role, m, st.kind == "GRANT")
			}
		}
		t.policyVersion++
		return nil
	}
	return unsupported("GRANT on %s is not supplied", kind)
}

// bind adds a member to a role's binding or takes it out.
func bind(bindings []*bigquery.Binding, role, member string, grant bool) []*bigquery.Binding {
	i := slices.IndexFunc(bindings, func(b *bigquery.Binding) bool { return b.Role == role })
	if i < 0 {
		if !grant {
			return bindings
		}
		return append(bindings, &bigquery.Binding{Role: role, Members: []string{member}})
	}
	b := bindings[i]
	b.Members = slices.DeleteFunc(b.Members, func(m string) bool { return m == member })
	if grant {
		b.Members = append(b.Members, member)
	}
	if len(b.Members) == 0 {
		return slices.Delete(bindings, i, i+1)
	}
	return bindings
}

// basicRoles are the roles that a dataset's access shows by their old names.
var basicRoles = map[string]string{"roles/bigquery.dataViewer": "READER", "roles/bigquery.dataEditor": "WRITER", "roles/bigquery.dataOwner": "OWNER"}

func (x *execution) grantDataset(project, id string, roles, members []string, grant bool) *apiError {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	d := x.s.datasetLocked(project, id)
	if d == nil {
		return notFound("Not found: Dataset %s:%s was not found in location %s", project, id, x.s.location)
	}
	if x.dry {
		return nil
	}
	for _, role := range roles {
		if old := basicRoles[role]; old != "" {
			role = old
		}
		for _, m := range members {
			a := &bigquery.DatasetAccess{Role: role}
			switch kind, name, _ := strings.Cut(m, ":"); kind {
			case "user", "serviceAccount":
				a.UserByEmail = name
			case "group":
				a.GroupByEmail = name
			case "domain":
				a.Domain = name
			case "specialGroup":
				a.SpecialGroup = name
			default:
				a.IamMember = m
			}
			d.res.Access = slices.DeleteFunc(d.res.Access, func(o *bigquery.DatasetAccess) bool {
				return o.Role == a.Role && o.UserByEmail == a.UserByEmail && o.GroupByEmail == a.GroupByEmail && o.Domain == a.Domain && o.SpecialGroup == a.SpecialGroup && o.IamMember == a.IamMember && o.View == nil && o.Dataset == nil && o.Routine == nil
			})
			if grant {
				d.res.Access = append(d.res.Access, a)
			}
		}
	}
	d.stamp()
	return nil
}

// tablePolicy answers tables.getIamPolicy and setIamPolicy, which are written with a verb
// after the table's id.
func (s *Server) tablePolicy(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	id, verb, _ := strings.Cut(r.PathValue("table"), ":")
	r.SetPathValue("table", id)
	if _, err := s.findTable(r); err != nil {
		return nil, err
	}
	ref := s.tableRef(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tableLocked(ref)
	if t == nil {
		return nil, notFound("Not found: Table %s", refText(ref))
	}
	tag := func() string { return etag(t.res.Id, "policy", t.policyVersion, t.res.CreationTime) }
	switch verb {
	case "getIamPolicy":
	case "setIamPolicy":
		req, err := decode[bigquery.SetIamPolicyRequest](r)
		if err != nil {
			return nil, err
		}
		if req.Policy == nil {
			return nil, invalid("Required parameter is missing: policy")
		}
		// «Optimistic concurrency control»: a policy with an etag replaces that version only.
		if req.Policy.Etag != "" && req.Policy.Etag != tag() {
			return nil, fail(http.StatusConflict, "aborted", "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
		}
		t.policy = req.Policy.Bindings
		t.policyVersion++
	default:
		return nil, unsupported("tables.%s is not supplied", verb)
	}
	return &bigquery.Policy{Version: 1, Etag: tag(), Bindings: clone(&bigquery.Policy{Bindings: t.policy}).Bindings}, nil
}
