package project

import "time"

// moments are the accepted spellings of a date or time.
var moments = []string{
	"2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04",
	"2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05 UTC",
}

// Moment reads a date or a time of configuration; one without a zone is in UTC.
func Moment(text string) (at time.Time, ok bool) {
	for _, layout := range moments {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
