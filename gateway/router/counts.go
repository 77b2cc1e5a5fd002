package router

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// conversationCounts keeps how many conversations of each queue stand in a status.
// It knows queues by their IDs and shows them by the names that they have now: a
// queue may be given another. It is a prometheus.Collector.
type conversationCounts struct {
	dir  *Directory
	desc *prometheus.Desc

	mu     sync.Mutex
	counts map[gateway.ID]byStatus
}

type byStatus [gateway.StatusDeleted]int

func newConversationCounts(dir *Directory) *conversationCounts {
	return &conversationCounts{dir: dir, counts: map[gateway.ID]byStatus{},
		desc: prometheus.NewDesc("smsbridge_conversations", "Conversations by queue and status.", []string{"queue", "status"}, nil)}
}

// add counts n more in a queue, or fewer.
func (c *conversationCounts) add(queue gateway.ID, s gateway.Status, n int) {
	if s == gateway.StatusNone || s == gateway.StatusDeleted {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts[queue]
	counts[s] += n
	c.counts[queue] = counts
}

// Describe implements prometheus.Collector.
func (c *conversationCounts) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector. What is in a queue that is being
// deleted is on its way to General.
func (c *conversationCounts) Collect(ch chan<- prometheus.Metric) {
	shown := map[string]byStatus{}
	for _, q := range c.dir.Queues() {
		shown[q.Name] = byStatus{}
	}
	c.mu.Lock()
	for queue, counts := range c.counts {
		name, ok := c.dir.QueueName(queue)
		if !ok {
			name, _ = c.dir.QueueName(store.GeneralQueue)
		}
		sum := shown[name]
		for s, n := range counts {
			sum[s] += n
		}
		shown[name] = sum
	}
	c.mu.Unlock()
	for name, counts := range shown {
		for s := gateway.StatusWaiting; s < gateway.StatusDeleted; s++ {
			ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(counts[s]), name, s.String())
		}
	}
}
