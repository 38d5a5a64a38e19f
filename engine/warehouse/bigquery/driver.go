package bigquery

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/impersonate"
	"cloud.google.com/go/auth/httptransport"
	"github.com/goccy/go-json"
	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/warehouse"
)

// Driver opens projects of BigQuery.
type Driver struct{}

const (
	userAgent = "engine"
	scope     = "https://www.googleapis.com/auth/bigquery"
	// cloudScope is what a source of credentials needs to act for another account, and what
	// files of workload identity federation ask for.
	cloudScope = "https://www.googleapis.com/auth/cloud-platform"
	// onDemand is Google's list price for on-demand queries in US and EU, in USD per TiB
	// (cloud.google.com/bigquery/pricing).
	onDemand = 6.25
)

// Name is «bigquery».
func (Driver) Name() string { return "bigquery" }

// Dialect of BigQuery.
func (Driver) Dialect() warehouse.Dialect { return Dialect{} }

// ReadsGoogleSQL reports that models in GoogleSQL go to this warehouse as they are.
func (Driver) ReadsGoogleSQL() bool { return true }

// Analyzer is not there: the engine's own analyzer reads GoogleSQL.
func (Driver) Analyzer(context.Context) (warehouse.Analyzer, error) {
	return nil, warehouse.ErrUnsupported
}

// Fields are the keys of a target with type bigquery.
func (Driver) Fields() []warehouse.Field {
	return []warehouse.Field{
		{Name: "project", Help: "project that holds the datasets", Required: true},
		{Name: "execution_project", Help: "project that runs the jobs and pays for them", Default: "project"},
		{Name: "location", Help: "where new datasets are made and jobs run, for example EU or europe-west3", Default: "US"},
		{Name: "keyfile", Help: "JSON file with credentials (service account, workload identity federation …), relative to the project directory", Default: "application default credentials"},
		{Name: "keyfile_json", Help: "the same as text, as it is or in base64", Secret: true},
		{Name: "impersonate_service_account", Help: "service account to act as; several with commas are a chain whose last one runs the jobs"},
		{Name: "api_endpoint", Help: "address of another service with the same interface; one with http:// gets no credentials (an emulator)"},
		{Name: "priority", Help: "interactive, or batch: start when there is idle capacity", Default: "interactive"},
		{Name: "reservation", Help: "reservation that jobs use: projects/P/locations/L/reservations/R, or none for on-demand"},
		{Name: "labels", Help: "labels of all jobs: key=value, several with commas"},
		{Name: "maximum_bytes_billed", Help: "most bytes that one query may be billed for; one that needs more fails without cost"},
		{Name: "job_execution_timeout", Help: "seconds that one statement may run", Default: "86400"},
		{Name: "job_creation_timeout", Help: "seconds that one call to start a job may take", Default: "60"},
		{Name: "job_retries", Help: "how often a statement whose job ended for no fault of its own is run again", Default: "3"},
		{Name: "job_retry_deadline", Help: "seconds of failure in a row after which a call or a job is given up", Default: "600"},
		{Name: "max_concurrent_jobs", Help: "most jobs at once", Default: "8"},
		{Name: "price_per_tib", Help: "price of 2^40 bytes billed", Default: "6.25, or 0 with a reservation"},
		{Name: "currency", Help: "currency of the price, three letters", Default: "USD"},
	}
}

// options are a target's fields, read.
type options struct {
	project, billing, location string
	keyfile                    string
	keyJSON                    []byte
	impersonate                []string
	endpoint                   string
	priority, reservation      string
	labels                     map[string]string
	maxBytes                   int64
	execution                  time.Duration
	retries                    int
	concurrent                 int
	price                      warehouse.Price
	pace                       pacing
}

var (
	projectPattern  = regexp.MustCompile(`^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{2,}[a-z0-9]$`)
	locationPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]+$`)
	datasetPattern  = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
)

func wrong(format string, args ...any) func(help string) *warehouse.OpenError {
	return func(help string) *warehouse.OpenError {
		return &warehouse.OpenError{Reason: fmt.Sprintf(format, args...), Help: help}
	}
}

func readOptions(c warehouse.Config) (o options, err error) {
	f := c.Fields
	o.project, o.location = f["project"], firstOf(f["location"], "US")
	if o.project == "" {
		return o, wrong("the target names no project")("set project to the id of the Google Cloud project that holds the datasets")
	}
	o.billing = firstOf(f["execution_project"], o.project)
	for key, value := range map[string]string{"project": o.project, "execution_project": o.billing} {
		if !projectPattern.MatchString(value) {
			return o, wrong("%s is %q", key, value)("write the id of a Google Cloud project: 6 to 30 lower-case letters, digits and hyphens")
		}
	}
	if !locationPattern.MatchString(o.location) {
		return o, wrong("location is %q", o.location)("write a location of BigQuery, for example US, EU or europe-west3")
	}
	if err := o.readAccess(c); err != nil {
		return o, err
	}
	switch o.priority = strings.ToLower(firstOf(f["priority"], "interactive")); o.priority {
	case "interactive", "batch":
	default:
		return o, wrong("priority is %q", f["priority"])("write interactive or batch")
	}
	o.reservation = f["reservation"]
	if o.labels, err = readLabels(f["labels"]); err != nil {
		return o, err
	}
	return o, o.readNumbers(f)
}

func (o *options) readAccess(c warehouse.Config) error {
	f := c.Fields
	if o.keyfile = f["keyfile"]; o.keyfile != "" && !filepath.IsAbs(o.keyfile) {
		o.keyfile = filepath.Join(c.Dir, filepath.FromSlash(o.keyfile))
	}
	if text := strings.TrimSpace(f["keyfile_json"]); text != "" {
		if o.keyfile != "" {
			return wrong("the target has keyfile and keyfile_json")("keep one of them")
		}
		o.keyJSON = []byte(text)
		if text[0] != '{' {
			decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
			if err != nil {
				return wrong("keyfile_json is neither JSON nor base64")("give the content of the key file as it is, or what base64 makes of it")
			}
			o.keyJSON = decoded
		}
		if !json.Valid(o.keyJSON) {
			return wrong("keyfile_json is no JSON")("give the content of the key file as it is, or what base64 makes of it")
		}
	}
	for _, account := range strings.Split(f["impersonate_service_account"], ",") {
		if account = strings.TrimSpace(account); account != "" {
			if !strings.Contains(account, "@") {
				return wrong("impersonate_service_account is %q", account)("write the address of a service account: name@project.iam.gserviceaccount.com")
			}
			o.impersonate = append(o.impersonate, account)
		}
	}
	if o.endpoint = f["api_endpoint"]; o.endpoint != "" {
		u, err := url.Parse(o.endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return wrong("api_endpoint is %q", o.endpoint)("write an address: http://localhost:9050")
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/bigquery/v2/"
		}
		if !strings.HasSuffix(u.Path, "/") {
			u.Path += "/"
		}
		o.endpoint = u.String()
	}
	return nil
}

// open reports whether the endpoint is one that credentials must not be sent to.
func (o *options) openEndpoint() bool { return strings.HasPrefix(o.endpoint, "http://") }

func readLabels(text string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" || labelText(key) != key || labelText(value) != value {
			return nil, wrong("labels has %q", strings.TrimSpace(pair))("write key=value with lower-case letters, digits, _ and -, at most 63 of them")
		}
		out[key] = value
	}
	return out, nil
}

func (o *options) readNumbers(f map[string]string) error {
	seconds := func(key string, otherwise int64) (time.Duration, error) {
		n, err := readNumber(f, key, 1, otherwise)
		return time.Duration(n) * time.Second, err
	}
	var errs [6]error
	o.maxBytes, errs[0] = readNumber(f, "maximum_bytes_billed", 0, 0)
	o.execution, errs[1] = seconds("job_execution_timeout", 86400)
	creation, err := seconds("job_creation_timeout", 60)
	errs[2] = err
	retries, err := readNumber(f, "job_retries", 0, 3)
	o.retries, errs[3] = int(retries), err
	deadline, err := seconds("job_retry_deadline", 600)
	errs[4] = err
	concurrent, err := readNumber(f, "max_concurrent_jobs", 1, 8)
	o.concurrent, errs[5] = int(min(concurrent, 1000)), err
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	o.pace = pacing{
		call: time.Minute, insert: creation, upload: max(creation, time.Hour),
		first: time.Second, longest: 32 * time.Second, deadline: deadline, poll: 10 * time.Second,
	}
	o.price = warehouse.Price{PerTiB: onDemand, Currency: strings.ToUpper(firstOf(f["currency"], "USD"))}
	if len(o.price.Currency) != 3 {
		return wrong("currency is %q", f["currency"])("write three letters, for example EUR")
	}
	if o.reservation != "" && o.reservation != "none" {
		o.price.PerTiB = 0
	}
	if text := f["price_per_tib"]; text != "" {
		p, err := strconv.ParseFloat(text, 64)
		if err != nil || !(p >= 0 && p < 1e9) {
			return wrong("price_per_tib is %q", text)("write a number, for example 6.25")
		}
		o.price.PerTiB = p
	}
	return nil
}

func readNumber(f map[string]string, key string, least, otherwise int64) (int64, error) {
	text := f[key]
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
	if err != nil || n < least || n > 1<<53 {
		return 0, wrong("%s is %q", key, text)(fmt.Sprintf("write a whole number from %d", least))
	}
	return n, nil
}

// Open finds credentials and asks for a dry run, which shows that the project, its
// interface, the location and the right to run jobs are there.
func (Driver) Open(ctx context.Context, c warehouse.Config) (warehouse.Conn, error) {
	o, err := readOptions(c)
	if err != nil {
		return nil, err
	}
	client, err := o.client(ctx)
	if err != nil {
		return nil, err
	}
	out, err := newConn(o, client, c.Dir)
	if err != nil {
		return nil, err
	}
	if err := out.greet(ctx); err != nil {
		return nil, o.openError(ctx, err)
	}
	return out, nil
}

// client is an HTTP client that sends the target's credentials.
func (o *options) client(ctx context.Context) (*http.Client, error) {
	if o.openEndpoint() {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 64
		return &http.Client{Transport: transport}, nil
	}
	scopes := []string{scope}
	if len(o.impersonate) > 0 {
		scopes = []string{cloudScope}
	}
	found, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: scopes, CredentialsFile: o.keyfile, CredentialsJSON: o.keyJSON})
	if err != nil {
		return nil, o.credentialsError(err)
	}
	if n := len(o.impersonate); n > 0 {
		found, err = impersonate.NewCredentials(&impersonate.CredentialsOptions{
			TargetPrincipal: o.impersonate[n-1], Delegates: o.impersonate[:n-1], Scopes: []string{scope}, Credentials: found,
		})
		if err != nil {
			return nil, o.credentialsError(err)
		}
	}
	client, err := httptransport.NewClient(&httptransport.Options{Credentials: found, DisableTelemetry: true})
	if err != nil {
		return nil, o.credentialsError(err)
	}
	return client, nil
}

// credentialsError leaves the library's own words out: they may quote the key.
func (o *options) credentialsError(err error) error {
	e := &warehouse.OpenError{Err: errors.New("credentials cannot be used")}
	switch {
	case len(o.keyJSON) > 0:
		e.Reason, e.Help = "keyfile_json holds no credentials", "give the JSON key of a service account, or the configuration of workload identity federation"
	case o.keyfile != "":
		e.Reason, e.Help = fmt.Sprintf("the key file %s holds no credentials", o.keyfile), "download the JSON key of a service account, or the configuration of workload identity federation, and name that file"
	default:
		e.Reason, e.Help = "there are no application default credentials", "run «gcloud auth application-default login», or set keyfile of the target to the key of a service account"
	}
	return e
}

// openError words why the first call was refused.
func (o *options) openError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	var refused *auth.Error
	if errors.As(err, &refused) {
		help := "log in anew: «gcloud auth application-default login», or give another key"
		if len(o.impersonate) > 0 {
			help = "give the account the role Service Account Token Creator on " + o.impersonate[0] + ", and check the address"
		}
		return &warehouse.OpenError{Reason: "Google does not accept the credentials", Help: help, Err: err}
	}
	var e *Error
	if !errors.As(err, &e) {
		return &warehouse.OpenError{Reason: "BigQuery does not answer: " + oneLine(err.Error()), Help: "check the network and api_endpoint", Err: err}
	}
	lower := strings.ToLower(e.Message)
	out := &warehouse.OpenError{Reason: fmt.Sprintf("BigQuery refuses project %s: %s", o.billing, e.Message), Err: err}
	switch {
	case e.Reason == reasonNetwork:
		out.Reason, out.Help = "BigQuery does not answer: "+e.Message, "check the network and api_endpoint"
	case e.Reason == "accessNotConfigured" || strings.Contains(lower, "has not been used in project") || strings.Contains(lower, "it is disabled"):
		out.Reason, out.Help = fmt.Sprintf("the BigQuery API is not enabled in project %s", o.billing), "enable it: «gcloud services enable bigquery.googleapis.com --project "+o.billing+"»"
	case strings.Contains(lower, "location"):
		out.Reason, out.Help = fmt.Sprintf("BigQuery has no location %s for this: %s", o.location, e.Message), "write a location of BigQuery, for example US, EU or europe-west3"
	case e.HTTP == http.StatusNotFound || strings.Contains(lower, "project") && (e.Reason == reasonInvalid || strings.Contains(lower, "not found")):
		out.Reason, out.Help = fmt.Sprintf("there is no project %s, or the account may not know of it", o.billing), "check project and execution_project of the target: it is the id, not the name"
	case e.HTTP == http.StatusUnauthorized:
		out.Reason, out.Help = "Google does not accept the credentials", "log in anew: «gcloud auth application-default login», or give another key"
	case e.HTTP == http.StatusForbidden:
		out.Help = fmt.Sprintf("give the account the role BigQuery Job User (roles/bigquery.jobUser) in project %s", o.billing)
	default:
		out.Help = "check project, execution_project, location and api_endpoint of the target"
	}
	return out
}

// newToken is what makes the job ids of one connection different from those of another.
func newToken() (string, error) {
	b := make([]byte, 5)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("find a token: %w", err)
	}
	return fmt.Sprintf("%x_", b), nil
}

// newService is Google's generated client over ours. It is made by hand because its own
// constructor looks for credentials in places that the target does not name.
func newService(client *http.Client, endpoint string) (*bq.Service, error) {
	s, err := bq.New(client) //nolint:staticcheck // see above
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	if endpoint != "" {
		s.BasePath = endpoint
	}
	s.UserAgent = userAgent
	return s, nil
}
