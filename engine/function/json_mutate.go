package function

import (
	"errors"
	"fmt"
)

// jsonMutators are the functions that change a JSON value. The values they set come as
// JSON text, NULL as the JSON null; a list of values comes as the text of an array.
func jsonMutators() []Function {
	m := &mutator{}
	m.paths.mode = strictPath
	return []Function{
		{Name: "json_remove", Args: []Kind{String}, Rest: String, Result: String, Nulls: true, Fn: m.remove},
		{Name: "json_set", Args: []Kind{String, Bool}, Rest: String, Result: String, Nulls: true, Fn: m.set},
		{Name: "json_array_insert", Args: []Kind{String, String}, Rest: String, Result: String, Nulls: true, Fn: m.insert},
		{Name: "json_array_append", Args: []Kind{String, String}, Rest: String, Result: String, Nulls: true, Fn: m.append},
		{Name: "json_strip_nulls", Args: []Kind{String, String, Bool, Bool}, Result: String, Nulls: true, Fn: m.strip},
	}
}

type mutator struct{ paths pathCache }

// remove is JSON_REMOVE(json, path, …). A NULL path is passed over.
func (m *mutator) remove(a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	v, err := jsonArg(a[0])
	if err != nil {
		return nil, err
	}
	for _, p := range a[1:] {
		if p == nil {
			continue
		}
		path, err := m.paths.get(p.(string))
		if err != nil {
			return nil, fmt.Errorf("Invalid input to JSON_REMOVE: %w", err)
		}
		if len(path.tokens) == 0 {
			return nil, errors.New("Invalid input to JSON_REMOVE: The JSONPath cannot be '$'")
		}
		last := path.tokens[len(path.tokens)-1]
		parent := v.descend(path.tokens[:len(path.tokens)-1])
		if parent == nil {
			continue
		}
		switch gone := parent.child(last, true); {
		case gone == nil:
		case parent.kind == jsonObject:
			for i, k := range parent.keys {
				if k == last.text {
					parent.keys = append(parent.keys[:i], parent.keys[i+1:]...)
					parent.elems = append(parent.elems[:i], parent.elems[i+1:]...)
					break
				}
			}
		default:
			i := last.index
			parent.elems = append(parent.elems[:i], parent.elems[i+1:]...)
		}
	}
	return v.String(), nil
}

// descend follows a strict path, nil where it ends in nothing.
func (v *jsonValue) descend(path []pathToken) *jsonValue {
	for _, t := range path {
		if v = v.child(t, true); v == nil {
			return nil
		}
	}
	return v
}

func newValue(a any) (*jsonValue, error) {
	if a == nil {
		return &jsonValue{}, nil
	}
	return jsonArg(a)
}

// set is JSON_SET(json, create_if_missing, path, value, …): a NULL path is passed over.
func (m *mutator) set(a []any) (any, error) {
	if a[0] == nil || a[1] == nil {
		return nil, nil
	}
	v, err := jsonArg(a[0])
	if err != nil {
		return nil, err
	}
	create := a[1].(bool)
	for i := 2; i+1 < len(a); i += 2 {
		if a[i] == nil {
			continue
		}
		path, err := m.paths.get(a[i].(string))
		if err != nil {
			return nil, fmt.Errorf("Invalid input to JSON_SET: %w", err)
		}
		e, err := newValue(a[i+1])
		if err != nil {
			return nil, err
		}
		if err := v.set(path.tokens, e, create); err != nil {
			return nil, fmt.Errorf("Invalid input to JSON_SET: %w", err)
		}
	}
	return v.String(), nil
}

// set puts e at a path: what is missing is made, on null and in objects and arrays of
// the right kind only.
func (v *jsonValue) set(path []pathToken, e *jsonValue, create bool) error {
	for len(path) > 0 {
		next := v.child(path[0], true)
		if next == nil {
			break
		}
		v, path = next, path[1:]
	}
	if len(path) == 0 {
		*v = *e
		return nil
	}
	fits := v.kind == jsonNull || v.kind == jsonObject && !path[0].subscript || v.kind == jsonArray && path[0].subscript
	if !fits || !create {
		return nil
	}
	for _, t := range path {
		if t.subscript && t.index >= maxJSONArray {
			return fmt.Errorf("Exceeded maximum array size of %d", maxJSONArray)
		}
	}
	for _, t := range path {
		next := &jsonValue{}
		if t.subscript {
			v.kind = jsonArray
			if err := v.pad(t.index + 1); err != nil {
				return err
			}
			v.elems[t.index] = next
		} else {
			v.kind = jsonObject
			v.setMember(t.text, next)
		}
		v = next
	}
	*v = *e
	return nil
}

func (m *mutator) insert(a []any) (any, error) { return m.add("JSON_ARRAY_INSERT", a, true) }
func (m *mutator) append(a []any) (any, error) { return m.add("JSON_ARRAY_APPEND", a, false) }

// add is JSON_ARRAY_INSERT and JSON_ARRAY_APPEND (json, each, path, value, …): the n-th
// letter of each is e where the n-th value is an array whose elements are added one by
// one, n where such an array is NULL, and v for a value.
func (m *mutator) add(name string, a []any, insert bool) (any, error) {
	if a[0] == nil || a[1] == nil {
		return nil, nil
	}
	v, err := jsonArg(a[0])
	if err != nil {
		return nil, err
	}
	each := a[1].(string)
	for n, i := 0, 2; i+1 < len(a); n, i = n+1, i+2 {
		if a[i] == nil {
			continue
		}
		path, err := m.paths.get(a[i].(string))
		if err != nil {
			return nil, fmt.Errorf("Invalid input to %s: %w", name, err)
		}
		e, err := newValue(a[i+1])
		if err != nil {
			return nil, err
		}
		added := []*jsonValue{e}
		if n < len(each) && each[n] == 'e' {
			if a[i+1] == nil {
				continue
			}
			added = e.elems
		}
		if err := v.add(path.tokens, added, insert); err != nil {
			return nil, fmt.Errorf("Invalid input to %s: %w", name, err)
		}
	}
	return v.String(), nil
}

func (v *jsonValue) add(path []pathToken, added []*jsonValue, insert bool) error {
	at := int64(-1)
	if insert {
		if len(path) == 0 || !path[len(path)-1].subscript {
			return nil
		}
		at = path[len(path)-1].index
		path = path[:len(path)-1]
	}
	if v = v.descend(path); v == nil || v.kind != jsonArray && v.kind != jsonNull {
		return nil
	}
	if !insert {
		at = int64(len(v.elems))
	}
	if max(at, int64(len(v.elems)))+int64(len(added)) > maxJSONArray {
		return fmt.Errorf("Exceeded maximum array size of %d", maxJSONArray)
	}
	v.kind = jsonArray
	if err := v.pad(at); err != nil {
		return err
	}
	v.insert(int(at), added...)
	return nil
}

// strip is JSON_STRIP_NULLS(json, path, include_arrays, remove_empty).
func (m *mutator) strip(a []any) (any, error) {
	if a[0] == nil || a[2] == nil || a[3] == nil {
		return nil, nil
	}
	v, err := jsonArg(a[0])
	if err != nil {
		return nil, err
	}
	if a[1] == nil {
		return v.String(), nil
	}
	path, err := m.paths.get(a[1].(string))
	if err != nil {
		return nil, fmt.Errorf("Invalid input to JSON_STRIP_NULLS: %w", err)
	}
	arrays, empty := a[2].(bool), a[3].(bool)
	if at := v.descend(path.tokens); at != nil {
		at.strip(arrays, empty)
		if empty && len(at.elems) == 0 && (at.kind == jsonObject || at.kind == jsonArray && arrays) {
			*at = jsonValue{}
		}
	}
	return v.String(), nil
}

// strip removes nulls below v, and what is empty then.
func (v *jsonValue) strip(arrays, empty bool) {
	if v.kind != jsonObject && v.kind != jsonArray {
		return
	}
	keep := 0
	for i, e := range v.elems {
		e.strip(arrays, empty)
		gone := e.kind == jsonNull || empty && len(e.elems) == 0 && (e.kind == jsonObject || e.kind == jsonArray && arrays)
		if gone && (v.kind == jsonObject || arrays) {
			continue
		}
		v.elems[keep] = e
		if v.kind == jsonObject {
			v.keys[keep] = v.keys[i]
		}
		keep++
	}
	v.elems = v.elems[:keep]
	if v.kind == jsonObject {
		v.keys = v.keys[:keep]
	}
}
