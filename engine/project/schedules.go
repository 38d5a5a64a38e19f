package project

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/timetable"
)

// Schedule is one entry of schedules: of engine.yml. Texts that were not written have their
// defaults and no place.
type Schedule struct {
	Name Value[string]
	At   source.Span
	// When says when it is due by itself; its zero value where After is set.
	When timetable.Schedule
	// After is the schedule whose successful runs it follows; empty: none.
	After Value[string]
	// Target is the target that it works on; empty: the default one.
	Target          Value[string]
	Select, Exclude []Value[string]
	Phases          []Value[string]
	Overlap         Value[timetable.Overlap]
	// CatchUp is how long ago it may have been due to be made up for.
	CatchUp Value[time.Duration]
	// Deadline is how long a run may take in all.
	Deadline Value[time.Duration]
	// LateAfter is how long after it was due a run has to have succeeded; 0: nobody is told.
	LateAfter Value[time.Duration]
	// Retry says whether a phase that failed is tried again, and RetryDelay how much later.
	Retry      Value[string]
	RetryDelay Value[time.Duration]
	// Alerts is the address that is told of failures, as written: with ${ENV} in it.
	Alerts Value[string]
}

// Phases are what a schedule can do, in the order in which it does them. Each is a command.
var Phases = []string{PhaseIngest, PhaseBuild, PhasePublish, PhaseMetabase}

// Phases by name.
const (
	PhaseIngest  = "ingest"
	PhaseBuild   = "build"
	PhasePublish = "publish"
	// PhaseMetabase writes to Metabase what is known of the tables.
	PhaseMetabase = "metabase"
)

// Values of retry.
const (
	RetryNone       = "none"
	RetryFromFailed = "from_failed"
)

// Defaults of schedules.
const (
	DefaultCatchUp    = time.Hour
	DefaultDeadline   = 24 * time.Hour
	DefaultRetryDelay = time.Minute
)

// scheduleName is what can stand in an address and in the name of a file.
var scheduleName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

func (s *settings) decodeSchedules(o *object) {
	first := map[string]source.Span{}
	for _, n := range o.items("schedules") {
		in, ok := o.object(n, "a schedule")
		if !ok {
			continue
		}
		d := in.schedule(s)
		if d == nil {
			continue
		}
		if at, twice := first[d.Name.V]; twice {
			o.list.Add(nameDuplicate(d.Name.At, "schedule", d.Name.V, at, "schedule", "give it another name"))
			continue
		}
		first[d.Name.V] = d.Name.At
		s.Schedules = append(s.Schedules, d)
	}
	s.followSchedules(&o.list)
}

// schedule reads one entry; nil where it has no name that could be used.
func (o *object) schedule(s *settings) *Schedule {
	d := &Schedule{At: o.at}
	var named bool
	if d.Name, named = o.required("name"); named {
		o.what = fmt.Sprintf("schedule %q", d.Name.V)
		if !scheduleName.MatchString(d.Name.V) {
			o.list.Add(valueInvalid(d.Name.At, fmt.Sprintf("%q cannot be the name of a schedule", d.Name.V), "use a-z, 0-9, _ and -, beginning with a letter, 63 at most"))
		}
	}
	o.scheduleTimes(d)
	d.Target = o.str("target")
	if names := s.targetNames(); d.Target.IsSet() && !slices.Contains(names, d.Target.V) {
		o.list.Add(targetUnknown(d.Target.At, d.Target.V, names))
	}
	o.schedulePhases(d, s.Distribution != nil, s.Metabase != nil)
	d.Select, d.Exclude = o.strs("select"), o.strs("exclude")
	if chosen := slices.Concat(d.Select, d.Exclude); len(chosen) > 0 && !d.Has(PhaseBuild) && !d.Has(PhaseIngest) {
		o.list.Add(valueInvalid(chosen[0].At, fmt.Sprintf("%s builds nothing that could be selected", o.what), `add "build" to its phases, or remove "select" and "exclude"`))
	}
	overlap := o.oneOf("overlap", timetable.Overlaps...)
	d.Overlap = Value[timetable.Overlap]{timetable.Overlap(cmp.Or(overlap.V, timetable.Overlaps[0])), overlap.At}
	d.CatchUp = o.interval("catchup_window", DefaultCatchUp, timetable.ParseSpan, `for example 2h or 1d; 0 for none`)
	d.Deadline = o.interval("deadline", DefaultDeadline, timetable.ParseInterval, "for example 45m or 2h")
	d.LateAfter = o.interval("late_after", 0, timetable.ParseInterval, "for example 30m or 2h")
	d.Retry = o.oneOf("retry", RetryNone, RetryFromFailed)
	d.Retry.V = cmp.Or(d.Retry.V, RetryNone)
	d.RetryDelay = o.interval("retry_delay", DefaultRetryDelay, timetable.ParseInterval, "for example 1m or 10m")
	if d.RetryDelay.IsSet() && d.Retry.V == RetryNone {
		o.list.Add(valueInvalid(d.RetryDelay.At, fmt.Sprintf("%s has a delay of retries and no retries", o.what), `write "retry: from_failed", or remove it`))
	}
	d.Alerts = o.str("alerts")
	if d.Alerts.IsSet() {
		blind := interpolateWhen(d.Alerts.V, d.Alerts.At, func(string) (string, bool) { return "", false }, &o.list, true)
		if blind == d.Alerts.V && checkAddress(blind) != nil {
			o.list.Add(valueInvalid(d.Alerts.At, "this is not the address of a webhook", "give an address that begins with https://, best by a variable: ${ENGINE_ALERTS}"))
		}
	} else if d.LateAfter.IsSet() {
		o.list.Add(valueInvalid(d.LateAfter.At, fmt.Sprintf("nobody is told that %s is late", o.what), `add "alerts: ${ENGINE_ALERTS}", or remove it`))
	}
	o.finish(misplacedInSchedule, nil)
	if !named {
		return nil
	}
	return d
}

func misplacedInSchedule(key string) string {
	switch key {
	case "threads", "schema", "publish":
		return `it belongs to the target, below "targets"`
	case "schedule", "interval":
		return `write "cron" or "every"`
	case "tz", "zone":
		return `write "timezone"`
	}
	return ""
}

// checkAddress says why a text is not the address of a webhook. It does not repeat the text,
// which may be a secret.
func checkAddress(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return errors.New("it does not begin with https:// or http:// and a host")
	}
	return nil
}

// Has reports whether the schedule has a phase.
func (d *Schedule) Has(phase string) bool {
	return slices.ContainsFunc(d.Phases, func(p Value[string]) bool { return p.V == phase })
}

// scheduleTimes reads when it is due: one of cron, every and after.
func (o *object) scheduleTimes(d *Schedule) {
	line, every, zone := o.str("cron"), o.str("every"), o.str("timezone")
	d.After = o.str("after")
	var said []Value[string]
	for _, v := range []Value[string]{line, every, d.After} {
		if v.IsSet() {
			said = append(said, v)
		}
	}
	switch {
	case len(said) == 0:
		o.list.Add(diag.Diagnostic{Code: codeKeyMissing, At: o.at, Message: fmt.Sprintf("%s is never due", o.what), Help: `add "cron: 0 3 * * *", "every: 1h", or "after:" another schedule`})
	case len(said) > 1:
		o.list.Add(valueInvalid(said[1].At, fmt.Sprintf("%s is due in two ways", o.what), `keep one of "cron", "every" and "after"; a second schedule can do the same at other times`))
	}
	if line.IsSet() {
		o.cron(d, line)
	}
	if every.IsSet() {
		n, err := timetable.ParseInterval(every.V)
		if err != nil {
			o.list.Add(valueInvalid(every.At, err.Error(), "give a number with a unit: 90s, 15m, 1h30m, 1d"))
		}
		d.When.Every = n
	}
	if !zone.IsSet() {
		return
	}
	if !line.IsSet() {
		o.list.Add(valueInvalid(zone.At, "only cron lines have a time zone", `write "cron" instead, or remove it`))
		return
	}
	loaded, err := time.LoadLocation(zone.V)
	if err != nil || zone.V == "" || zone.V == "Local" {
		o.list.Add(valueInvalid(zone.At, fmt.Sprintf("there is no time zone %q", zone.V), "give a name of the IANA database: Europe/Berlin, America/New_York, UTC"))
		return
	}
	d.When.Zone = loaded
}

func (o *object) cron(d *Schedule, line Value[string]) {
	c, err := timetable.Parse(line.V)
	var wrong *timetable.SyntaxError
	if errors.As(err, &wrong) {
		at := line.At
		// Where the text stands as it is, the mistake has a place of its own.
		if i := strings.Index(at.Text(), line.V); i >= 0 && wrong.Length > 0 {
			at = at.Sub(i+wrong.Offset, i+wrong.Offset+wrong.Length)
		}
		o.list.Add(valueInvalid(at, wrong.Message, wrong.Help))
	}
	d.When.Cron = c
}

// schedulePhases reads phases, build by default.
func (o *object) schedulePhases(d *Schedule, distributes, shown bool) {
	if n := o.get("phases"); n == nil || n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		if n != nil {
			o.list.Add(valueInvalid(o.span(n), fmt.Sprintf("%s does nothing", o.what), "phases are "+quoted(Phases)))
		}
		d.Phases = []Value[string]{{V: PhaseBuild}}
		return
	}
	last := -1
	for _, p := range o.strs("phases") {
		i := slices.Index(Phases, p.V)
		switch {
		case i < 0:
			o.list.Add(valueUnknown(p.At, o.key("phases"), p.V, Phases))
			continue
		case d.Has(p.V):
			o.list.Add(valueInvalid(p.At, fmt.Sprintf("phase %q is there twice", p.V), "remove one of them"))
			continue
		case i < last:
			o.list.Add(valueInvalid(p.At, fmt.Sprintf("phase %q comes after one that it has to precede", p.V), "the order is "+quoted(Phases)))
			continue
		case p.V == PhasePublish && !distributes:
			o.list.Add(valueInvalid(p.At, "there is nobody to publish to: the project has no customers", `add "distribution" to engine.yml, or remove the phase`))
		case p.V == PhaseMetabase && !shown:
			o.list.Add(valueInvalid(p.At, "the project has no Metabase", `add "metabase" to engine.yml, or remove the phase`))
		}
		last = i
		d.Phases = append(d.Phases, p)
	}
}

// interval reads a time, or gives what holds if there is none.
func (o *object) interval(name string, def time.Duration, parse func(string) (time.Duration, error), help string) Value[time.Duration] {
	v := o.str(name)
	if !v.IsSet() {
		return Value[time.Duration]{V: def}
	}
	n, err := parse(v.V)
	if err != nil {
		o.list.Add(valueInvalid(v.At, err.Error(), help))
		return Value[time.Duration]{V: def}
	}
	return Value[time.Duration]{n, v.At}
}

// followSchedules checks what comes after what: there is such a schedule, and no circle.
func (s *settings) followSchedules(list *diag.List) {
	var names []string
	before := map[string]string{}
	for _, d := range s.Schedules {
		names = append(names, d.Name.V)
		before[d.Name.V] = d.After.V
	}
	for _, d := range s.Schedules {
		if !d.After.IsSet() {
			continue
		}
		if !slices.Contains(names, d.After.V) {
			list.Add(diag.Diagnostic{Code: codeValueUnknown, At: d.After.At, Message: fmt.Sprintf("there is no schedule %q", d.After.V), Help: didYouMean(d.After.V, names, "schedules are ")})
			continue
		}
		for n, steps := d.After.V, 0; n != "" && steps <= len(names); n, steps = before[n], steps+1 {
			if n == d.Name.V {
				list.Add(valueInvalid(d.After.At, fmt.Sprintf("schedule %q comes after itself", d.Name.V), `give the first of them "cron" or "every"`))
				break
			}
		}
	}
}

// AlertAddress is where alerts of a schedule go, with ${ENV} replaced; empty: nowhere. A
// variable that is not set is a mistake here, and only here.
func (d *Schedule) AlertAddress(env func(string) (string, bool)) (string, diag.List) {
	if !d.Alerts.IsSet() {
		return "", nil
	}
	var list diag.List
	address := interpolate(d.Alerts.V, d.Alerts.At, env, &list)
	if err := checkAddress(address); err != nil && !list.HasErrors() {
		list.Add(valueInvalid(d.Alerts.At, fmt.Sprintf("this is not the address of a webhook: %s", err), "set the variable to an address that begins with https://"))
	}
	return address, list
}
