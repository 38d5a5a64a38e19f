package project

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine/source"
)

// TestGood loads every project of the corpus without a word and compares all that was read.
func TestGood(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no corpus", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, list := Load(write(t, a), envOf())
			for _, d := range list {
				t.Errorf("unexpected: %s", d.Line())
			}
			p.Dir = ""
			var b strings.Builder
			print(&b, "", reflect.ValueOf(p))
			i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 {
				a.Files = append(a.Files, txtar.File{Name: "want"})
				i = len(a.Files) - 1
			}
			if diff := cmp.Diff(string(a.Files[i].Data), b.String()); diff != "" {
				t.Errorf("project (-want +got):\n%s", diff)
				if os.Getenv("ENGINE_UPDATE") != "" {
					a.Files[i].Data = []byte(b.String())
					if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// print writes a value as an indented tree, without what is zero. Places are written as
// their text.
func print(b *strings.Builder, indent string, v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if f, ok := v.Interface().(*source.File); ok {
			fmt.Fprintf(b, " %s\n", f.Path)
			return
		}
		if v.IsNil() {
			b.WriteString(" nil\n")
			return
		}
		v = v.Elem()
	}
	if s, ok := v.Interface().(source.Span); ok {
		p := s.Position()
		fmt.Fprintf(b, " %s:%d:%d %q\n", s.File.Path, p.Line, p.Column, s.Text())
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if at := v.FieldByName("At"); at.IsValid() && v.NumField() == 2 && v.Type().Field(0).Name == "V" {
			if at.IsZero() {
				fmt.Fprintf(b, " %#v without a place\n", v.Field(0).Interface())
				return
			}
			fmt.Fprintf(b, " %#v at", v.Field(0).Interface())
			print(b, indent, at)
			return
		}
		b.WriteString("\n")
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Name == "Stamp" {
				// The moment says nothing; what the content is does.
				fmt.Fprintf(b, "%sHash: %q\n", indent, v.Addr().Interface().(*Seed).Hash())
			} else if f.IsExported() && !v.Field(i).IsZero() {
				fmt.Fprintf(b, "%s%s:", indent, f.Name)
				print(b, indent+"  ", v.Field(i))
			}
		}
	case reflect.Slice:
		b.WriteString("\n")
		for i := range v.Len() {
			fmt.Fprintf(b, "%s- ", indent)
			print(b, indent+"  ", v.Index(i))
		}
	case reflect.Map:
		if v.Len() == 0 {
			b.WriteString(" {}\n")
			return
		}
		b.WriteString("\n")
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			fmt.Fprintf(b, "%s%s:", indent, k)
			print(b, indent+"  ", v.MapIndex(k))
		}
	default:
		fmt.Fprintf(b, " %#v\n", v.Interface())
	}
}
