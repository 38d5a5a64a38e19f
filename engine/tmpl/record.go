package tmpl

import (
	"errors"
	"unsafe"

	"github.com/engine-build/engine/engine/source"
)

const (
	maxOutput = 64 << 20   // bytes of one render
	maxSteps  = 10_000_000 // writes of one render
	maxDepth  = 100        // of include
)

// errStop ends an execution whose diagnostic has been kept.
var errStop = errors.New("stop")

// recorder is the writer a template executes into. text/template writes a text node with
// one Write of the node's own bytes, and those are a slice of the file: the address says
// which. The empty slices that stand before every action say which action writes what
// comes from elsewhere.
type recorder struct {
	run    *run
	unit   *unit
	out    []byte
	m      *source.Map // nil: do not record
	action *action     // the action that is running
	gen    source.Segment
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.run.steps++; r.run.steps > maxSteps {
		return 0, r.run.stop(runaway(r.place(), "the template takes more than 10,000,000 steps"))
	}
	off, own := r.offset(p)
	if len(p) == 0 {
		if own {
			r.action = r.unit.scan.actionAt(off)
		}
		return 0, nil
	}
	if r.run.size += len(p); r.run.size > maxOutput {
		return 0, r.run.stop(runaway(r.place(), "the text is longer than 64 MB"))
	}
	if !own && string(p) == "<no value>" {
		return 0, r.run.stop(noValue(r.place()))
	}
	if r.m != nil {
		r.record(len(p), off, own)
	}
	r.out = append(r.out, p...)
	return len(p), nil
}

// offset is where p begins in the unit's file, if it is a slice of it.
func (r *recorder) offset(p []byte) (int, bool) {
	data := r.unit.file.Data
	base := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(p)))
	if at < base || at >= base+uintptr(len(data)) {
		return 0, false
	}
	return int(at - base), true
}

func (r *recorder) record(n, off int, own bool) {
	start := len(r.out)
	if own {
		r.flush()
		r.m.Append(source.Segment{Start: start, End: start + n, Src: r.unit.file.Span(off, off+n), Verbatim: true})
		return
	}
	src := r.unit.file.Whole()
	if r.action != nil {
		src = r.unit.file.Span(r.action.start, r.action.end)
	}
	if r.gen.End == start && r.gen.End > r.gen.Start && r.gen.Src == src {
		r.gen.End += n
		return
	}
	r.flush()
	r.gen = source.Segment{Start: start, End: start + n, Src: src}
}

// flush appends the generated segment that is still growing.
func (r *recorder) flush() {
	if r.m != nil {
		r.m.Append(r.gen)
	}
	r.gen = source.Segment{}
}

// place is the running action without its braces, trim markers and space.
func (r *recorder) place() source.Span {
	if r.action == nil {
		return r.unit.file.Whole()
	}
	return r.action.inner(r.unit.file)
}
