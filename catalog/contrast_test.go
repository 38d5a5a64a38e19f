package catalog

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// themes reads the tokens of the style sheet's source: the light theme, the dark one as the
// system asks for it, and the dark one as the reader has chosen it.
func themes(t *testing.T) (light, dark, chosen map[string]string) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("web", "css", "10-base.css"))
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`--([a-z-]+):\s*(#[0-9a-f]{3,6})\b`)
	read := func(selector string) map[string]string {
		_, rest, ok := bytes.Cut(body, []byte(selector+" {"))
		if !ok {
			t.Fatalf("no rule for %s", selector)
		}
		block, _, _ := bytes.Cut(rest, []byte("}"))
		out := map[string]string{}
		for _, m := range token.FindAllSubmatch(block, -1) {
			out[string(m[1])] = string(m[2])
		}
		return out
	}
	return read("\n:root"), read(":root:not([data-theme=light])"), read(":root[data-theme=dark]")
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	hex := strings.TrimPrefix(colour, "#")
	if len(hex) == 3 {
		hex = strings.Join([]string{hex[:1], hex[:1], hex[1:2], hex[1:2], hex[2:], hex[2:]}, "")
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatalf("colour %q: %v", colour, err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// TestContrast checks every pair of a text, or of a line that means something, and its ground.
func TestContrast(t *testing.T) {
	light, dark, chosen := themes(t)
	if len(light) < 35 || len(dark) != len(light) {
		t.Fatalf("%d colours in the light theme, %d in the dark one", len(light), len(dark))
	}
	for name := range dark {
		if dark[name] != chosen[name] || light[name] == "" {
			t.Errorf("--%s: %q, %q as chosen, %q in the light theme", name, dark[name], chosen[name], light[name])
		}
	}
	texts := map[string][]string{
		"ink": {"page", "card", "sunk", "wash", "calm-bg"}, "soft": {"page", "card", "sunk", "wash", "calm-bg"}, "faint": {"page", "card", "sunk", "wash"},
		"link": {"page", "card", "sunk", "wash", "calm-bg"}, "accent": {"page", "card", "sunk"},
		"ok": {"ok-bg", "card", "page"}, "warn": {"warn-bg", "card", "page"}, "bad": {"bad-bg", "card", "page"}, "calm": {"calm-bg", "card", "page"},
		"kw": {"sunk"}, "str": {"sunk"}, "com": {"sunk"}, "num": {"sunk"}, "tpl": {"sunk"},
	}
	lines := map[string][]string{"edge": {"sunk", "card", "page"}, "rim": {"card", "page", "sunk"}}
	for name := range light {
		if strings.HasPrefix(name, "t-") {
			texts[name] = []string{"card", "page", "sunk"}
		}
	}
	for theme, tokens := range map[string]map[string]string{"light": light, "dark": dark} {
		check := func(pairs map[string][]string, least float64) {
			for front, grounds := range pairs {
				for _, ground := range grounds {
					a, b := luminance(t, tokens[front]), luminance(t, tokens[ground])
					if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < least {
						t.Errorf("%s: --%s on --%s has a contrast of %.2f, want %.1f", theme, front, ground, ratio, least)
					}
				}
			}
		}
		check(texts, 4.5)
		check(lines, 3)
	}
}
