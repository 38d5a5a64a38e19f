package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

func (a *app) debugCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "debug",
		Short: "show versions and settings, and try the connection",
		Long: text(`
Shows which project and target the engine sees, with what it connects (secrets are never
shown), opens the target and asks it for select 1. engine doctor looks at more, and says how to
mend what is wrong.`),
		Example: `  engine debug
  engine debug --target prod`,
		Args: unexpected,
	}
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		facts := &debugged{Engine: versionText(), Go: goText(), Settings: map[string]string{}}
		err := a.debug(cmd.Context(), facts)
		if wantsJSON(a.global.output) {
			var known *mistakes
			if ok := asMistakes(err, &known); ok {
				facts.Diagnostics = known.list.JSON()
				err = reported(known.code)
			}
			if werr := view.JSON(a.out, facts); werr != nil {
				return werr
			}
		}
		return err
	}
	return cmd
}

// debugged are the facts of debug for programs.
type debugged struct {
	Engine      string            `json:"engine"`
	Go          string            `json:"go"`
	Dir         string            `json:"dir,omitempty"`
	Project     string            `json:"project,omitempty"`
	Target      string            `json:"target,omitempty"`
	Type        string            `json:"type,omitempty"`
	Settings    map[string]string `json:"settings"`
	Connection  string            `json:"connection,omitempty"`
	Seconds     float64           `json:"seconds,omitempty"`
	Diagnostics []diag.JSON       `json:"diagnostics,omitempty"`
}

func (a *app) debug(ctx context.Context, facts *debugged) error {
	screen := a.outScreen()
	line := func(what, value string) {
		if !wantsJSON(a.global.output) {
			_, _ = fmt.Fprintf(a.out, "%s %s\n", screen.Paint(view.Dim, fmt.Sprintf("%-16s", what)), value)
		}
	}
	line("engine", facts.Engine)
	line("go", facts.Go)
	s, err := a.load()
	if err != nil {
		return err
	}
	facts.Dir, facts.Project = s.dir, s.project.Settings.Name.V
	line("project", facts.Project)
	line("folder", facts.Dir)
	settings, found := s.project.Settings.Target(s.options.Target, a.env)
	if !found.HasErrors() {
		facts.Target, facts.Type = settings.Name, settings.Type.V
		line("target", settings.Name+", type "+settings.Type.V+", schema "+settings.Schema.V)
	}
	cfg, driver, found := engine.TargetConfig(s.project, s.options)
	if found.HasErrors() {
		return &mistakes{append(s.warnings, found...), exitMistake}
	}
	shown := warehouse.Config{Fields: maps.Clone(cfg.Fields)}
	withDefaults(&shown, driver)
	facts.Settings = redacted(shown, driver)
	for _, key := range slices.Sorted(maps.Keys(facts.Settings)) {
		line("  "+key, facts.Settings[key])
	}
	a.report(s.warnings, false)
	conn, tried, err := a.tryConnection(ctx, driver, cfg)
	if err != nil {
		facts.Connection = "refused"
		line("connection", screen.Mark(run.Failed)+" refused")
		return failure(openRefused(facts.Target, err))
	}
	if err := conn.Close(); err != nil {
		return fmt.Errorf("close target %s: %w", facts.Target, err)
	}
	facts.Connection, facts.Seconds = "done", tried.took.Seconds()
	line("connection", screen.Mark(run.Done)+" opened and answered select 1 in "+view.Seconds(tried.took))
	if s.warnings.HasErrors() {
		return reported(exitMistake)
	}
	return nil
}

// redacted are the settings as they may be shown.
func redacted(cfg warehouse.Config, driver warehouse.Driver) map[string]string {
	secret := map[string]bool{}
	for _, f := range driver.Fields() {
		secret[f.Name] = f.Secret
	}
	out := map[string]string{}
	for name, value := range cfg.Fields {
		// A key that the driver does not know may be a misspelt password.
		if known, ok := secret[name]; (known || !ok) && value != "" {
			value = strings.Repeat("*", 8)
		}
		out[name] = value
	}
	return out
}
