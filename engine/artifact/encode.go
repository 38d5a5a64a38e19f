package artifact

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/internal/atomicfile"
)

// Write replaces the file name in dir, atomically.
func Write(dir, name string, data []byte) error {
	return atomicfile.Write(filepath.Join(dir, name), data)
}

// WriteTo replaces the file name in dir, atomically, by what fill writes.
func WriteTo(dir, name string, fill func(io.Writer) error) error {
	return atomicfile.WriteTo(filepath.Join(dir, name), fill)
}

// marshal encodes as Python does: no escapes for HTML.
func marshal(v any) ([]byte, error) {
	return json.MarshalWithOption(v, json.DisableHTMLEscape())
}

// object writes a JSON object entry by entry, in the order given, so that a large one is
// never held as a tree. The first error stays.
type object struct {
	out   *bufio.Writer // keeps the first error of its own until it is flushed
	wrote bool
	err   error
}

func open(out *bufio.Writer) *object {
	_ = out.WriteByte('{')
	return &object{out: out}
}

// file writes a whole file that is an object. What there is of it in memory is one entry.
func file(out io.Writer, fill func(*object)) error {
	buffered := bufio.NewWriterSize(out, 1<<16)
	o := open(buffered)
	fill(o)
	if err := o.close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func (o *object) key(name string) {
	if o.wrote {
		_, _ = o.out.WriteString(", ")
	}
	o.wrote = true
	k, err := marshal(name)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("encode key %q: %w", name, err)
	}
	_, _ = o.out.Write(k)
	_, _ = o.out.WriteString(": ")
}

func (o *object) put(name string, value any) {
	if o.err != nil {
		return
	}
	b, err := marshal(value)
	if err != nil {
		o.err = fmt.Errorf("encode %s: %w", name, err)
		return
	}
	o.key(name)
	_, _ = o.out.Write(b)
}

// sub writes an object as the value of name.
func (o *object) sub(name string, fill func(*object)) {
	if o.err != nil {
		return
	}
	o.key(name)
	in := open(o.out)
	fill(in)
	o.err = in.close()
}

// list writes an array as the value of name, element by element.
func (o *object) list(name string, n int, element func(i int) any) {
	if o.err != nil {
		return
	}
	o.key(name)
	_ = o.out.WriteByte('[')
	for i := range n {
		b, err := marshal(element(i))
		if err != nil {
			o.err = fmt.Errorf("encode %s: %w", name, err)
			return
		}
		if i > 0 {
			_, _ = o.out.WriteString(", ")
		}
		_, _ = o.out.Write(b)
	}
	_ = o.out.WriteByte(']')
}

func (o *object) close() error {
	_ = o.out.WriteByte('}')
	return o.err
}

// plain makes a value from YAML fit for JSON, which has no NaN and no infinity.
func plain(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	case map[string]any:
		return plainMap(v)
	}
	return v
}

func plainMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = plain(v)
	}
	return out
}
