package main

import (
	"runtime/debug"
	"testing"
)

// TestMadeOf: what a binary says of itself, by how it was built.
func TestMadeOf(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef01234567"
	vcs := func(main, modified string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: main}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: hash}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: modified}}}
	}
	for _, x := range []struct {
		name                  string
		version, commit, date string
		info                  *debug.BuildInfo
		want                  madeFrom
		text                  string
	}{
		{"release", "v1.2.3", "", "", vcs("(devel)", "true"), madeFrom{"v1.2.3", hash, "2026-01-02T03:04:05Z", false}, "v1.2.3"},
		{"release with changes", "v1.2.3+changes", "", "", vcs("(devel)", "true"), madeFrom{"v1.2.3+changes", hash, "2026-01-02T03:04:05Z", true}, "v1.2.3+changes"},
		{"release without git", "v1.2.3", hash, "2026-01-01T00:00:00Z", &debug.BuildInfo{}, madeFrom{"v1.2.3", hash, "2026-01-01T00:00:00Z", false}, "v1.2.3"},
		{"go install of a tag", "", "", "", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, madeFrom{Version: "v1.2.3"}, "v1.2.3"},
		{"go install of a branch", "", "", "", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.4-0.20260102030405-0123456789ab"}}, madeFrom{"v1.2.4-0.20260102030405-0123456789ab", "0123456789ab", "2026-01-02T03:04:05Z", false}, "v1.2.4-0.20260102030405-0123456789ab"},
		{"before the first tag", "", "", "", vcs("v0.0.0-20260102030405-0123456789ab+dirty", "true"), madeFrom{"v0.0.0-20260102030405-0123456789ab+dirty", hash, "2026-01-02T03:04:05Z", true}, "v0.0.0-20260102030405-0123456789ab+dirty"},
		{"working copy", "", "", "", vcs("(devel)", "true"), madeFrom{"dev", hash, "2026-01-02T03:04:05Z", true}, "dev-0123456789ab+changes"},
		{"no git", "", "", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, madeFrom{Version: "dev"}, "dev"},
		{"nothing", "", "", "", nil, madeFrom{Version: "unknown"}, "unknown"},
	} {
		t.Run(x.name, func(t *testing.T) {
			got := madeOf(x.version, x.commit, x.date, x.info)
			if got != x.want {
				t.Errorf("got %+v, want %+v", got, x.want)
			}
			if got.text() != x.text {
				t.Errorf("text %q, want %q", got.text(), x.text)
			}
		})
	}
}
