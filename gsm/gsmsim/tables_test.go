package gsmsim

import (
	"sync"
	"testing"

	"github.com/warthog618/sms/encoding/tpdu"
)

// Several modems read and write texts at once. The race detector sees whether the
// library's tables are made meanwhile.
func TestTablesAtOnce(t *testing.T) {
	n := NewNetwork()
	defer n.Close()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for nli := range 14 {
				parts, err := (&Delivery{From: customer, To: customer, Text: "ğüş {€} hello", Languages: []int{nli}}).parts(1)
				if err != nil {
					t.Error(err)
					return
				}
				for _, p := range parts {
					m := tpdu.TPDU{Direction: tpdu.MT}
					if err := m.UnmarshalBinary(p); err != nil {
						t.Error(err)
					}
					partText(&m)
				}
			}
		})
	}
	all.Wait()
}
