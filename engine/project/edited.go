package project

import (
	"bytes"
	"slices"

	"github.com/engine-build/engine/engine/source"
)

// Text is a file that p was loaded from over a Shelf, nil where there is none of the path.
func (p *Project) Text(path string) *source.File { return p.texts[path] }

// Edited finds the templates of models, snapshots and analyses in which is differs from was. ok
// is false where they may differ in anything else: then nothing is known of how. Both must have
// been loaded over the same Shelf, from the same folder and with the same environment.
func Edited(was, is *Project) (files []*source.File, ok bool) {
	if was.texts == nil || is.texts == nil || was.Dir != is.Dir || len(was.texts) != len(is.texts) {
		return nil, false
	}
	templates := make(map[string]bool, len(is.Models))
	for _, lists := range [][2][]*File{{was.Models, is.Models}, {was.Snapshots, is.Snapshots}, {was.Analyses, is.Analyses}} {
		if len(lists[0]) != len(lists[1]) {
			return nil, false
		}
		for i, f := range lists[1] {
			had := lists[0][i]
			if had.Name != f.Name || had.Source.Path != f.Source.Path || had.Free != f.Free || had.Broken || f.Broken {
				return nil, false
			}
			if templates[f.Source.Path] = true; had.Source != f.Source {
				files = append(files, f.Source)
			}
		}
	}
	for path, f := range is.texts {
		if had := was.texts[path]; had != f && !templates[path] && (had == nil || !bytes.Equal(had.Data, f.Data)) {
			return nil, false
		}
	}
	sameSeed := func(a, b *Seed) bool {
		return a.Path == b.Path && a.Size == b.Size && a.Stamp == b.Stamp && a.Stamp != ""
	}
	return files, slices.EqualFunc(was.Seeds, is.Seeds, sameSeed) && bytes.Equal(was.Lock.text, is.Lock.text)
}
