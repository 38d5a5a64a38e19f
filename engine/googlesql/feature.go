package googlesql

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/googlesql/raw"
)

// featureVersion is the prefix of features that came with a language version.
var featureVersion = regexp.MustCompile(`^V1\d`)

// features maps the analyzer's language features by name: upper case, without
// FEATURE_, underscores and the language version they came with.
var features = sync.OnceValue(func() map[string]raw.LanguageFeature {
	list := map[string]raw.LanguageFeature{}
	for _, r := range [][2]int{{1, 1000}, {11000, 11200}, {12000, 12200}, {13000, 13200}, {14000, 14400}, {999000, 999999}} {
		for f := raw.LanguageFeature(r[0]); f < raw.LanguageFeature(r[1]); f++ {
			name := f.String()
			if _, err := strconv.Atoi(name); err == nil {
				continue
			}
			list[featureKey(strings.ToUpper(strings.TrimPrefix(name, "Feature")))] = f
		}
	}
	return list
})

func featureKey(name string) string {
	return featureVersion.ReplaceAllString(strings.ReplaceAll(name, "_", ""), "")
}
