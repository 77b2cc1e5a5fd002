package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"smsbridge/gateway"
)

// ErrTooManyRows says that a report would have more than MaxReportRows.
var ErrTooManyRows = errors.New("too many rows")

const (
	// MaxReportRows bounds what a report holds in memory.
	MaxReportRows = 50_000
	// MaxReasons is how many reasons a row names, with the rest as one of them.
	MaxReasons = 50
	// knownReasons is how many a row counts apart. They are chosen from few; what
	// comes when so many are known is counted with the rest.
	knownReasons = 1000
)

// ReportQuery says what a report counts and by what it tells rows apart.
type ReportQuery struct {
	// Days are the instants at which they begin, and at which the last one ends.
	Days                     []time.Time
	Queues                   []gateway.ID // nil: all
	Person                   gateway.ID   // 0: anybody, and nobody
	ByQueue, ByPerson, ByDay bool
}

// ReportRow is one row. What rows are not told apart by is 0.
type ReportRow struct {
	Day                           int // from 0
	Queue, Person                 gateway.ID
	Incoming, Answered, DealtWith int
	// Failures are texts that failed less those that arrived after all: below 0
	// where they failed in another row.
	Failures     int
	Reasons      []ReasonCount // of what was dealt with, the most frequent first, "" last
	ToTake       Percentiles
	ToFirstReply Percentiles
}

// ReasonCount is how often something was dealt with for a reason. "" is none, or
// one of those that are not named.
type ReasonCount struct {
	Reason string
	Count  int
}

// Percentiles are exact, by the nearest rank, over Count times; of times of a
// minute and more, whole seconds are kept, of others whole milliseconds.
type Percentiles struct {
	Count    int
	P50, P90 time.Duration
}

type reportKey struct {
	day           int
	queue, person gateway.ID
}

// tally is a row that is being counted.
type tally struct {
	kinds   [FactArrived + 1]int
	reasons map[string]int
	took    [FactArrived + 1]map[time.Duration]int // how often each time occurred
}

// Report counts facts. It reads a day at a time, so that memory is bounded by
// what one day holds and by the rows of the report. Rows are in the order of days,
// queues and people; where nothing was counted there is none.
func (db *DB) Report(ctx context.Context, q ReportQuery) ([]ReportRow, error) {
	rows := map[reportKey]*tally{}
	for day := range len(q.Days) - 1 {
		facts, err := db.factsOf(ctx, &q, q.Days[day], q.Days[day+1])
		if err != nil {
			return nil, err
		}
		for _, f := range facts {
			key := reportKey{queue: f.queue, person: f.person}
			if q.ByDay {
				key.day = day
			}
			t := rows[key]
			if t == nil {
				if len(rows) == MaxReportRows {
					return nil, ErrTooManyRows
				}
				t = &tally{}
				rows[key] = t
			}
			t.add(&f)
		}
	}
	keys := slices.SortedFunc(maps.Keys(rows), func(a, b reportKey) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.queue, b.queue), cmp.Compare(a.person, b.person))
	})
	all := make([]ReportRow, 0, len(keys))
	for _, k := range keys {
		all = append(all, rows[k].row(k))
	}
	return all, nil
}

// factCount is how often the same happened on a day.
type factCount struct {
	kind          FactKind
	queue, person gateway.ID
	took          time.Duration
	reason        string
	count         int
}

func (db *DB) factsOf(ctx context.Context, r *ReportQuery, from, to time.Time) ([]factCount, error) {
	q := &query{}
	q.add("at >= " + q.arg(micros(from)) + " AND at < " + q.arg(micros(to)))
	if r.Queues != nil {
		q.add("queue IN (" + q.list(append([]gateway.ID{0}, r.Queues...)) + ")")
	}
	if r.Person != 0 {
		q.add("person = " + q.arg(int64(r.Person)))
	}
	queue, person := "0", "0"
	if r.ByQueue {
		queue = "queue"
	}
	if r.ByPerson {
		person = "person"
	}
	return collect(ctx, db, func(r rows) (f factCount, err error) {
		var micros int64
		err = r.Scan(&f.kind, &f.queue, &f.person, &micros, &f.reason, &f.count)
		f.took = time.Duration(micros) * time.Microsecond
		return f, err
	}, `SELECT kind, q, p, took, reason, COUNT(*) FROM (SELECT kind, `+queue+` AS q, `+person+` AS p, reason,
		CASE WHEN took <= 0 THEN 0 WHEN took < 60000000 THEN took / 1000 * 1000 ELSE took / 1000000 * 1000000 END AS took
		FROM facts`+q.where()+`) AS f GROUP BY kind, q, p, took, reason ORDER BY kind, q, p, reason, took`, q.args...)
}

func (t *tally) add(f *factCount) {
	if f.kind > FactArrived {
		return
	}
	t.kinds[f.kind] += f.count
	switch f.kind {
	case FactTaken, FactAnswered:
		if t.took[f.kind] == nil {
			t.took[f.kind] = map[time.Duration]int{}
		}
		t.took[f.kind][f.took] += f.count
	case FactDealtWith:
		if t.reasons == nil {
			t.reasons = map[string]int{}
		}
		if _, known := t.reasons[f.reason]; !known && len(t.reasons) >= knownReasons {
			f.reason = ""
		}
		t.reasons[f.reason] += f.count
	}
}

func (t *tally) row(k reportKey) ReportRow {
	return ReportRow{Day: k.day, Queue: k.queue, Person: k.person, Incoming: t.kinds[FactIncoming], Answered: t.kinds[FactAnswered],
		DealtWith: t.kinds[FactDealtWith], Failures: t.kinds[FactFailed] - t.kinds[FactArrived], Reasons: topReasons(t.reasons),
		ToTake: percentiles(t.took[FactTaken], t.kinds[FactTaken]), ToFirstReply: percentiles(t.took[FactAnswered], t.kinds[FactAnswered])}
}

// topReasons lists the most frequent reasons, and behind them what is left.
func topReasons(counts map[string]int) []ReasonCount {
	var all []ReasonCount
	rest := counts[""]
	for reason, n := range counts {
		if reason != "" {
			all = append(all, ReasonCount{reason, n})
		}
	}
	slices.SortFunc(all, func(a, b ReasonCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	named := MaxReasons
	if rest > 0 || len(all) > named {
		named--
	}
	for _, r := range all[min(named, len(all)):] {
		rest += r.Count
	}
	if all = all[:min(named, len(all))]; rest > 0 {
		all = append(all, ReasonCount{"", rest})
	}
	return all
}

func percentiles(times map[time.Duration]int, n int) Percentiles {
	p := Percentiles{Count: n}
	seen := 0
	for _, took := range slices.Sorted(maps.Keys(times)) {
		before := seen
		seen += times[took]
		for percent, at := range map[int]*time.Duration{50: &p.P50, 90: &p.P90} {
			if rank := (percent*n + 99) / 100; before < rank && rank <= seen {
				*at = took
			}
		}
	}
	return p
}
