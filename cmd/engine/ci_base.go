package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
)

// committed is the project as a commit of git has it, compiled for the same target; nothing is
// checked out. Where it cannot be compiled there is no «then», and why.
func (a *app) committed(ctx context.Context, ref, target string) (*elsewhere, error) {
	e := &elsewhere{word: ref, commit: true}
	dir, err := a.projectDir()
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "engine-base-")
	if err != nil {
		return nil, failure(fileWrong("make a folder for "+e.from(), os.TempDir(), err))
	}
	defer os.RemoveAll(scratch)
	hash, err := git(ctx, dir, "rev-parse", "--verify", "--end-of-options", ref+"^{commit}")
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, mistake(noCommit(ref, err))
	}
	// In a folder of the repository git archives that folder, with paths from there.
	archive, err := git(ctx, dir, "archive", "--format=tar", strings.TrimSpace(string(hash)))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		e.why = "git cannot give its files: " + complaint(err)
		return e, nil
	}
	if err := unpack(bytes.NewReader(archive), scratch); err != nil {
		return nil, failure(fileWrong("unpack "+e.from()+" into", scratch, err))
	}
	if !hasSettings(scratch) {
		e.why = "it has no " + settingsFile
		return e, nil
	}
	asked, was := a.global.projectDir, a.dir
	a.global.projectDir = scratch
	b, err := a.load()
	a.global.projectDir, a.dir = asked, was
	if err == nil {
		b.options.Target = target
		if _, err = b.unconnected(); err == nil {
			err = b.compile(ctx)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		e.why = "it does not compile: " + firstError(diagnosticsOf(err))
	default:
		e.then = b.definitions()
	}
	return e, nil
}

func noCommit(ref string, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("--base: git knows no commit %q here", ref), Help: "name a branch, a tag or a commit that was fetched: git fetch origin main, and then --base origin/main"}
	if errors.Is(err, exec.ErrNotFound) {
		d.Message, d.Help = "--base: there is no git on this machine", "install git, or compare with a folder: --state"
	}
	if said := complaint(err); said != "" && !strings.Contains(said, "Needed a single revision") {
		d.Notes = append(d.Notes, said)
	}
	return d
}

// gitError is a command of git that failed, and what git said.
type gitError struct {
	act  string
	said string
	err  error
}

func (e *gitError) Error() string { return fmt.Sprintf("git %s: %v: %s", e.act, e.err, e.said) }
func (e *gitError) Unwrap() error { return e.err }

// complaint is the first line of what git said.
func complaint(err error) string {
	var g *gitError
	if !errors.As(err, &g) {
		return ""
	}
	line, _, _ := strings.Cut(g.said, "\n")
	return line
}

// git gives what a command of git says; its complaint is the error.
func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	// A hook of git says which repository it is for, as seen from elsewhere.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}, name)
	})
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, &gitError{args[0], strings.TrimSpace(said.String()), err}
	}
	return out, nil
}

// unpack writes the files of an archive of git into a folder. Links are left out: what they lead
// to is not part of the commit.
func unpack(from io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files := tar.NewReader(from)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.FromSlash(strings.TrimSuffix(h.Name, "/"))
		switch h.Typeflag {
		case tar.TypeDir:
			if name != "" {
				err = root.MkdirAll(name, 0o755)
			}
		case tar.TypeReg:
			err = unpackFile(root, name, files)
		}
		if err != nil {
			return err
		}
	}
}

func unpackFile(root *os.Root, name string, from io.Reader) (err error) {
	if parent := filepath.Dir(name); parent != "." {
		if err := root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, from)
	return err
}
