package main

import (
	"context"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// inlinePath is where mistakes in --inline are said to be.
const inlinePath = "--inline"

// inline compiles text as if it were one more model of the project, so that it may use
// all that a model may, and its mistakes are found and framed like a model's.
func (s *session) inline(ctx context.Context, text string, free bool) (*compile.Node, error) {
	name := "inline"
	for taken(s.project, name) {
		name += "_"
	}
	p := *s.project
	p.Models = append(slices.Clip(p.Models), &project.File{Name: name, Source: source.NewFile(inlinePath, []byte(text)), Free: free})
	s.project = &p
	if err := s.compile(ctx); err != nil {
		return nil, err
	}
	return s.program.Nodes[addr.Node{Kind: addr.Model, Name: name}], nil
}

func taken(p *project.Project, name string) bool {
	for _, files := range [][]*project.File{p.Models, p.Snapshots} {
		if slices.ContainsFunc(files, func(f *project.File) bool { return f.Name == name }) {
			return true
		}
	}
	return slices.ContainsFunc(p.Seeds, func(x *project.Seed) bool { return x.Name == name })
}

// one compiles the project and gives the node that a command is about: a model by name,
// or the text of --inline. Without analyze the warehouse has the only word on a text in
// its own language: it may read what no model makes.
func (a *app) one(ctx context.Context, name, inline string, isInline, analyze bool) (*session, *compile.Node, error) {
	s, err := a.load()
	if err != nil {
		return nil, nil, err
	}
	if isInline {
		// GoogleSQL has to be analyzed to be translated.
		s.options.SkipAnalysis = !analyze && s.project.Settings.Dialect.V != project.GoogleSQL
		n, err := s.inline(ctx, inline, !analyze)
		return s, n, err
	}
	if err := s.compile(ctx); err != nil {
		return nil, nil, err
	}
	n, err := s.node(name)
	return s, n, err
}
