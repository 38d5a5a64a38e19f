package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/dbt"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// connect puts the output of a profile in the place of a target, where somebody has named a
// folder with profiles.yml, or a profile. Programs that run dbt make such a file of the
// connections that they know. Otherwise the targets are those of engine.yml: a profiles.yml
// that only lies there is what they were imported from.
func (c *dbtCall) connect(s *session) error {
	if !c.set("profiles-dir") && !c.set("profile") {
		return nil
	}
	file, err := c.profiles(s.dir)
	if err != nil || file == nil {
		return err
	}
	name := c.profile(s)
	found, ok, err := dbt.Connect(file, name, c.text("target"))
	wrong := func(text string) error {
		return mistake(diag.Diagnostic{Code: codeDBTProfile, Message: text, Help: "name a profile and an output of " + file.Path + " with --profile and --target"})
	}
	switch {
	case err != nil:
		return wrong(err.Error())
	case !ok && c.set("profile"):
		return wrong(fmt.Sprintf("profiles.yml has no profile %q", name))
	case !ok:
		return nil
	}
	targets, bad := project.ReadTargets(found.Targets, c.app.env)
	if bad.HasErrors() {
		return &mistakes{bad, exitMistake}
	}
	for _, t := range targets {
		if t.Name == found.Target {
			s.project.Settings.Connect(t)
			s.options.Target = t.Name
		}
	}
	return nil
}

// profiles reads profiles.yml: of --profiles-dir, else of the project, else of ~/.dbt.
func (c *dbtCall) profiles(dir string) (*source.File, error) {
	var folders []string
	if c.set("profiles-dir") {
		folders = append(folders, c.app.absolute(c.text("profiles-dir")))
	} else {
		folders = append(folders, dir)
		if home := c.app.variable("HOME"); home != "" {
			folders = append(folders, filepath.Join(home, ".dbt"))
		}
	}
	for _, folder := range folders {
		data, err := os.ReadFile(filepath.Join(folder, "profiles.yml"))
		switch {
		case err == nil:
			return source.NewFile(filepath.Join(folder, "profiles.yml"), data), nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, mistake(fileWrong("read", filepath.Join(folder, "profiles.yml"), err))
		}
	}
	if info, err := os.Stat(folders[0]); c.set("profiles-dir") && (err != nil || !info.IsDir()) {
		return nil, mistake(diag.Diagnostic{Code: codeDBTProfile, Message: fmt.Sprintf("--profiles-dir: there is no folder %s", folders[0]), Help: "name the folder of profiles.yml, or leave the flag out for the targets of engine.yml"})
	}
	if c.set("profile") {
		return nil, mistake(diag.Diagnostic{Code: codeDBTProfile, Message: "--profile: there is no profiles.yml", Help: "name its folder with --profiles-dir, or leave the flag out for the targets of engine.yml"})
	}
	return nil, nil
}

// profile is the name of the profile: --profile, that of a dbt_project.yml that was kept, or
// the project's name.
func (c *dbtCall) profile(s *session) string {
	if c.set("profile") {
		return c.text("profile")
	}
	if data, err := os.ReadFile(filepath.Join(s.dir, "dbt_project.yml")); err == nil {
		var kept struct {
			Profile string `yaml:"profile"`
		}
		if yaml.Unmarshal(data, &kept) == nil && kept.Profile != "" {
			return kept.Profile
		}
	}
	return s.project.Settings.Name.V
}
