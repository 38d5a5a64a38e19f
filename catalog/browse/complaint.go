package browse

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// Complaint is something that a quiet page does not do.
type Complaint struct {
	Kind string // console, exception, log, policy, dialog, outside, failed, status
	Text string
	Page string // where it was heard, as far as the browser tells
}

func (c Complaint) String() string { return fmt.Sprintf("%s on %s: %s", c.Kind, c.Page, c.Text) }

// listen is called in the loop that reads from the browser: it only takes down what it hears.
func (tab *Tab) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		tab.complain("console", string(e.Type)+" "+words(e.Args), "")
	case *runtime.EventExceptionThrown:
		d := e.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + d.Exception.Description
		}
		tab.complain("exception", fmt.Sprintf("%s (line %d of %s)", text, d.LineNumber+1, d.URL), "")
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			tab.complain("log", string(e.Entry.Source)+": "+e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details; d != nil && d.ContentSecurityPolicyIssueDetails != nil {
			p := d.ContentSecurityPolicyIssueDetails
			tab.complain("policy", p.ViolatedDirective+" forbids "+string(p.ContentSecurityPolicyViolationType)+" "+p.BlockedURL, "")
		}
	case *page.EventJavascriptDialogOpening:
		tab.complain("dialog", string(e.Type)+" "+e.Message, e.URL)
	case *page.EventWindowOpen:
		tab.complain("outside", "opens a window: "+e.URL, "")
	case *network.EventRequestWillBeSent:
		tab.request(e)
	case *network.EventLoadingFailed:
		tab.mu.Lock()
		address := tab.addresses[e.RequestID]
		tab.mu.Unlock()
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" { // aborted: the reader went on
			tab.complain("failed", address+" "+e.ErrorText+string(e.BlockedReason), "")
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			tab.complain("status", fmt.Sprintf("%s answers %d", e.Response.URL, e.Response.Status), "")
		}
	}
}

func (tab *Tab) request(e *network.EventRequestWillBeSent) {
	address := e.Request.URL
	tab.mu.Lock()
	if tab.addresses == nil {
		tab.addresses = map[network.RequestID]string{}
	}
	tab.addresses[e.RequestID] = address
	if e.Type == network.ResourceTypeDocument {
		tab.requests = nil
	}
	if !strings.HasPrefix(address, "data:") {
		tab.requests = append(tab.requests, address)
	}
	tab.mu.Unlock()
	if !within(address, tab.place.Base) {
		tab.complain("outside", "asks for "+address, e.DocumentURL)
	}
}

// within reports whether an address belongs to a place, or is no address of anything outside.
func within(address, base string) bool {
	return strings.HasPrefix(address, base) || slices.ContainsFunc([]string{"data:", "blob:", "about:"}, func(s string) bool { return strings.HasPrefix(address, s) })
}

func words(args []*runtime.RemoteObject) string {
	var out []string
	for _, a := range args {
		var text string
		switch {
		case json.Unmarshal(a.Value, &text) == nil:
			out = append(out, text)
		case len(a.Value) > 0:
			out = append(out, string(a.Value))
		default:
			out = append(out, a.Description)
		}
	}
	return strings.Join(out, " ")
}

func (tab *Tab) complain(kind, text, where string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if where == "" && len(tab.requests) > 0 {
		where = tab.requests[0]
	}
	if strings.HasPrefix(where, tab.place.Base) {
		where = tab.page(where)
	}
	c := Complaint{kind, text, where}
	for _, is := range tab.expected {
		if is(c) {
			return
		}
	}
	if len(tab.complaints) < 200 { // a page in a loop
		tab.complaints = append(tab.complaints, c)
	}
}

// Complaints are those heard so far; they are forgotten, so that the test does not fail for them.
func (tab *Tab) Complaints() []Complaint {
	// What the page did until now has been said once an answer to a question of ours is here.
	_, _ = tab.raw(`1`)
	tab.mu.Lock()
	defer tab.mu.Unlock()
	out := tab.complaints
	tab.complaints = nil
	return out
}

// Expect makes the tab not complain, from now on, of what the function is true for.
func (tab *Tab) Expect(is func(Complaint) bool) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.expected = append(tab.expected, is)
}
