package browse_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/genealogy"
)

// materials is the viewer of lots and runs as a part of a site: one lot of each text, each made of
// the one before.
func materials(t *testing.T, texts []string) catalog.Options {
	t.Helper()
	b := genealogy.NewBuilder(genealogy.Options{Title: texts[0]})
	day := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	var err error
	for i, text := range texts {
		at := day.Add(time.Duration(i) * time.Hour)
		err = errors.Join(err, b.Lot(genealogy.Lot{ID: text, Label: text, Material: text, Quantity: 10, Unit: text, At: at, Site: text, Tenant: text}))
	}
	for i, text := range texts[1:] {
		at := day.Add(time.Duration(i) * time.Hour)
		err = errors.Join(err, b.Run(genealogy.Run{ID: text, Kind: "batch", Machine: text, Step: text, Order: text, Started: at, Ended: at.Add(time.Hour), Scrap: math.NaN()}))
	}
	for i, text := range texts[1:] {
		err = errors.Join(err,
			b.Flow(genealogy.Flow{Run: text, Kind: "batch", Lot: texts[i], Quantity: 10, Unit: text, Share: math.NaN()}),
			b.Flow(genealogy.Flow{Run: text, Kind: "batch", Lot: text, Out: true, Quantity: 9, Unit: text, Share: math.NaN()}))
	}
	err = errors.Join(err, b.Shipment(genealogy.Shipment{Lot: texts[len(texts)-1], ID: texts[0], Customer: texts[0], Quantity: 3, Unit: "kg", At: day.Add(9 * time.Hour)}))
	if err != nil {
		t.Fatal(err)
	}
	g := b.Graph()
	o := catalog.Options{Pages: []catalog.Page{{Path: genealogy.Path, Title: "Materials", Section: "Materials", Scripts: []string{genealogy.Script}, Body: func(string) []byte { return g.Page() }}}}
	for _, f := range g.Files() {
		o.Files = append(o.Files, catalog.File{Path: f.Path, Make: f.Body})
	}
	return o
}
