package plan

import (
	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/warehouse"
)

// MarshalJSON writes the steps as tagged operations.
func (s Steps) MarshalJSON() ([]byte, error) { return warehouse.MarshalOps(s) }

// UnmarshalJSON reads tagged operations.
func (s *Steps) UnmarshalJSON(b []byte) error {
	ops, err := warehouse.UnmarshalOps(b)
	*s = ops
	return err
}

// JSON is the plan as indented JSON, the same bytes for the same plan.
func (p *Plan) JSON() ([]byte, error) { return json.MarshalIndent(p, "", "  ") }

// Parse reads what JSON wrote. Spans and source maps are not part of it: errors of a
// parsed plan show the compiled SQL.
func Parse(b []byte) (*Plan, error) {
	p := &Plan{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, err
	}
	return p, nil
}
