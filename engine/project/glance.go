package project

import (
	"path/filepath"
)

// Glance reads engine.yml and selectors.yml and nothing else: for who needs names at once. What
// is wrong with them is not said; ok is false where there is no engine.yml.
func Glance(dir string, env func(string) (string, bool)) (p *Project, ok bool) {
	p = &Project{Lock: &Lock{}}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return p, false
	}
	p.Dir = abs
	settings, ok, _ := readSettings(abs, dir, env, nil)
	p.Settings = settings.Settings
	p.Selectors, _ = readSelectors(abs, nil)
	return p, ok
}
