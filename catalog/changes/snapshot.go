package changes

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/catalog/content"
)

// format is the first line of a snapshot. It changes when older ones cannot be read any more.
const format = "engine catalog snapshot 1"

// NotSnapshotError says that a file is no snapshot, or one of another version.
type NotSnapshotError struct{ Why string }

func (e *NotSnapshotError) Error() string { return "it is no snapshot of a catalog: " + e.Why }

// mostBytes bounds what a snapshot may unpack to.
const mostBytes = 2 << 30

// WriteSnapshot writes a catalog so that later ones can be compared with it: compressed JSON, the
// same bytes for the same catalog.
func WriteSnapshot(w io.Writer, c *content.Catalog) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(z, 1<<16)
	if _, err := fmt.Fprintln(buffered, format); err != nil {
		return err
	}
	if err := json.NewEncoder(buffered).EncodeWithOption(c, json.DisableHTMLEscape()); err != nil {
		return fmt.Errorf("encode the catalog: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return z.Close()
}

// ReadSnapshot reads what WriteSnapshot wrote. What is none is a *NotSnapshotError.
func ReadSnapshot(r io.Reader) (*content.Catalog, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, &NotSnapshotError{"it is not compressed"}
	}
	limited := &io.LimitedReader{R: z, N: mostBytes}
	in := bufio.NewReaderSize(limited, 1<<16)
	head, err := in.ReadString('\n')
	if err != nil || len(head) > 200 {
		return nil, &NotSnapshotError{"it has no first line"}
	}
	if head != format+"\n" {
		return nil, &NotSnapshotError{"it was written by another version of the engine"}
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read a snapshot: %w", err)
	}
	if limited.N <= 0 {
		return nil, &NotSnapshotError{"it is too large"}
	}
	var c content.Catalog
	if err := json.UnmarshalNoEscape(text, &c); err != nil {
		return nil, &NotSnapshotError{"its text is broken"}
	}
	if err := sound(&c); err != nil {
		return nil, &NotSnapshotError{err.Error()}
	}
	return &c, nil
}

// sound refuses numbers that lead nowhere, so that nothing that reads a snapshot stumbles.
func sound(c *content.Catalog) error {
	within := func(list []int, n int) bool {
		for _, i := range list {
			if i < 0 || i >= n {
				return false
			}
		}
		return true
	}
	broken := errors.New("its numbers do not fit together")
	for _, n := range c.Nodes {
		if n == nil || !within(n.Parents, len(c.Nodes)) || !within(n.Children, len(c.Nodes)) || !within(n.Tests, len(c.Tests)) {
			return broken
		}
		for _, x := range n.Columns {
			if x == nil || !within(x.Tests, len(c.Tests)) {
				return broken
			}
		}
	}
	for _, t := range c.Tests {
		if t == nil || !within(t.Reads, len(c.Nodes)) || t.Of >= len(c.Nodes) {
			return broken
		}
	}
	for _, m := range c.Macros {
		if m == nil {
			return broken
		}
	}
	for _, t := range c.Terms {
		if t == nil {
			return broken
		}
	}
	for _, g := range c.Groups {
		if g == nil {
			return broken
		}
	}
	f := &c.Flow
	if len(f.First) == 0 && len(f.Edges) == 0 {
		return nil
	}
	if len(f.First) != len(c.Nodes)+1 || f.First[0] != 0 {
		return broken
	}
	for i, n := range c.Nodes {
		if int(f.First[i+1]-f.First[i]) != len(n.Columns) {
			return broken
		}
	}
	total := f.First[len(c.Nodes)]
	for i, e := range f.Edges {
		if e.From < 0 || e.From >= total || e.To < 0 || e.To >= total || e.Text < 0 || int(e.Text) >= max(1, len(f.Texts)) || i > 0 && f.Edges[i-1].To > e.To {
			return broken
		}
	}
	return nil
}
