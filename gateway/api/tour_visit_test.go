package api

import (
	"encoding/json"
	"fmt"
	"time"

	"smsbridge/gateway"
)

// id reads that of what an answer shows.
func (o *tour) id(a answer) string {
	o.t.Helper()
	var v struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(a.body, &v); err != nil || v.ID == "" {
		o.t.Fatalf("no id: %v in %s", err, a.body)
	}
	return v.ID
}

// visit goes through all that the API can do, as a day might.
func (o *tour) visit() {
	olga, max, ana, ben := o.as("olga"), o.as("max"), o.as("ana"), o.as("ben")
	o.visitPeople(olga, ana)
	o.visitQueues(olga)
	o.visitContacts(max, ana)
	o.visitConversations(olga, max, ana, ben)
	o.visitPrograms(olga, max)
	o.visitCarriers(olga)
	o.ask(&client{s: o.site}, "POST", "/session", credentials{"105", password})
	o.ask(o.as("stan"), "DELETE", "/session", nil)
}

func (o *tour) visitPeople(olga, ana *client) {
	o.ask(ana, "GET", "/me", nil)
	o.ask(ana, "PATCH", "/me", `{"availability":"available"}`)
	o.ask(ana, "GET", "/agents?q=be", nil)
	dora := o.id(o.ask(olga, "POST", "/agents", fmt.Sprintf(`{"name":"dora","extension":"106","role":"agent","password":"a good password","queues":[{"id":%q}]}`, o.queue.String())))
	o.people["dora"], _ = gateway.ParseID(dora)
	o.ask(ana, "GET", "/agents/"+dora, nil)
	o.ask(olga, "PATCH", "/agents/"+dora, `{"name":"Dora"}`)
	push := o.id(o.ask(ana, "POST", "/me/push-subscriptions",
		`{"endpoint":"https://push.example.com/send/1","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}`))
	o.ask(ana, "GET", "/me/push-subscriptions", nil)
	o.ask(ana, "DELETE", "/me/push-subscriptions/"+push, nil)
	o.ask(o.as("dora"), "POST", "/me/password", `{"old":"a good password","new":"a better password"}`)
	o.as("ana") // another session of hers
	for _, s := range want[SessionList](o.t, o.ask(ana, "GET", "/sessions", nil), 200).Items {
		if !s.Current {
			o.ask(ana, "DELETE", "/sessions/"+s.ID, nil)
		}
	}
	token := o.id(o.ask(olga, "POST", "/tokens", `{"name":"shop","scopes":["messages:send","messages:read"],"numbers":["`+ours+`"],"allow_to":["+1"],"per_day":5000,"expires_at":"2036-01-01T00:00:00Z"}`))
	o.ask(olga, "GET", "/tokens", nil)
	o.ask(olga, "DELETE", "/tokens/"+token, nil)
}

func (o *tour) visitQueues(olga *client) {
	q := o.id(o.ask(olga, "POST", "/queues", `{"name":"Support","settings":{"offer":"first","offer_count":3,"widen_after":"2m"}}`))
	o.ask(olga, "GET", "/queues", nil)
	o.ask(olga, "GET", "/queues/"+q, nil)
	o.ask(olga, "PATCH", "/queues/"+q, `{"settings":{"return_after":"15m","close_after":"168h","hours":{"timezone":"America/Denver","open":[{"days":["mon","tue","wed","thu","fri"],"from":"08:00","to":"17:30"}],"reply":"We are back tomorrow at eight."}}}`)
	o.ask(olga, "PUT", "/queues/"+q+"/members/"+o.people["ben"].String(), `{"manages":false,"position":1}`)
	o.ask(olga, "GET", "/queues/"+q+"/members", nil)
	o.ask(olga, "DELETE", "/queues/"+q+"/members/"+o.people["ben"].String(), nil)
	o.ask(olga, "GET", "/numbers", nil)
	o.ask(olga, "PATCH", "/numbers/%2B12602058999", fmt.Sprintf(`{"queue":%q,"carrier_handles_stop":true}`, q))
	o.ask(olga, "GET", "/numbers/parse?input=(260)%20205-8901&region=US", nil)
	o.ask(olga, "DELETE", "/queues/"+q, nil)
}

func (o *tour) visitContacts(max, ana *client) {
	c := o.id(o.ask(ana, "POST", "/contacts", `{"name":"Maya Lopez","company":"Acme","numbers":["(260) 205-8901"],"tags":["regular"]}`))
	o.ask(ana, "GET", "/contacts?q=maya", nil)
	o.ask(ana, "GET", "/contacts/"+c, nil)
	o.ask(ana, "PATCH", "/contacts/"+c, `{"notes":"Prefers mornings."}`)
	o.ask(max, "POST", "/contacts/import", "name,numbers,tags\nSam Reed,+12602058907,new\n", "Content-Type", "text/csv")
	o.ask(max, "GET", "/contacts/export", nil)
	o.arrive(customer, ours, "Is it ready?")
	o.ask(ana, "GET", "/contacts/"+c+"/history", nil)
	id := o.waiting(o.t).ID
	t := o.id(o.ask(max, "POST", "/templates", `{"name":"Ready","category":"Orders","language":"en","text":"Hello {{contact.first_name}}, it is ready. {{agent.name}}"}`))
	o.ask(ana, "GET", "/templates?category=Orders", nil)
	o.ask(ana, "GET", "/templates/"+t, nil)
	o.ask(max, "PATCH", "/templates/"+t, `{"category":"Sales"}`)
	o.ask(ana, "POST", "/templates/"+t+"/render", fmt.Sprintf(`{"conversation":%q}`, id))
	o.ask(max, "DELETE", "/templates/"+t, nil)
	gone := o.id(o.ask(ana, "POST", "/contacts", `{"name":"Nobody","numbers":["+12602058909"]}`))
	o.ask(max, "DELETE", "/contacts/"+gone, nil)
}

func (o *tour) visitConversations(olga, max, ana, ben *client) {
	c := o.waiting(o.t).ID
	path := "/conversations/" + c
	o.ask(ana, "GET", "/conversations?view=waiting&sort=oldest", nil)
	o.ask(ana, "GET", path, nil)
	o.ask(ana, "POST", path+"/presence", `{"state":"looking"}`)
	o.ask(ben, "POST", path+"/ignore", nil)
	o.ask(ana, "POST", path+"/take", nil)
	m := o.id(o.ask(ana, "POST", path+"/messages", `{"text":"Hello Maya, yes, it is."}`, "Idempotency-Key", "4711"))
	o.ask(ana, "POST", path+"/read", nil)
	o.ask(ana, "POST", path+"/notes", `{"text":"Asked about order 4711."}`)
	o.ask(ana, "GET", path+"/messages", nil)
	o.ask(ana, "GET", path+"/events", nil)
	o.ask(ana, "GET", path+"/history", nil)
	o.ask(ana, "GET", "/counts", nil)
	o.ask(ana, "GET", "/messages/"+m, nil)
	o.ask(ana, "POST", "/messages/"+m+"/cancel", nil)
	o.ask(ana, "POST", "/messages/"+m+"/resend", nil)
	o.ask(ana, "GET", "/messages/"+m+"/trace", nil)
	o.ask(ana, "GET", "/messages/preview?to=%2B12602058901&text=Hello&from=%2B12602058900", nil)
	o.ask(ana, "POST", path+"/snooze", `{"until":"2036-01-01T08:00:00Z"}`)
	o.ask(ana, "POST", path+"/archive", nil)
	o.ask(ana, "POST", path+"/unarchive", nil)
	o.ask(ana, "POST", path+"/transfer", fmt.Sprintf(`{"agent":%q,"note":"You know her."}`, o.people["ben"].String()))
	o.ask(max, "POST", "/conversations/transfer", fmt.Sprintf(`{"conversations":[%q],"agent":%q}`, c, o.people["ana"].String()))
	o.ask(ana, "POST", path+"/release", nil)
	o.ask(max, "POST", path+"/block", nil)
	o.ask(max, "GET", "/blocked", nil)
	o.ask(max, "POST", path+"/unblock", nil)
	o.ask(max, "POST", path+"/block", nil)
	o.ask(max, "DELETE", "/blocked/%2B12602058901", nil)
	o.ask(max, "POST", path+"/opt-out", `{"opted_out":true,"note":"Told me on the telephone."}`)
	o.ask(max, "POST", "/opt-outs", `{"number":"`+ours+`","peer":"+12602058901","opted_out":false,"note":"Changed her mind."}`)
	o.ask(max, "GET", "/opt-outs", nil)
	o.ask(max, "POST", path+"/dealt-with", `{"reason":"answered"}`)
	o.ask(max, "DELETE", path, nil)
	o.ask(ana, "POST", "/conversations", `{"from":"`+ours+`","to":"(260) 205-8907","text":"Your parcel is here."}`)
	o.ask(olga, "GET", "/audit?action=conversation.transferred", nil)
	day := time.Now().UTC().Format(time.DateOnly)
	o.ask(olga, "GET", "/reports?by=queue,agent&from="+day+"&to="+day, nil)
}

func (o *tour) visitPrograms(olga, max *client) {
	shop := o.program("shop", "messages:send messages:read", "")
	o.ask(shop, "POST", "/messages", `{"from":"`+ours+`","to":"+12602058903","text":"Your parcel is ready.","reference":"order 4711"}`)
	o.ask(shop, "POST", "/messages/batch", `{"messages":[{"from":"`+ours+`","to":"+12602058904","text":"Your parcel is ready."},{"from":"`+ours+`","to":"12","text":"Your parcel is ready."}]}`)
	o.ask(max, "GET", "/messages?direction=out&limit=1", nil)
}

func (o *tour) visitCarriers(olga *client) {
	o.ask(olga, "GET", "/carriers", nil)
	o.ask(olga, "POST", "/carriers/acme/pause", nil)
	o.ask(olga, "POST", "/carriers/acme/resume", nil)
	o.ask(olga, "POST", "/carriers/acme/reconnect", nil)
	o.ask(olga, "POST", "/carriers/acme/trace", `{"for":"5m"}`)
	o.ask(olga, "GET", "/carriers/acme/trace", nil)
	o.ask(olga, "GET", "/quarantine", nil)
}
