package bigquery

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// authorize adds a view to the access entries of the dataset that it reads. All other
// entries go back as they came, under the condition that nobody changed them meanwhile.
func (c *conn) authorize(ctx context.Context, o warehouse.Authorize) error {
	t := &trail{}
	path := c.datasetPath(o.Database, o.Schema)
	// Version 3 is what shows, and keeps, entries with conditions.
	query := url.Values{"accessPolicyVersion": {"3"}}
	ref := c.ref(o.View)
	view := map[string]any{"projectId": ref.ProjectId, "datasetId": ref.DatasetId, "tableId": ref.TableId}
	for turn := 1; ; turn++ {
		var dataset resource
		if err := c.request(ctx, t, http.MethodGet, path, query, "", nil, &dataset); err != nil {
			return fmt.Errorf("read the access entries of %s: %w", o.Schema, err)
		}
		entries, _ := dataset["access"].([]any)
		for _, e := range entries {
			if entry, ok := e.(map[string]any); ok && same(entry["view"], view) {
				return nil
			}
		}
		patch := resource{"access": append(slices.Clone(entries), map[string]any{"view": view})}
		err := c.request(ctx, t, http.MethodPatch, path, query, dataset.text("etag"), patch, nil)
		if err == nil {
			return nil
		}
		if !hasStatus(err, http.StatusPreconditionFailed) || turn == maxTurns {
			return fmt.Errorf("authorize %s on %s: %w", o.View, o.Schema, err)
		}
		if err := waitFor(ctx, c.pace.first/10, nil); err != nil {
			return stopped(err)
		}
	}
}

// grant makes a role's direct members of a relation exactly the grantees. Bindings with a
// condition are somebody's own affair.
func (c *conn) grant(ctx context.Context, o warehouse.Grant) error {
	if !strings.Contains(o.Privilege, "/") {
		return fmt.Errorf("grant %s on %s: BigQuery grants roles: write roles/bigquery.dataViewer or its like", o.Privilege, o.Relation)
	}
	for _, g := range o.Grantees {
		if !strings.Contains(g, ":") && g != "allUsers" && g != "allAuthenticatedUsers" {
			return fmt.Errorf("grant %s on %s: %q is no member: write user:…, group:…, serviceAccount:… or domain:…", o.Privilege, o.Relation, g)
		}
	}
	want := slices.Clone(o.Grantees)
	slices.Sort(want)
	want = slices.Compact(want)
	t := &trail{}
	path := c.tablePath(o.Relation)
	for turn := 1; ; turn++ {
		var policy resource
		if err := c.request(ctx, t, http.MethodPost, path+":getIamPolicy", nil, "", resource{"options": map[string]any{"requestedPolicyVersion": 3}}, &policy); err != nil {
			return fmt.Errorf("read the grants of %s: %w", o.Relation, err)
		}
		if policy == nil {
			policy = resource{}
		}
		if !setMembers(policy, o.Privilege, want) {
			return nil
		}
		err := c.request(ctx, t, http.MethodPost, path+":setIamPolicy", nil, "", resource{"policy": map[string]any(policy)}, nil)
		if err == nil {
			return nil
		}
		if !hasStatus(err, http.StatusPreconditionFailed) && !hasStatus(err, http.StatusConflict) || turn == maxTurns {
			return fmt.Errorf("grant %s on %s: %w", o.Privilege, o.Relation, err)
		}
		if err := waitFor(ctx, c.pace.first/10, nil); err != nil {
			return stopped(err)
		}
	}
}

// setMembers changes a policy and reports whether it had to.
func setMembers(policy resource, role string, want []string) bool {
	members := make([]any, len(want))
	for i, m := range want {
		members[i] = m
	}
	bindings, _ := policy["bindings"].([]any)
	for i, item := range bindings {
		b, ok := item.(map[string]any)
		if !ok || b["role"] != role || b["condition"] != nil {
			continue
		}
		have, _ := b["members"].([]any)
		sorted := make([]string, 0, len(have))
		for _, m := range have {
			sorted = append(sorted, fmt.Sprint(m))
		}
		slices.Sort(sorted)
		if slices.Equal(slices.Compact(sorted), want) {
			return false
		}
		if len(want) == 0 {
			policy["bindings"] = slices.Delete(bindings, i, i+1)
			return true
		}
		b["members"] = members
		return true
	}
	if len(want) == 0 {
		return false
	}
	policy["bindings"] = append(bindings, map[string]any{"role": role, "members": members})
	return true
}
