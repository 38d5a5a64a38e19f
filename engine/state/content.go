package state

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/compile"
)

// Known reports whether anything is known of the content.
func (c Content) Known() bool { return c.Rows != "" }

// Of names the part of the content that a reader reads. It is empty where one of its names
// is: that part is not known, or not yet.
func (c Content) Of(r compile.Reading) string {
	if c.Rows == "" {
		return ""
	}
	names := r.Columns
	if r.All {
		names = sorted(c.Columns)
	}
	text := make([]byte, 0, 256)
	text = append(append(text, c.Rows...), 0)
	for _, name := range names {
		value, has := c.Columns[name]
		if has && value == "" {
			return ""
		}
		text = append(append(text, name...), 0)
		text = append(append(text, value...), 0)
	}
	if r.All {
		text = append(text, c.Shape...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

// Equal reports whether all names are the same.
func (c Content) Equal(d Content) bool {
	return c.Rows == d.Rows && c.Shape == d.Shape && maps.Equal(c.Columns, d.Columns)
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func encodeContent(c Content) string {
	if c.Rows == "" {
		return ""
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic("state: strings do not marshal: " + err.Error())
	}
	return string(b)
}

// decodeContent reads what encodeContent wrote. A record of an earlier engine has none: its
// version is then the name of all it holds.
func decodeContent(text, version string) Content {
	var c Content
	if text == "" || json.Unmarshal([]byte(text), &c) != nil || c.Rows == "" {
		return Content{Rows: version}
	}
	return c
}
