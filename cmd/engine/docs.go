package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/serve"
)

func (a *app) docsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "make and serve the catalog",
		Long:  "Makes the catalog of the project, a folder of static pages, and serves it.",
		Example: `  engine docs generate
  engine docs serve --port 8080`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return mistake(unknownCommand(cmd, args[0]))
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(a.docsGenerateCommand(), a.docsServeCommand())
	return cmd
}

func (a *app) docsGenerateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "write the catalog to target/catalog",
		Long: text(`
Writes the catalog, manifest.json and catalog.json from the project and from what the target
holds. Nothing is built. Where the target cannot be opened, the catalog has no numbers of
rows and no types, and says nothing about builds.

With --audience and --customer the sites of others are written instead, each into a folder of
its own: what such a reader is not to know is left out before anything is drawn, counted or
indexed. A page tells what has changed since the last catalog that said something else, or
since --baseline. See docs/catalog.md.

With --profile a sample of every relation is scanned for what its columns hold: the share of
NULL, distinct values, the least, the greatest and the most frequent. Columns marked sensitive
(meta or tag pii or sensitive, policy tags, masks), and what takes its values from them, are not
read. The profiles are kept in the target and shown, with their date, until they are made again.

With --materials, or pages under genealogy of catalog in engine.yml, the site has pages to
follow each lot of material to its origin and its use. They hold rows of the data.`),
		Example: `  engine docs generate
  engine docs generate --target prod
  engine docs generate --profile
  engine docs generate --single-file catalog.html
  engine docs generate --audience public
  engine docs generate --customer acme
  engine docs generate --materials
  engine docs generate --audience all --baseline ../main/target`,
		Args: unexpected,
	}
	f := &audienceFlags{}
	f.register(a, cmd)
	profile := false
	profileFlag(cmd, &profile)
	single := cmd.Flags().String("single-file", "", "write the catalog as one HTML `file` instead, for a small project")
	materials := cmd.Flags().Bool("materials", false, "add pages to follow lots of material, which hold rows of the data")
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.compiled(cmd.Context())
		if err != nil {
			return err
		}
		s.materials, s.profile = *materials, profile
		if *single != "" {
			if f.any() {
				return mistake(wrongArguments(cmd, "--single-file is one site, and --audience and --customer write several"))
			}
			return s.generateSingle(cmd.Context(), *single)
		}
		if f.any() {
			docs, err := s.generateFor(cmd.Context(), f)
			switch {
			case err != nil:
				return err
			case wantsJSON(a.global.output):
				return view.JSON(a.out, map[string]any{"status": "done", "catalogs": docs})
			case a.global.quiet:
				return nil
			}
			return a.showEditions(docs)
		}
		if err := s.generate(cmd.Context(), f); err != nil {
			return err
		}
		if wantsJSON(a.global.output) {
			return view.JSON(a.out, map[string]string{"status": "done", "catalog": s.catalogPage()})
		}
		if a.global.quiet {
			return nil
		}
		_, err = fmt.Fprintf(a.out, "catalog   %s\n", a.shown(s.catalogPage()))
		return err
	}
	return cmd
}

func (s *session) generate(ctx context.Context, f *audienceFlags) error {
	known, err := s.asked(ctx)
	if err != nil {
		return err
	}
	s.warn()
	meta := s.meta(newRunID(s.app.now()), order{which: "generate"})
	if err := s.writeDocs(ctx, known, nil, meta, f); err != nil {
		var wrong *mistakes
		if errors.As(err, &wrong) {
			return wrong
		}
		return failure(plainError(err))
	}
	return nil
}

// generateSingle writes the catalog as one file.
func (s *session) generateSingle(ctx context.Context, file string) error {
	known, err := s.asked(ctx)
	if err != nil {
		return err
	}
	s.warn()
	c, err := s.content(known, nil, s.meta(newRunID(s.app.now()), order{which: "generate"}))
	if err != nil {
		return failure(plainError(err))
	}
	if err := catalog.Build(c, catalog.Options{}).WriteFile(file); err != nil {
		return failure(plainError(err))
	}
	if wantsJSON(s.app.global.output) {
		return view.JSON(s.app.out, map[string]string{"status": "done", "catalog": file})
	}
	if s.app.global.quiet {
		return nil
	}
	_, err = fmt.Fprintf(s.app.out, "catalog   %s\n", s.app.shown(file))
	return err
}

// asked is what the target holds of the program; nothing, with a warning, where it does not answer.
func (s *session) asked(ctx context.Context) (knowledge, error) {
	known, err := s.held(ctx)
	if ctx.Err() != nil {
		return knowledge{}, ctx.Err()
	}
	if err != nil {
		d := plainError(err)
		var known *mistakes
		if errors.As(err, &known) && len(known.list) > 0 {
			d = known.list[0]
		}
		d.Severity = diag.Warning
		d.Notes = append(d.Notes, "the catalog is written without what the target holds")
		s.warnings.Add(d)
	}
	return known, nil
}

// held is what the target holds of the program.
func (s *session) held(ctx context.Context) (knowledge, error) {
	open := s.read
	if s.profile {
		open = s.connect // profiles are kept there
	}
	conn, err := open(ctx)
	if err != nil {
		return knowledge{}, err
	}
	defer conn.Close()
	return s.learn(ctx, conn, nil)
}

func (a *app) docsServeCommand() *cobra.Command {
	var host string
	var port int
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "serve the catalog on this machine",
		Long: text(`
Serves target/catalog by HTTP until Ctrl-C. If there is no catalog yet it is made first.
The catalog needs no server: index.html opens from the disk as well.`),
		Example: `  engine docs serve
  engine docs serve --host 0.0.0.0 --port 0`,
		Args: unexpected,
	}
	cmd.Flags().StringVar(&host, "host", "127.0.0.1", "`address` to listen at")
	cmd.Flags().IntVarP(&port, "port", "p", 8080, "`port`; 0 takes a free one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		s, err := a.settled()
		if err != nil {
			return err
		}
		if _, err := os.Stat(s.catalogPage()); err != nil {
			if err := s.compile(ctx); err != nil {
				return err
			}
			if err := s.generate(ctx, nil); err != nil {
				return err
			}
		}
		return a.serve(ctx, filepath.Dir(s.catalogPage()), net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return cmd
}

func (a *app) serve(ctx context.Context, dir, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return failure(diag.Diagnostic{Message: fmt.Sprintf("cannot listen at %s: %v", address, rootCause(err)), Help: "--port 0 takes a free port", Cause: err})
	}
	// os.Root: no link in the catalog leads out of it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return failure(fileWrong("open", a.shown(dir), err))
	}
	defer root.Close()
	handler := fresh(http.FileServerFS(root.FS()))
	if at, ok := listener.Addr().(*net.TCPAddr); ok && at.IP.IsLoopback() {
		handler = local(handler, listenName(address))
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	_, _ = fmt.Fprintf(a.out, "catalog at http://%s/ (Ctrl-C ends it)\n", listener.Addr())
	select {
	case err := <-ended:
		return failure(plainError(err))
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return server.Close()
	}
	return nil
}

// local keeps pages of other sites from reading what only this machine is to see.
func local(h http.Handler, names []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !serve.Hosted(r.Host, names) {
			http.Error(w, "the catalog is not known by this name", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// fresh tells browsers to ask again: the next build changes the pages.
func fresh(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(w, r)
	})
}
