package materialize

import "github.com/engine-build/engine/engine/diag"

var ephemeral = Kind{
	Name: "ephemeral",
	Help: "nothing in the warehouse: readers contain the query",
	plan: func(In) (Out, diag.List) { return Out{}, nil },
}
