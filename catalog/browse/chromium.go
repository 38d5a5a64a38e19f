package browse

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
)

// Chromium is the browser of one test binary. It starts with the first tab; Close ends it. The
// zero value is ready:
//
//	var chromium browse.Chromium
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		chromium.Close()
//		os.Exit(code)
//	}
type Chromium struct {
	mu    sync.Mutex
	ctx   context.Context
	stop  []context.CancelFunc
	slots chan struct{}
	err   error
}

// Names of the program, the Debian package's first.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Program is the path of the browser on this machine, empty if there is none.
func Program() string {
	for _, name := range programs {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	return ""
}

var errNone = errors.New("needs Chromium: install the package chromium")

// width and height are those of a window that was not told otherwise, in CSS pixels.
const width, height = 1400, 900

// tabs is how many are open at a time: more of them wait for each other on a small machine, and
// a tab that waits looks like a page that hangs.
const tabs = 2

// start gives the context of the browser, which has run from then on.
func (c *Chromium) start() (context.Context, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx != nil || c.err != nil {
		return c.ctx, c.err
	}
	program := Program()
	if program == "" {
		c.err = errNone
		return nil, c.err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.WindowSize(width, height),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("font-render-hinting", "none"),
		// The outside does not exist, whatever the machine's network says.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocated, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocated)
	c.stop = []context.CancelFunc{stop, stopAllocator}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		stopAllocator()
		c.err = err
		return nil, err
	}
	c.ctx = ctx
	c.slots = make(chan struct{}, tabs)
	return ctx, nil
}

// Close ends the browser if it was started.
func (c *Chromium) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx != nil {
		ctx, cancel := context.WithTimeout(c.ctx, 20*time.Second)
		defer cancel()
		_ = chromedp.Cancel(ctx) // the process is killed below if it does not go by itself
	}
	for _, stop := range c.stop {
		stop()
	}
	c.ctx, c.stop = nil, nil
}

// Tab opens an empty tab for t, with storage of its own, and closes it when t ends. It is ready
// for pages of place. At the end t fails for all that the tab complained of. Without a browser on
// the machine t is skipped.
func (c *Chromium) Tab(t T, place *Place) *Tab {
	t.Helper()
	ctx, err := c.start()
	if errors.Is(err, errNone) {
		t.Skip(err.Error())
	}
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	c.slots <- struct{}{}
	tab := &Tab{t: t, place: place}
	tab.ctx, tab.close = chromedp.NewContext(ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.listen))
	t.Cleanup(func() {
		tab.end()
		<-c.slots
	})
	if err := tab.begin(); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	return tab
}
