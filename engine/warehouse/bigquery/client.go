package bigquery

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	cloud "cloud.google.com/go/bigquery"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/engine-build/engine/engine/addr"
)

// newClient is Google's client library over our HTTP client, at the address of the generated
// one. It looks for no credentials of its own, and sends every call once; see once.
func newClient(project, endpoint string, client *http.Client) (*cloud.Client, error) {
	base := client.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	single := *client
	single.Transport = once{base}
	c, err := cloud.NewClient(context.Background(), project, option.WithHTTPClient(&single), option.WithEndpoint(endpoint))
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return c, nil
}

// once sends requests of the client library. The library repeats a call by itself, until the
// context ends and without telling, when it recognizes what went wrong: a status, a lost
// connection, an answer cut short. Here all of that comes back as *failed, which it does not
// recognize, so that one call of the library is one request, and what to repeat, how often
// and how long is decided and counted in one place, (*conn).call.
type once struct{ base http.RoundTripper }

// RoundTrip sends r and reads the whole answer.
func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, &failed{err}
	}
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", userAgent)
	answer, err := o.base.RoundTrip(r)
	if err != nil {
		return nil, &failed{err}
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		return nil, &failed{googleapi.CheckResponse(answer)}
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, &failed{err}
	}
	whole := *answer
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return &whole, nil
}

// failed is why a request of the client library came to nothing. It has no Unwrap and says
// nothing of the cause: both is what the library looks at. (*conn).try takes the cause out.
type failed struct{ cause error }

func (*failed) Error() string { return "the request failed" }

// dataset is what is kept about a dataset: where it is, its labels, how long its tables
// live. Who may read it is left out, which needs fewer rights.
func (c *conn) dataset(ctx context.Context, t *trail, database, schema string) (*cloud.DatasetMetadata, error) {
	var out *cloud.DatasetMetadata
	err := c.call(ctx, t, func(ctx context.Context) (err error) {
		out, err = c.client.DatasetInProject(firstOf(database, c.project), schema).
			MetadataWithOptions(ctx, cloud.WithDatasetView(cloud.DatasetMetadataView))
		return err
	})
	return out, err
}

// makeDataset makes a dataset in the target's location, with the target's labels.
func (c *conn) makeDataset(ctx context.Context, t *trail, database, schema string) error {
	return c.call(ctx, t, func(ctx context.Context) error {
		return c.client.DatasetInProject(firstOf(database, c.project), schema).
			Create(ctx, &cloud.DatasetMetadata{Location: c.location, Labels: c.labels})
	})
}

// deleteTable removes a relation of any kind; one that is not there is gone already.
func (c *conn) deleteTable(ctx context.Context, t *trail, rel addr.Relation) error {
	ref := c.ref(rel)
	err := c.call(ctx, t, func(ctx context.Context) error {
		return c.client.DatasetInProject(ref.ProjectId, ref.DatasetId).Table(ref.TableId).Delete(ctx)
	})
	if notFound(err) {
		return nil
	}
	return err
}
