package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/audience"
	"github.com/engine-build/engine/engine/project"
)

// TestAudienceWords: configuration takes what audiences can be shown, no more and no less.
func TestAudienceWords(t *testing.T) {
	var facets, lineages []string
	for _, f := range audience.Facets() {
		facets = append(facets, string(f))
	}
	for _, l := range audience.Lineages() {
		lineages = append(lineages, string(l))
	}
	if d := cmp.Diff(facets, project.CatalogFacets); d != "" {
		t.Errorf("facets (-audience +project):\n%s", d)
	}
	if d := cmp.Diff(lineages, project.CatalogLineages); d != "" {
		t.Errorf("lineages (-audience +project):\n%s", d)
	}
	var customers []string
	for _, f := range audience.CustomerFacets() {
		customers = append(customers, string(f))
	}
	slices.Sort(customers)
	want := slices.Sorted(slices.Values(project.CustomerFacets))
	if d := cmp.Diff(want, customers); d != "" {
		t.Errorf("facets of customers (-project +audience):\n%s", d)
	}
}
