package project

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/source"
)

// LookML is «lookml:» of engine.yml: what engine lookml writes, and where. Texts that were
// not written have their defaults and no place.
type LookML struct {
	At source.Span
	// Path is the folder of the Looker project, relative to this one or absolute. Generated
	// and Refinements are folders below it.
	Path, Generated, Refinements Value[string]
	// Target is the target whose relations the views name; unset: the command's.
	Target Value[string]
	// Select and Exclude say which nodes have a view; without Select it is all models that
	// are not private.
	Select, Exclude []Value[string]
	// Prefix begins the names of views.
	Prefix     Value[string]
	Timeframes []Value[string]
}

// DayFrames are timeframes that a date has in Looker, ClockFrames those that need a time of day.
// https://cloud.google.com/looker/docs/reference/param-field-dimension-group
var (
	DayFrames = []string{
		"raw", "date", "week", "month", "quarter", "year", "day_of_month", "day_of_week", "day_of_week_index", "day_of_year", "month_name", "month_num",
		"quarter_of_year", "week_of_year", "fiscal_month_num", "fiscal_quarter", "fiscal_quarter_of_year", "fiscal_year",
	}
	ClockFrames = []string{"time", "time_of_day", "hour", "hour_of_day", "minute", "second", "millisecond", "microsecond"}
)

// Timeframes are all of them, sorted.
func Timeframes() []string {
	return slices.Sorted(slices.Values(slices.Concat(DayFrames, ClockFrames)))
}

var lookmlPrefix = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// LookerOf is «lookml:», or what holds without it.
func (s Settings) LookerOf() LookML {
	if s.LookML != nil {
		return *s.LookML
	}
	return LookML{Path: Value[string]{V: "looker"}, Generated: Value[string]{V: "generated"}, Refinements: Value[string]{V: "views"}}
}

func (s *settings) decodeLookML(o *object) {
	in, ok := o.child("lookml")
	if !ok {
		return
	}
	in.what = `"lookml"`
	l := s.LookerOf()
	l.At = o.keyAt("lookml")
	s.LookML = &l
	l.Path = in.orDefault("path", l.Path.V)
	below := func(name, def string) Value[string] {
		v := in.orDefault(name, def)
		clean, why := inside(v.V)
		if why == "" && clean == "." {
			why = "it is the folder of the Looker project itself"
		}
		if why != "" {
			o.list.Add(valueInvalid(v.At, fmt.Sprintf("%q cannot be a folder of the Looker project: %s", v.V, why), "give a path relative to \"path\", below it"))
			clean = def
		}
		v.V = clean
		return v
	}
	l.Generated, l.Refinements = below("generated", l.Generated.V), below("refinements", l.Refinements.V)
	if a, b := l.Generated.V, l.Refinements.V; a == b || strings.HasPrefix(b, a+"/") {
		at := l.Refinements.At
		if at.IsZero() {
			at = l.Generated.At
		}
		o.list.Add(valueInvalid(at, fmt.Sprintf("refinements, which are people's, would lie in %q, which engine lookml writes", a), "keep the two folders apart"))
	}
	l.Target = in.str("target")
	if names := s.targetNames(); l.Target.IsSet() && !slices.Contains(names, l.Target.V) {
		o.list.Add(targetUnknown(l.Target.At, l.Target.V, names))
	}
	l.Select, l.Exclude = in.strs("select"), in.strs("exclude")
	if l.Prefix = in.str("prefix"); l.Prefix.IsSet() && !lookmlPrefix.MatchString(l.Prefix.V) {
		o.list.Add(valueInvalid(l.Prefix.At, fmt.Sprintf("%q cannot begin the name of a view", l.Prefix.V), "use a-z, 0-9 and _, beginning with a letter"))
	}
	l.Timeframes = in.strs("timeframes")
	for _, f := range l.Timeframes {
		if known := Timeframes(); !slices.Contains(known, f.V) {
			o.list.Add(valueUnknown(f.At, in.key("timeframes"), f.V, known))
		}
	}
	in.finish(nil, nil)
}
