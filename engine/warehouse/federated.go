package warehouse

// Federator is the optional power of a Dialect to have its warehouse ask another database.
type Federator interface {
	// Federated is what stands behind FROM for the rows of a query in the SQL of the other
	// database, over a connection that the warehouse knows by the name of a resource. An error
	// says what of either cannot be written.
	Federated(resource, query string) (string, error)
}
