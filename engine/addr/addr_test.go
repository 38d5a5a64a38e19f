package addr

import "testing"

// FuzzParseNode: what is read as a node is written as it was read.
func FuzzParseNode(f *testing.F) {
	for _, s := range []string{"model.orders", "source.app.material", "unit_test.x", "test.", "modl.x", "", ".", "exposure.größe\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNode(s)
		if err != nil && !n.IsZero() || err == nil && (n.String() != s || n.Kind == "" || n.Name == "") {
			t.Fatalf("%q is read as %+v, %v", s, n, err)
		}
		var again Node
		if text, _ := n.MarshalText(); again.UnmarshalText(text) != nil || again != n {
			t.Fatalf("%+v is written as %q and read as %+v", n, text, again)
		}
	})
}
