// Package ancestry closes genealogies: from edges between nodes it finds every pair of an
// ancestor and a descendant, with depths, path counts and shares, or the lists of every node
// in both directions, in the time it takes to write them down. It knows numbers only: no SQL,
// no warehouse, no configuration.
package ancestry
