package browse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a condition may take. It is long because machines of tests are slow and
// shared; what is fast enough is a question for the bench.
const patience = 60 * time.Second

// beat is the time between two looks at a condition.
const beat = 15 * time.Millisecond

// Tab is one tab. Its methods fail the test when they cannot do what they say.
type Tab struct {
	t     T
	ctx   context.Context
	close context.CancelFunc
	place *Place

	mu         sync.Mutex
	complaints []Complaint
	expected   []func(Complaint) bool
	addresses  map[network.RequestID]string
	requests   []string
}

func (tab *Tab) begin() error {
	if err := chromedp.Do(tab.ctx, chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, audits.Enable, cdp.Empty{})
		if err != nil {
			return err
		}
		// Each tab believes that it is looked at, else only one had the focus.
		_, err = cdp.Call(ctx, s, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	})); err != nil {
		return err
	}
	go tab.dismiss()
	return nil
}

// dismiss answers dialogs, which would hold the page; that they came is a complaint already.
func (tab *Tab) dismiss() {
	for _, err := range chromedp.Events(tab.ctx, page.JavascriptDialogOpening) {
		if err != nil {
			return
		}
		_, _ = chromedp.Call(tab.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
	}
}

func (tab *Tab) end() {
	for _, c := range tab.Complaints() {
		tab.t.Errorf("%s: %s", tab.place.Name, c)
	}
	tab.close()
}

// do runs a step of the protocol.
func (tab *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tab.t.Fatalf("%s: %s: %v", tab.place.Name, what, err)
	}
}

func call[P, R any](tab *Tab, cmd cdp.Command[P, R], params P) R {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	res, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		tab.t.Fatalf("%s: %s: %v", tab.place.Name, cmd.Method, err)
	}
	return res
}

// Open goes to a page of the place, «model/orders.html#c-id», and waits until it is complete.
func (tab *Tab) Open(page string) {
	tab.t.Helper()
	tab.Go(tab.place.URL(page))
}

// Go opens an address.
func (tab *Tab) Go(address string) {
	tab.t.Helper()
	// An address that differs in its fragment alone loads nothing, which Navigate does not wait for.
	tab.do("open "+address, chromedp.Navigate(address))
	tab.Wait(`document.readyState === 'complete'`)
}

// Back does what the button of the browser does. Follow it with At or Wait.
func (tab *Tab) Back() { tab.t.Helper(); tab.step(-1) }

// Forward is the other way of Back.
func (tab *Tab) Forward() { tab.t.Helper(); tab.step(1) }

func (tab *Tab) step(by int) {
	tab.t.Helper()
	history := call(tab, page.GetNavigationHistory, cdp.Empty{})
	to := int(history.CurrentIndex) + by
	if to < 0 || to >= len(history.Entries) {
		tab.t.Fatalf("%s: the history of %s has nothing there", tab.place.Name, tab.Page())
	}
	call(tab, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[to].ID})
}

// Reload loads the page again and waits until it is complete.
func (tab *Tab) Reload() {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Reload())
	for err != nil && strings.Contains(err.Error(), "Not attached to an active page") && ctx.Err() == nil {
		// Chromium is between two pages, right after going to another fragment.
		err = chromedp.Do(ctx, chromedp.Sleep(50*time.Millisecond), chromedp.Reload())
	}
	if err != nil {
		tab.t.Fatalf("%s: reload: %v", tab.place.Name, err)
	}
	tab.Wait(`document.readyState === 'complete'`)
}

// Page is where the tab is: the address without the place, «index.html» for the place itself.
func (tab *Tab) Page() string {
	tab.t.Helper()
	return tab.page(Value[string](tab, `location.href`))
}

func (tab *Tab) page(address string) string {
	rest, ok := strings.CutPrefix(address, tab.place.Base)
	if !ok {
		return address
	}
	file, fragment, has := strings.Cut(rest, "#")
	if file == "" || strings.HasSuffix(file, "/") {
		file += "index.html"
	}
	if has {
		file += "#" + fragment
	}
	return file
}

// At waits until the tab is at page, complete. A page without «#» stands for all its fragments;
// one that ends in «*» for all that begin so.
func (tab *Tab) At(page string) {
	tab.t.Helper()
	last := ""
	err := tab.until(func() (bool, error) {
		s, err := tab.raw(`document.readyState === 'complete' ? location.href : ''`)
		if err != nil {
			return false, err
		}
		var address string
		if err := json.Unmarshal(s, &address); err != nil {
			return false, err
		}
		last = tab.page(address)
		have := last
		if begin, ok := strings.CutSuffix(page, "*"); ok {
			return strings.HasPrefix(have, begin), nil
		}
		if !strings.Contains(page, "#") {
			have, _, _ = strings.Cut(have, "#")
		}
		if a, err := url.PathUnescape(have); err == nil && !strings.Contains(page, "%") {
			have = a
		}
		return have == page, nil
	})
	if err != nil {
		tab.t.Fatalf("%s: at %s, want %s: %v", tab.place.Name, last, page, err)
	}
}

// raw evaluates an expression of JavaScript, which may be a promise, and returns JSON.
func (tab *Tab) raw(expression string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
}

// Eval runs JavaScript for what it does.
func (tab *Tab) Eval(expression string) {
	tab.t.Helper()
	if _, err := tab.raw(expression); err != nil && !errors.Is(err, chromedp.ErrJSUndefined) {
		tab.t.Fatalf("%s: %s: %v", tab.place.Name, short(expression), err)
	}
}

// Value evaluates an expression of JavaScript, which may be a promise.
func Value[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	var out T
	raw, err := tab.raw(expression)
	if err != nil {
		tab.t.Fatalf("%s: %s: %v", tab.place.Name, short(expression), err)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		tab.t.Fatalf("%s: %s is %s: %v", tab.place.Name, short(expression), raw, err)
	}
	return out
}

// Call calls a function of JavaScript, written «(a, b) => …», with args as JSON.
func Call[T any](tab *Tab, function string, args ...any) T {
	tab.t.Helper()
	return Value[T](tab, apply(tab.t, function, args))
}

func apply(t T, function string, args []any) string {
	t.Helper()
	texts := make([]string, len(args))
	for i, a := range args {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(b)
	}
	return "(" + function + ")(" + strings.Join(texts, ",") + ")"
}

// Wait waits until an expression of JavaScript is truthy. It may fail until then.
func (tab *Tab) Wait(expression string) {
	tab.t.Helper()
	var last error
	err := tab.until(func() (bool, error) {
		raw, err := tab.raw("!!(" + expression + ")")
		last = err
		return err == nil && string(raw) == "true", nil
	})
	if err != nil {
		tab.t.Fatalf("%s: %s: never true at %s: %v", tab.place.Name, short(expression), tab.Page(), errors.Join(err, last))
	}
}

var errNever = errors.New("not in time")

// until looks at a condition again and again.
func (tab *Tab) until(done func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		ok, err := done()
		switch {
		case ok && err == nil:
			return nil
		case time.Now().After(deadline):
			return errors.Join(errNever, err)
		case tab.ctx.Err() != nil:
			return errors.Join(tab.ctx.Err(), err)
		}
		time.Sleep(beat)
	}
}

// shown finds the first element that css names and that has a size.
const shown = `(css) => [...document.querySelectorAll(css)].find(e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0 && getComputedStyle(e).visibility === 'visible' })`

// Has reports whether css names something that is to be seen.
func (tab *Tab) Has(css string) bool {
	tab.t.Helper()
	return Call[bool](tab, `(css) => !!(`+shown+`)(css)`, css)
}

// See waits until css names something that is to be seen.
func (tab *Tab) See(css string) {
	tab.t.Helper()
	tab.Wait(apply(tab.t, shown, []any{css}))
}

// Gone waits until css names nothing that is to be seen.
func (tab *Tab) Gone(css string) {
	tab.t.Helper()
	tab.Wait("!" + apply(tab.t, shown, []any{css}))
}

// Text is the text of the first element that css names, as a reader sees it, spaces joined. It
// waits for the element.
func (tab *Tab) Text(css string) string {
	tab.t.Helper()
	tab.See(css)
	return strings.Join(strings.Fields(Call[string](tab, `(css) => { const e = (`+shown+`)(css); return e.innerText ?? e.textContent }`, css)), " ")
}

// Count is how many elements css names.
func (tab *Tab) Count(css string) int {
	tab.t.Helper()
	return Call[int](tab, `(css) => document.querySelectorAll(css).length`, css)
}

type point struct{ X, Y float64 }

// Click clicks in the middle of what css names, once it is to be seen and nothing lies over it.
func (tab *Tab) Click(css string) {
	tab.t.Helper()
	var at point
	last := ""
	err := tab.until(func() (bool, error) {
		raw, err := tab.raw(apply(tab.t, `(css) => {
			const e = (`+shown+`)(css);
			if (!e) return { why: 'is not to be seen' };
			e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
			const r = e.getClientRects()[0] ?? e.getBoundingClientRect();
			const x = r.x + r.width / 2, y = r.y + r.height / 2, top = document.elementFromPoint(x, y);
			if (!top || !(e.contains(top) || top.contains(e))) return { why: 'lies under ' + (top ? top.outerHTML.slice(0, 90) : 'nothing') };
			return { x, y };
		}`, []any{css}))
		if err != nil {
			return false, err
		}
		var found struct {
			Why  string
			X, Y float64
		}
		if err := json.Unmarshal(raw, &found); err != nil {
			return false, err
		}
		at, last = point{found.X, found.Y}, found.Why
		return found.Why == "", nil
	})
	if err != nil {
		tab.t.Fatalf("%s: click %s at %s: it %s: %v", tab.place.Name, css, tab.Page(), last, err)
	}
	tab.do("click "+css, chromedp.MouseClickXY(at.X, at.Y))
}

// Point moves the mouse over what css names.
func (tab *Tab) Point(css string) {
	tab.t.Helper()
	tab.See(css)
	at := Call[point](tab, `(css) => { const e = (`+shown+`)(css); e.scrollIntoView({ block: 'center', behavior: 'instant' }); const r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 } }`, css)
	tab.do("point at "+css, chromedp.MouseEvent("mouseMoved", at.X, at.Y))
}

// keys are names of keys that are no characters.
var keys = map[string]string{
	"Enter": kb.Enter, "Tab": kb.Tab, "Escape": kb.Escape, "Backspace": kb.Backspace, "Delete": kb.Delete,
	"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
	"Home": kb.Home, "End": kb.End, "PageUp": kb.PageUp, "PageDown": kb.PageDown, "Space": " ",
}

// Press presses keys one after the other: «Enter», «/», «Ctrl+k», «Shift+Tab».
func (tab *Tab) Press(names ...string) {
	tab.t.Helper()
	for _, name := range names {
		var held []chromedp.KeyOption
		rest := name
		for {
			before, after, ok := strings.Cut(rest, "+")
			m, known := map[string]chromedp.Modifier{"Ctrl": chromedp.ModifierCtrl, "Shift": chromedp.ModifierShift, "Alt": chromedp.ModifierAlt, "Meta": chromedp.ModifierMeta}[before]
			if !ok || !known || after == "" {
				break
			}
			held = append(held, chromedp.KeyModifiers(m))
			rest = after
		}
		text, named := keys[rest]
		if !named {
			if len([]rune(rest)) != 1 {
				tab.t.Fatalf("no key has the name %q", rest)
			}
			text = rest
		}
		tab.do("press "+name, chromedp.KeyEvent(text, held...))
	}
}

// Type types a text where the focus is.
func (tab *Tab) Type(text string) {
	tab.t.Helper()
	tab.do("type", chromedp.KeyEvent(text))
}

// Focused tells what has the focus: the name of its tag with id, then its text or label.
func (tab *Tab) Focused() string {
	tab.t.Helper()
	return Value[string](tab, `(e => e ? e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + ' ' + (e.getAttribute('aria-label') || e.textContent || e.placeholder || '').replace(/\s+/g, ' ').trim().slice(0, 80) : '')(document.activeElement)`)
}

// TabTo presses Tab until a link, button or field has the focus for which the function of
// JavaScript «e => …» is true, at most limit times.
func (tab *Tab) TabTo(function string, limit int) {
	tab.t.Helper()
	for range limit {
		tab.Press("Tab")
		if Value[bool](tab, `!!(`+function+`)(document.activeElement)`) {
			return
		}
	}
	tab.t.Fatalf("%s: %d times Tab on %s do not lead to %s, last to %s", tab.place.Name, limit, tab.Page(), function, tab.Focused())
}

// Theme asks for light or dark, as the system of the reader does.
func (tab *Tab) Theme(name string) { tab.t.Helper(); tab.Media("", "prefers-color-scheme", name) }

// Media emulates a medium («print» or empty) and features of it by name and value.
func (tab *Tab) Media(medium string, features ...string) {
	tab.t.Helper()
	p := emulation.SetEmulatedMediaParams{Media: medium}
	for i := 0; i+1 < len(features); i += 2 {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	call(tab, emulation.SetEmulatedMedia, p)
}

// Size sets the size of the window in CSS pixels.
func (tab *Tab) Size(width, height int) {
	tab.t.Helper()
	call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(width), Height: int64(height), DeviceScaleFactor: 1})
}

// Phone is a narrow window with touch: 375 pixels wide, as small telephones are.
func (tab *Tab) Phone() {
	tab.t.Helper()
	call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 375, Height: 812, DeviceScaleFactor: 2, Mobile: true})
}

// WithoutScripts forbids the page's own scripts, for pages opened from now on. Value and the
// others that look at the page go on.
func (tab *Tab) WithoutScripts() {
	tab.t.Helper()
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Network is how fast the way to the server is.
type Network struct {
	Latency  time.Duration // from a request to the head of its answer
	Down, Up int           // bytes in a second
}

// Networks by the names they have in tools for measuring pages: Slow4G is the mobile profile of
// Lighthouse, 150 ms and 1.6 Mbit/s; Fast4G has a quarter of the delay and six times the rate.
var (
	Slow4G = Network{150 * time.Millisecond, 1_638_400 / 8, 750_000 / 8}
	Fast4G = Network{40 * time.Millisecond, 10_000_000 / 8, 5_000_000 / 8}
)

// Throttle makes the processor cpu times slower and, unless n is nil, the network as slow as n.
func (tab *Tab) Throttle(cpu float64, n *Network) {
	tab.t.Helper()
	call(tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: cpu})
	var p network.EmulateNetworkConditionsByRuleParams
	if n != nil {
		p.MatchedNetworkConditions = []*network.Conditions{{Latency: float64(n.Latency.Milliseconds()), DownloadThroughput: float64(n.Down), UploadThroughput: float64(n.Up)}}
	}
	call(tab, network.EmulateNetworkConditionsByRule, p)
}

// Forget empties the browser's cache.
func (tab *Tab) Forget() { tab.t.Helper(); call(tab, network.ClearBrowserCache, cdp.Empty{}) }

// PDF prints the page.
func (tab *Tab) PDF() []byte {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPrintBackground()))
	if err != nil {
		tab.t.Fatalf("%s: print %s: %v", tab.place.Name, tab.Page(), err)
	}
	return out
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// Picture is what the window shows, as PNG.
func (tab *Tab) Picture() []byte {
	tab.t.Helper()
	return call(tab, page.CaptureScreenshot, page.CaptureScreenshotParams{}).Data
}

// Screenshot keeps a picture of the window for people to look at, in the folder that the variable
// ENGINE_SCREENSHOTS names; without it nothing happens.
func (tab *Tab) Screenshot(name string) {
	tab.t.Helper()
	dir := os.Getenv("ENGINE_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture := tab.Picture()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tab.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, notInName.ReplaceAllString(name, "-")+".png"), picture, 0o644); err != nil {
		tab.t.Fatal(err)
	}
}

// Requests are the addresses asked for since the last page was opened, the page's own first.
func (tab *Tab) Requests() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.requests...)
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 160 {
		return fmt.Sprintf("%.150s… (%d bytes)", s, len(s))
	}
	return s
}
