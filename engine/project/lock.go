package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// LockFile is the name of the file with the columns of sources, beside engine.yml.
const LockFile = "engine.lock.json"

// lockVersion is the form of the file.
const lockVersion = 1

// Lock is what was found of sources in a warehouse, written down so that models can be
// analyzed without a connection. It is committed with the project.
type Lock struct {
	Version int                      `json:"version"`
	Sources map[string]*LockedSource `json:"sources"` // by «source.table»
	// Remotes are the schemas that sources are ingested from, by the name of the source.
	Remotes map[string]*LockedRemote `json:"remotes,omitempty"`

	text []byte // of the file that it was read from
}

// LockedRemote is what was seen of a remote schema when somebody last agreed to it.
type LockedRemote struct {
	// Tables are all that it had, sorted: those that are ingested and those that are not.
	Tables []string `json:"tables"`
}

// LockedSource is one table of a source as it was found.
type LockedSource struct {
	Columns []LockedColumn `json:"columns"`
	// Remote is the table or the files that it is ingested from, as somebody agreed to it; nil
	// for what is not ingested.
	Remote *LockedTable `json:"remote,omitempty"`
}

// LockedTable is a table that a source is ingested from, with all of its columns in their
// order: those that are taken, and those that never leave.
type LockedTable struct {
	Name    string         `json:"name"`
	Columns []RemoteColumn `json:"columns"`
}

// RemoteColumn is a column of a LockedTable.
type RemoteColumn struct {
	Name string `json:"name"`
	// Type is the remote's own, with its parameters.
	Type string `json:"type"`
	// Base is the type under a domain; empty where Type is none.
	Base string `json:"base,omitempty"`
	// Taken says that it leaves, Transform as what, in the words of the source's «transform»;
	// empty for as it is.
	Taken     bool   `json:"taken,omitempty"`
	Transform string `json:"transform,omitempty"`
}

// LockedColumn is one column. Type is GoogleSQL's, where the values have one, and Native
// the warehouse's.
type LockedColumn struct {
	Name   string `json:"name"`
	Type   string `json:"type,omitempty"`
	Native string `json:"native"`
}

// Text is the file's content, the same for the same sources.
func (l *Lock) Text() []byte {
	l.Version = lockVersion
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(l); err != nil {
		panic("project: the lock cannot be written: " + err.Error()) // it holds nothing but text
	}
	return b.Bytes()
}

// ReadLock reads the lock file in a project's folder; without one the lock is empty.
func ReadLock(dir string) (*Lock, diag.List) {
	out := &Lock{Sources: map[string]*LockedSource{}, Remotes: map[string]*LockedRemote{}}
	if info, err := os.Stat(filepath.Join(dir, LockFile)); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return out, diag.List{fileSpecial(pathOnly(LockFile))}
	}
	data, err := os.ReadFile(filepath.Join(dir, LockFile))
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	f := source.NewFile(LockFile, data)
	if err != nil {
		return out, diag.List{lockBroken(f.Whole(), err)}
	}
	out.text = data
	read := &Lock{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(read); err != nil {
		at := f.Whole()
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at = f.Span(int(syntax.Offset)-1, int(syntax.Offset))
		}
		return out, diag.List{lockBroken(at, err)}
	}
	if read.Version != lockVersion {
		return out, diag.List{lockBroken(f.Whole(), fmt.Errorf("it is of version %d, and this engine reads version %d", read.Version, lockVersion))}
	}
	for name, s := range read.Sources {
		if s != nil {
			out.Sources[name] = s
		}
	}
	for name, r := range read.Remotes {
		if r != nil {
			out.Remotes[name] = r
		}
	}
	return out, nil
}
