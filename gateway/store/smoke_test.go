package store
import ("testing";"context";"fmt";"sync";"sync/atomic";"time";"smsbridge/gateway")
func BenchmarkLife(b *testing.B){
 for _,conc:=range []int{1,32,100} { b.Run(fmt.Sprint(conc),func(b *testing.B){
  ctx:=context.Background()
  db,err:=Open(ctx,"sqlite:"+b.TempDir()+"/x.db",Options{Node:"a"}); if err!=nil {b.Fatal(err)}
  defer db.Close()
  var n atomic.Int64; var wg sync.WaitGroup
  b.ResetTimer()
  for range conc { wg.Add(1); go func(){ defer wg.Done(); for { i:=n.Add(1); if i>int64(b.N) {return}
   err:=db.Update(ctx,func(tx *Tx) error {
    peer:=gateway.Address{Kind:gateway.AddressE164,Value:fmt.Sprintf("+1260%07d",i*7919%10000000)}
    c,err:=tx.Pair("+12602058900",peer); if err!=nil {return err}
    if c.ID==0 {c.ID=tx.NewID();c.Status=gateway.StatusClosed;c.Archived=true;c.Queue=1;c.CreatedAt=tx.Now()}
    out,err:=tx.OptedOut(c.Number,peer); if err!=nil||out {return err}
    m:=&gateway.Message{ID:tx.NewID(),Conversation:c.ID,Direction:gateway.Out,Number:c.Number,Peer:peer,Text:"hello this is a bench message",Segments:1,Tick:gateway.TickQueued,Carrier:"acme",CreatedAt:tx.Now(),ExpiresAt:tx.Now().Add(48*time.Hour)}
    c.LastMessage=m.ID; c.UpdatedAt=tx.Now()
    if err:=tx.SaveConversation(c);err!=nil {return err}
    tx.InsertMessage(m)
    tx.InsertSegments(m,[]gateway.Segment{{ID:m.ID,Carrier:"acme",Tick:gateway.TickQueued,Turn:true,Payload:[]byte(m.Text)}})
    tx.Emit(gateway.Event{Type:gateway.EventMessageSent,Conversation:&c,Message:m})
    return nil })
   if err!=nil {b.Error(err);return}
  }}()}
  wg.Wait()
  b.StopTimer()
  b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(),"sends/s")
  // claim + result
  b.StartTimer()
  left:=b.N
  for left>0 { var cl []Claimed
   if err:=db.Update(ctx,func(tx *Tx) (err error) { cl,_,err=tx.Claim("acme",1,100); return err});err!=nil {b.Fatal(err)}
   if len(cl)==0 {b.Fatal("none")}
   if err:=db.Update(ctx,func(tx *Tx) (err error) { 
     ids:=make([]gateway.ID,len(cl)); refs:=make([]Reference,len(cl)); for i:=range cl{ids[i]=cl[i].Segment;refs[i]=Reference{fmt.Sprint(1000000+left-i),cl[i].Segment,1,tx.Now()}}
     ms,err:=tx.Messages(ids); if err!=nil {return err}
     ss,err:=tx.Segments(ids); if err!=nil {return err}
     var cs []gateway.ID; var ml []*gateway.Message; var sl []*gateway.Segment
     for _,id:=range ids {cs=append(cs,ms[id].Conversation); ms[id].Tick=gateway.TickSent; ss[id].Tick=gateway.TickSent; ml=append(ml,ms[id]); sl=append(sl,ss[id])}
     if err:=tx.LoadConversations(cs);err!=nil{return err}
     if err:=tx.InsertReferences("acme",refs);err!=nil{return err}
     if err:=tx.UpdateSegments(sl);err!=nil{return err}
     if err:=tx.UpdateTicks(ml);err!=nil{return err}
     if _,err:=tx.PassTurn(cs);err!=nil{return err}
     for i,m:=range ml { c,_,_:=tx.Conversation(cs[i]); tx.Emit(gateway.Event{Type:gateway.EventMessageTick,Conversation:&c,Message:m}) }
     return nil});err!=nil {b.Fatal(err)}
   left-=len(cl)
  }
 })}
}
