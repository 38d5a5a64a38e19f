// Command bq is the BigQuery peer of the tests: the real emulator
// (github.com/goccy/bigquery-emulator) behind package shim, a test double. It listens on a
// free port of the loopback, prints {"url": …} as one line on its standard output and ends
// when its standard input is closed, so that it never outlives the test that started it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/goccy/bigquery-emulator/server"

	"github.com/engine-build/engine/internal/testpeer/bq/shim"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bq:", err)
		os.Exit(1)
	}
}

// start opens an emulator in a file of its own and returns the double in front of it.
func start() (handler http.Handler, stop func() error, err error) {
	emulator, err := server.New(server.TempStorage)
	if err != nil {
		return nil, nil, fmt.Errorf("open the emulator: %w", err)
	}
	// The emulator builds links from its listener's address, so it must have one; nobody
	// calls it there.
	inner := emulator.TestServer()
	stop = func() error {
		inner.Close()
		return emulator.Close()
	}
	return shim.New(emulator.Handler, emulator.SetProject).Handler(), stop, nil
}

func run(in io.Reader, out io.Writer) error {
	handler, stop, err := start()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(listener) }()
	if err := json.NewEncoder(out).Encode(map[string]string{"url": "http://" + listener.Addr().String()}); err != nil {
		return fmt.Errorf("print the address: %w", err)
	}
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in) // any end of the input ends the peer
		close(closed)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-closed:
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = srv.Shutdown(ctx) // requests still open end with the process
	return stop()
}
