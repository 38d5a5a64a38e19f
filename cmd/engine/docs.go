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

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/serve"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
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
rows and no types, and says nothing about builds.`),
		Example: `  engine docs generate
  engine docs generate --target prod`,
		Args: unexpected,
	}
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.compiled(cmd.Context())
		if err != nil {
			return err
		}
		if err := s.generate(cmd.Context()); err != nil {
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

func (s *session) generate(ctx context.Context) error {
	facts, snapshot, err := s.held(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
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
	s.warn()
	meta := s.meta(newRunID(s.app.now()), order{which: "generate"})
	if err := s.writeDocs(facts, nil, snapshot, meta); err != nil {
		return failure(plainError(err))
	}
	return nil
}

// held is what the target holds of the program.
func (s *session) held(ctx context.Context) (map[addr.Node]warehouse.Relation, state.Snapshot, error) {
	conn, err := s.read(ctx)
	if err != nil {
		return nil, state.Snapshot{}, err
	}
	defer conn.Close()
	snapshot, err := engine.Snapshot(ctx, s.program, conn)
	if err != nil {
		return nil, state.Snapshot{}, err
	}
	facts, err := s.inspect(ctx, conn, snapshot.Relations)
	return facts, snapshot, err
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
			if err := s.generate(ctx); err != nil {
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
