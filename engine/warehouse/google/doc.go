// Package google spells GoogleSQL: names, literals and words, as BigQuery reads them and
// as the engine's own analyzer does. Text written with it is analyzed and translated, or
// sent to a warehouse that speaks GoogleSQL.
//
// The room knows no connection and renders no operations; that is a warehouse's trade.
package google
