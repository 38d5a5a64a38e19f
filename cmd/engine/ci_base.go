package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
)

// committed is the project as a commit of git has it, compiled for the same target; the work tree
// stays as it is. Where it cannot be compiled there is no «then», and why.
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
	base, out, err := checkOut(ctx, dir, strings.TrimSpace(string(hash)), scratch)
	var refused *gitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &refused):
		e.why = "git cannot give its files: " + complaint(err)
		return e, nil
	case err != nil:
		return nil, failure(fileWrong("check out "+e.from()+" in", scratch, err))
	}
	if slices.Contains(out, settingsFile) {
		e.why = leadsOut(settingsFile)
		return e, nil
	}
	if !hasSettings(base) {
		e.why = "it has no " + settingsFile
		return e, nil
	}
	asked, was := a.global.projectDir, a.dir
	a.global.projectDir = base
	b, err := a.load()
	a.global.projectDir, a.dir = asked, was
	if err == nil {
		if link := b.linked(out); link != "" {
			e.why = leadsOut(link)
			return e, nil
		}
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
	return gitWith(ctx, dir, nil, nil, args...)
}

// gitWith is git with a standard input and more variables.
func gitWith(ctx context.Context, dir string, in io.Reader, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = dir, in
	// A hook of git says which repository it is for, as seen from elsewhere.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}, name)
	})
	cmd.Env = append(cmd.Env, env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, &gitError{args[0], strings.TrimSpace(said.String()), err}
	}
	return out, nil
}

// checkOut writes the project's files of a commit below a folder, and gives the folder that they
// are in. The work tree and the index are new ones, so that nothing of the repository changes, the
// attributes are those of the commit, and the files are as a checkout of it has them: with line
// ends and filters, and with what an archive leaves out or fills in. Links that lead out of the
// project are not made; they are given as paths in it.
func checkOut(ctx context.Context, dir, commit, below string) (base string, out []string, err error) {
	prefix, err := git(ctx, dir, "rev-parse", "--show-prefix")
	if err != nil {
		return "", nil, err
	}
	// Of a folder of the repository only that folder is listed.
	listed, err := git(ctx, dir, "ls-tree", "-r", "-z", "--full-name", commit)
	if err != nil {
		return "", nil, err
	}
	within := strings.TrimSuffix(string(prefix), "\n")
	var files bytes.Buffer
	var links []string
	for entry := range strings.SplitSeq(string(listed), "\x00") {
		about, path, _ := strings.Cut(entry, "\t")
		switch mode, _, _ := strings.Cut(about, " "); mode {
		case "":
			continue
		case "160000":
			continue // a submodule is another repository
		case "120000":
			links = append(links, strings.TrimPrefix(path, within))
		}
		files.WriteString(path + "\x00")
	}
	tree := filepath.Join(below, "tree")
	base = filepath.Join(tree, filepath.FromSlash(within))
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", nil, err
	}
	env := []string{"GIT_WORK_TREE=" + tree, "GIT_INDEX_FILE=" + filepath.Join(below, "index")}
	// Hooks and helpers of the repository are for its own index, a sparse checkout for its own tree.
	plain := []string{"-c", "core.hooksPath=" + filepath.Join(below, "none"), "-c", "core.fsmonitor=false", "-c", "core.splitIndex=false", "-c", "core.sparseCheckout=false"}
	if _, err := gitWith(ctx, dir, nil, env, append(plain, "read-tree", commit)...); err != nil {
		return "", nil, err
	}
	if _, err := gitWith(ctx, dir, &files, env, append(plain, "checkout-index", "-q", "-f", "-z", "--stdin")...); err != nil {
		return "", nil, err
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return "", nil, err
	}
	defer root.Close()
	for _, link := range links {
		if _, err := root.Stat(filepath.FromSlash(link)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			out = append(out, link)
		}
	}
	for _, link := range out { // after all were looked at: one may lead to another
		if err := root.Remove(filepath.FromSlash(link)); err != nil {
			return "", nil, err
		}
	}
	return base, out, nil
}

// linked is the first of some links that stand where the project has its files.
func (s *session) linked(links []string) string {
	for _, link := range links {
		for _, of := range s.ownPaths() {
			if of == link || strings.HasPrefix(link, of+"/") || strings.HasPrefix(of, link+"/") {
				return link
			}
		}
		if ending := filepath.Ext(link); !strings.Contains(link, "/") && (ending == ".yml" || ending == ".yaml") {
			return link
		}
	}
	return ""
}

func leadsOut(link string) string { return link + " is a link that leads out of the project" }
