package distribute

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// Way is how the rows of a model get to a customer.
type Way string

const (
	// Direct reads the relation once for each customer.
	Direct Way = "direct"
	// Split reads it once for all of them, into a table by customer.
	Split Way = "split"
	// Live is a view: no rows are moved.
	Live Way = "view"
)

// Reason is why a customer gets a model, or anything, anew.
type Reason string

const (
	ReasonNew        Reason = "new"        // never published to the customer, or by a run that did not end
	ReasonRows       Reason = "rows"       // the relation has changed
	ReasonUnknown    Reason = "unknown"    // nobody can tell whether the relation has changed
	ReasonDefinition Reason = "definition" // what the model declares, its columns, the contract or the mode
	ReasonSlice      Reason = "slice"      // the customer's tenants, links, transfers or custom fields
	ReasonForced     Reason = "forced"     // --force
	ReasonAccess     Reason = "access"     // principals come or go, or one has lost a right that it was granted
	ReasonGone       Reason = "gone"       // the customer gets a model no more
	ReasonContract   Reason = "contract"   // it pins another contract, or an older one has come to be made otherwise
	ReasonWithdrawn  Reason = "withdrawn"  // the customer is disabled, or not configured any more
	ReasonLost       Reason = "lost"       // somebody has removed it
	ReasonMarkers    Reason = "markers"    // canaries have other markers, which are looked for
	ReasonUnfinished Reason = "unfinished" // a run that began to publish did not end
)

// Plan is what a distribution does. The same input gives the same bytes.
type Plan struct {
	Format  int    `json:"format"`
	Project string `json:"project"`
	Target  string `json:"target"`
	// Config is the hash of the configuration.
	Config string `json:"config"`
	// Models are those of which somebody gets a slice, by name at the customer's.
	Models []*Model `json:"models"`
	// Customers are those that get something anew, by name; Unchanged counts the others and
	// their pairs.
	Customers []*Customer `json:"customers"`
	Unchanged Count       `json:"unchanged"`
	Due       Count       `json:"due"`
	// Estimate is over all models.
	Estimate Estimate `json:"estimate"`

	setting Setting
	scope   state.Scope
	// whole: it is about all customers, so that Model.Customers counts all that there are.
	whole bool
	// shapes are those of the models that were not recorded before.
	shapes state.Shapes
	// markers are those of canaries, by customer, and marks is a hash over them.
	markers []marker
	marks   string
	// admitted are the customers that each principal may read something of, see SharedRows.
	admitted map[string][]string
	// stamped are the records of unchanged customers whose relations look different from outside.
	stamped []state.Release
}

// Count of customers and of pairs of a customer and a model.
type Count struct {
	Customers int `json:"customers"`
	Pairs     int `json:"pairs"`
}

// Estimate compares what both ways read: rows and bytes of relations that are read for the due
// customers. -1 where the warehouse does not know the size of all of them.
type Estimate struct {
	DirectRows  int64 `json:"direct_rows"`
	DirectBytes int64 `json:"direct_bytes"`
	SplitRows   int64 `json:"split_rows"`
	SplitBytes  int64 `json:"split_bytes"`
}

// Model is one relation of which customers get slices.
type Model struct {
	Node     addr.Node     `json:"node"`
	Relation addr.Relation `json:"relation"`
	As       string        `json:"as"`
	Source   string        `json:"source,omitempty"`
	// Across is the reason why it may have rows that come from several tenants, as the model
	// says it.
	Across string `json:"across_tenants,omitempty"`
	// Customers counts who gets it, Due who gets it anew.
	Customers int `json:"customers"`
	Due       int `json:"due"`
	// Way is that for customers with tables. Scans is how often Split reads the relation.
	Way   Way   `json:"way,omitempty"`
	Scans int   `json:"scans,omitempty"`
	Rows  int64 `json:"rows"`  // of the relation, -1 unknown
	Bytes int64 `json:"bytes"` // of the relation, -1 unknown
	// Estimate is of the due customers.
	Estimate Estimate `json:"estimate"`

	rule tenant.Rule
}

// Customer is one who gets something anew.
type Customer struct {
	Name     string `json:"customer"`
	Title    string `json:"title,omitempty"`
	Tier     int    `json:"tier"`
	Mode     string `json:"mode"`
	Contract int    `json:"contract"`
	// Reasons concern the customer, not one of its models.
	Reasons []Reason `json:"reasons,omitempty"`
	Pairs   []Pair   `json:"pairs,omitempty"`
	Kept    int      `json:"kept"`
	// Gone are models that it had and gets no more.
	Gone []addr.Node `json:"gone,omitempty"`
	// Grant and Revoke are principals that come and go.
	Grant  []string `json:"grant,omitempty"`
	Revoke []string `json:"revoke,omitempty"`

	config *tenant.Customer
	// members are those who share tables; nil for one who has its own.
	members []*tenant.Customer
	// leaving are those who share so far and get tables of their own, joins one who had its own.
	leaving []*tenant.Customer
	joins   bool
	// keeps are principals whose access goes last, when they have another.
	keeps  []string
	past   state.Release
	places Places
	// all are the models that it gets, by index in Plan.Models, with the pair to record.
	all []entitled
	// views are those of the older contract that it reads, by name; none of the newest.
	views map[string]state.ReleasedPair
}

// SharedRows is the name under which customers with mode rows are published, all together:
// their tables are shared, and each of them sees its own rows. No customer can be called so.
const SharedRows = "_rows"

// readers are the customers whose rows c is about, itself or those who share.
func (c *Customer) readers() []*tenant.Customer {
	if c.members != nil {
		return c.members
	}
	return []*tenant.Customer{c.config}
}

// is reports whether a customer is c, or one of those who share.
func (c *Customer) is(name string) bool {
	for _, r := range c.readers() {
		if r.Name == name {
			return true
		}
	}
	return false
}

type entitled struct {
	model *Model
	pair  state.ReleasedPair
	due   bool
}

// Pair is a model that a customer gets anew.
type Pair struct {
	Node   addr.Node     `json:"node"`
	As     addr.Relation `json:"as"`
	Reason Reason        `json:"reason"`
	Way    Way           `json:"way"`
	// Rows that it had before, -1 if it was not there.
	Before int64 `json:"before"`

	model *Model
}

type marker struct{ customer, text string }

// Status of a customer after a run.
type Status string

const (
	Published Status = "published"
	Failed    Status = "failed"
	Canceled  Status = "canceled"
	Withdrawn Status = "withdrawn" // access was taken back
)

// Phases of a customer.
const (
	PhaseStage   = "stage"
	PhaseProve   = "prove"
	PhasePublish = "publish"
	PhaseCheck   = "check"
)

// Outcome is what became of one customer.
type Outcome struct {
	Customer string    `json:"customer"`
	Status   Status    `json:"status"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	// Phase is the last one that was begun.
	Phase string        `json:"phase"`
	Pairs []PairOutcome `json:"pairs,omitempty"`
	Kept  int           `json:"kept"`
	// Rows of all that it has afterwards, those of views unknown.
	Rows  int64 `json:"rows"`
	Usage Usage `json:"usage"`
	// Strangers are relations and principals in its schemas that are not the engine's.
	Strangers []string  `json:"strangers,omitempty"`
	Diags     diag.List `json:"-"`
}

// PairOutcome is what became of one model of a customer.
type PairOutcome struct {
	Node addr.Node     `json:"node"`
	As   addr.Relation `json:"as"`
	Rows int64         `json:"rows"` // -1 for a view
	// Proofs counts those that held.
	Proofs int `json:"proofs"`
	// Uncast counts values of custom fields that did not fit their type.
	Uncast int64 `json:"uncast,omitempty"`

	of map[string]int64 // rows by those who share them
}

// Usage is what statements took; -1 where the warehouse does not say.
type Usage struct {
	Statements int   `json:"statements"`
	Bytes      int64 `json:"bytes"`
	Billed     int64 `json:"billed"`
	SlotMillis int64 `json:"slot_millis,omitempty"`
}

// SharedOutcome is work for all customers.
type SharedOutcome struct {
	Node  addr.Node `json:"node"`
	What  string    `json:"what"` // «split», «count»
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Usage Usage     `json:"usage"`
	Diags diag.List `json:"-"`
}

// Result of Apply.
type Result struct {
	RunID     string           `json:"run_id"`
	Start     time.Time        `json:"start"`
	End       time.Time        `json:"end"`
	Plan      *Plan            `json:"-"`
	Shared    []*SharedOutcome `json:"shared,omitempty"`
	Customers []*Outcome       `json:"customers"`
	Usage     Usage            `json:"usage"`
	Price     warehouse.Price  `json:"-"`
	Diags     diag.List        `json:"-"`
	Canceled  bool             `json:"canceled,omitempty"`
}

// OK reports whether every customer got what was due.
func (r *Result) OK() bool {
	if r.Canceled || r.Diags.HasErrors() {
		return false
	}
	for _, o := range r.Customers {
		if o.Status != Published && o.Status != Withdrawn || o.Diags.HasErrors() {
			return false
		}
	}
	return true
}

// EventKind is what happened.
type EventKind string

const (
	Started         EventKind = "started"
	SharedEnded     EventKind = "shared_ended"
	CustomerStarted EventKind = "customer_started"
	CustomerPhase   EventKind = "customer_phase"
	CustomerEnded   EventKind = "customer_ended"
	Ended           EventKind = "ended"
)

// Event is one thing that happened; sinks are called from one goroutine at a time.
type Event struct {
	Kind     EventKind
	At       time.Time
	Customer string
	Phase    string // CustomerPhase
	Index    int    // customers that have ended, or pieces of shared work
	Total    int
	Shared   *SharedOutcome
	Outcome  *Outcome
}
