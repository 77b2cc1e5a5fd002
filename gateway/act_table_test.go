package gateway

import "time"

// actTable is the table "Conversations: the rules" of docs/ARCHITECTURE.md,
// with the answer to every role: the state that follows and the events, "same",
// or the code of the refusal.
var actTable = []struct {
	name   string
	action Action
	state  string
	want   string
}{
	{"take", Action{Kind: ActTake}, "W", "mgs: T(me) taken; OLx: not_found; pS: forbidden"},
	{"take", Action{Kind: ActTake}, "T", "O: same; mgs: already_taken; Lx: not_found; pS: forbidden"},
	{"take", Action{Kind: ActTake}, "TA", "O: same; mgs: already_taken; Lx: not_found; pS: forbidden"},
	{"take", Action{Kind: ActTake}, "C", "Lgs: T(me) taken+reopened; mOx: not_found; pS: forbidden"},
	{"take", Action{Kind: ActTake}, "C0", "gs: T(me) taken+reopened; mLOx: not_found; pS: forbidden"},
	{"take", Action{Kind: ActTake}, "none", "mgsOLxp: not_found; S: same"},
	{"take", Action{Kind: ActTake}, "D", "mgsOLxp: not_found; S: same"},

	{"reply", Action{Kind: ActReply}, "W", "mgs: T(me) sent+taken; OLx: not_found; pS: forbidden"},
	{"reply", Action{Kind: ActReply}, "T", "O: T(me) sent; mgs: owned_by_other; Lx: not_found; pS: forbidden"},
	{"reply", Action{Kind: ActReply}, "TA", "O: T(me) sent+unarchived; mgs: owned_by_other; Lx: not_found; pS: forbidden"},
	{"reply", Action{Kind: ActReply}, "C", "Lgs: T(me) sent+taken+reopened; mOx: not_found; pS: forbidden"},
	{"reply", Action{Kind: ActReply}, "none", "mgsOLxp: not_found; S: same"},
	{"reply", Action{Kind: ActReply}, "D", "mgsOLxp: not_found; S: same"},

	{"start", Action{Kind: ActStart}, "W", "mgs: T(me) sent+taken; OLx: number_not_ours; pS: forbidden"},
	{"start", Action{Kind: ActStart}, "T", "O: T(me) sent; mgs: owned_by_other; Lx: number_not_ours; pS: forbidden"},
	{"start", Action{Kind: ActStart}, "TA", "O: T(me) sent+unarchived; mgs: owned_by_other; Lx: number_not_ours; pS: forbidden"},
	{"start", Action{Kind: ActStart}, "C", "mgs: T(me) sent+taken+reopened; OLx: number_not_ours; pS: forbidden"},
	{"start", Action{Kind: ActStart}, "none", "mgs: T(me) sent+created; OLx: number_not_ours; pS: forbidden"},
	{"start", Action{Kind: ActStart}, "D", "mgs: T(me) sent+created; OLx: number_not_ours; pS: forbidden"},
	{"start from a number of another queue", Action{Kind: ActStart, Queue: otherQueue}, "W", "xs: T(me) sent+taken; mgOL: number_not_ours; pS: forbidden"},
	{"start from a number of another queue", Action{Kind: ActStart, Queue: otherQueue}, "T", "O: T(me) sent; xs: owned_by_other; mgL: number_not_ours; pS: forbidden"},
	{"start from a number of another queue", Action{Kind: ActStart, Queue: otherQueue}, "none", "xs: T(me)@other sent+created; mgOL: number_not_ours; pS: forbidden"},

	{"program's text", Action{Kind: ActProgramText}, "W", "pS: W sent; mgsOLx: not_found"},
	{"program's text", Action{Kind: ActProgramText}, "T", "pS: T(O) sent; mgsOLx: not_found"},
	{"program's text", Action{Kind: ActProgramText}, "TA", "pS: TA(O) sent; mgsOLx: not_found"},
	{"program's text", Action{Kind: ActProgramText}, "C", "pS: C(L) sent; mgsOLx: not_found"},
	{"program's text", Action{Kind: ActProgramText}, "none", "pS: C() sent+created; mgsOLx: not_found"},
	{"program's text", Action{Kind: ActProgramText, Queue: numberQueue}, "D", "pS: C()@number sent+created; mgsOLx: not_found"},

	{"transfer to B", Action{Kind: ActTransfer, Agent: agentB}, "W", "mgspS: T(B) transferred; OLx: not_found"},
	{"transfer to B", Action{Kind: ActTransfer, Agent: agentB}, "T", "OgspS: T(B) transferred; mLx: not_found"},
	{"transfer to B", Action{Kind: ActTransfer, Agent: agentB}, "TA", "OgspS: T(B) transferred; mLx: not_found"},
	{"transfer to B", Action{Kind: ActTransfer, Agent: agentB}, "C", "LgspS: T(B) transferred+reopened; mOx: not_found"},
	{"transfer to B", Action{Kind: ActTransfer, Agent: agentB}, "none", "mgsOLxp: not_found; S: same"},
	{"transfer to B", Action{Kind: ActTransfer, Agent: agentB}, "D", "mgsOLxp: not_found; S: same"},
	{"transfer to its owner", Action{Kind: ActTransfer, Agent: personO}, "T", "OgspS: same; mLx: not_found"},
	{"transfer to its owner", Action{Kind: ActTransfer, Agent: personO}, "Tz", "OgspS: same; mLx: not_found"},
	{"transfer to nobody", Action{Kind: ActTransfer}, "T", "OgspS: agent_unavailable; mLx: not_found"},

	{"transfer to Q", Action{Kind: ActTransfer, Queue: otherQueue}, "W", "mgspS: W@other transferred; OLx: not_found"},
	{"transfer to Q", Action{Kind: ActTransfer, Queue: otherQueue}, "T", "OgspS: W@other transferred; mLx: not_found"},
	{"transfer to Q", Action{Kind: ActTransfer, Queue: otherQueue}, "TA", "OgspS: W@other transferred; mLx: not_found"},
	{"transfer to Q", Action{Kind: ActTransfer, Queue: otherQueue}, "C", "LgspS: W@other transferred+reopened; mOx: not_found"},
	{"transfer to Q", Action{Kind: ActTransfer, Queue: otherQueue}, "none", "mgsOLxp: not_found; S: same"},
	{"transfer to Q", Action{Kind: ActTransfer, Queue: otherQueue}, "D", "mgsOLxp: not_found; S: same"},
	{"transfer to its queue", Action{Kind: ActTransfer, Queue: testQueue}, "W", "mgspS: same; OLx: not_found"},
	{"transfer to its queue", Action{Kind: ActTransfer, Queue: testQueue}, "T", "OgspS: W transferred; mLx: not_found"},

	{"release", Action{Kind: ActRelease}, "W", "mgspS: same; OLx: not_found"},
	{"release", Action{Kind: ActRelease}, "T", "OgspS: W released; mLx: not_found"},
	{"release", Action{Kind: ActRelease}, "TA", "OgspS: W released; mLx: not_found"},
	{"release", Action{Kind: ActRelease}, "C", "LgspS: not_owner; mOx: not_found"},
	{"release", Action{Kind: ActRelease}, "none", "mgsOLxp: not_found; S: same"},
	{"release", Action{Kind: ActRelease}, "D", "mgsOLxp: not_found; S: same"},

	{"dealt with", Action{Kind: ActDealtWith}, "W", "mgs: C(me) dealt_with; OLx: not_found; pS: C() dealt_with"},
	{"dealt with", Action{Kind: ActDealtWith}, "T", "gspS: C(O) dealt_with; O: C(me) dealt_with; mLx: not_found"},
	{"dealt with", Action{Kind: ActDealtWith}, "TA", "gspS: C(O) dealt_with; O: C(me) dealt_with; mLx: not_found"},
	{"dealt with", Action{Kind: ActDealtWith}, "C", "LgspS: same; mOx: not_found"},
	{"dealt with", Action{Kind: ActDealtWith}, "none", "mgsOLxp: not_found; S: same"},
	{"dealt with", Action{Kind: ActDealtWith}, "D", "mgsOLxp: not_found; S: same"},

	{"archive", Action{Kind: ActArchive}, "W", "mgspS: not_owner; OLx: not_found"},
	{"archive", Action{Kind: ActArchive}, "T", "O: TA(me) archived; gspS: not_owner; mLx: not_found"},
	{"archive", Action{Kind: ActArchive}, "TA", "OgspS: same; mLx: not_found"},
	{"archive", Action{Kind: ActArchive}, "C", "LgspS: same; mOx: not_found"},
	{"archive", Action{Kind: ActArchive}, "none", "mgsOLxp: not_found; S: same"},
	{"archive", Action{Kind: ActArchive}, "D", "mgsOLxp: not_found; S: same"},

	{"unarchive", Action{Kind: ActUnarchive}, "W", "mgspS: same; OLx: not_found"},
	{"unarchive", Action{Kind: ActUnarchive}, "T", "OgspS: same; mLx: not_found"},
	{"unarchive", Action{Kind: ActUnarchive}, "TA", "O: T(me) unarchived; gspS: not_owner; mLx: not_found"},
	{"unarchive", Action{Kind: ActUnarchive}, "C", "Lgs: T(me) reopened+taken; mOx: not_found; pS: forbidden"},
	{"unarchive", Action{Kind: ActUnarchive}, "none", "mgsOLxp: not_found; S: same"},
	{"unarchive", Action{Kind: ActUnarchive}, "D", "mgsOLxp: not_found; S: same"},

	{"delete", Action{Kind: ActDelete}, "W", "mgspS: not_archived; OLx: not_found"},
	{"delete", Action{Kind: ActDelete}, "T", "OgspS: not_archived; mLx: not_found"},
	{"delete", Action{Kind: ActDelete}, "TA", "OgspS: D deleted; mLx: not_found"},
	{"delete", Action{Kind: ActDelete}, "C", "LgspS: D deleted; mOx: not_found"},
	{"delete", Action{Kind: ActDelete}, "none", "mgsOLxp: not_found; S: same"},
	{"delete", Action{Kind: ActDelete}, "D", "mgsOLxp: not_found; S: same"},

	{"read", Action{Kind: ActRead}, "W!", "mgspS: same; OLx: not_found"},
	{"read", Action{Kind: ActRead}, "T!", "O: T(me) read; gspS: not_owner; mLx: not_found"},
	{"read", Action{Kind: ActRead}, "T", "O: same; gspS: not_owner; mLx: not_found"},
	{"read", Action{Kind: ActRead}, "TA!", "O: TA(me) read; gspS: not_owner; mLx: not_found"},
	{"read", Action{Kind: ActRead}, "C", "LgspS: same; mOx: not_found"},
	{"read", Action{Kind: ActRead}, "none", "mgsOLxp: not_found; S: same"},
	{"read", Action{Kind: ActRead}, "D", "mgsOLxp: not_found; S: same"},

	{"snooze", snoozing, "W", "mgspS: not_owner; OLx: not_found"},
	{"snooze", snoozing, "T", "O: T(me) snoozed; gspS: not_owner; mLx: not_found"},
	{"snooze", snoozing, "Tz", "O: same; gspS: not_owner; mLx: not_found"},
	{"snooze", snoozing, "TA", "O: T(me) snoozed; gspS: not_owner; mLx: not_found"},
	{"snooze", snoozing, "C", "LgspS: not_owner; mOx: not_found"},
	{"snooze", snoozing, "none", "mgsOLxp: not_found; S: same"},
	{"snooze", snoozing, "D", "mgsOLxp: not_found; S: same"},
	{"snooze until now", Action{Kind: ActSnooze, Until: epoch1}, "Tz", "O: T(me) unsnoozed; S: T(O) unsnoozed; gsp: not_owner; mLx: not_found"},

	{"wake", Action{Kind: ActWake}, "W", "mgsp: not_owner; S: same; OLx: not_found"},
	{"wake", Action{Kind: ActWake}, "T", "OS: same; gsp: not_owner; mLx: not_found"},
	{"wake", Action{Kind: ActWake}, "Tz", "O: T(me) unsnoozed; S: T(O) unsnoozed; gsp: not_owner; mLx: not_found"},
	{"wake", Action{Kind: ActWake}, "TAz", "O: T(me) unsnoozed; S: T(O) unsnoozed; gsp: not_owner; mLx: not_found"},
	{"wake", Action{Kind: ActWake}, "C", "Lgsp: not_owner; S: same; mOx: not_found"},
	{"wake", Action{Kind: ActWake}, "none", "mgsOLxp: not_found; S: same"},
	{"wake", Action{Kind: ActWake}, "D", "mgsOLxp: not_found; S: same"},

	{"owner gone", Action{Kind: ActOwnerGone}, "W", "S: same; mgsp: forbidden; OLx: not_found"},
	{"owner gone", Action{Kind: ActOwnerGone}, "T!", "S: W released; gsOp: forbidden; mLx: not_found"},
	{"owner gone", Action{Kind: ActOwnerGone}, "TA!", "S: W released; gsOp: forbidden; mLx: not_found"},
	{"owner gone", Action{Kind: ActOwnerGone}, "T", "S: C() dealt_with; gsOp: forbidden; mLx: not_found"},
	{"owner gone", Action{Kind: ActOwnerGone}, "TA", "S: C() dealt_with; gsOp: forbidden; mLx: not_found"},
	{"owner gone", Action{Kind: ActOwnerGone}, "C", "S: same; gsLp: forbidden; mOx: not_found"},
	{"owner gone", Action{Kind: ActOwnerGone}, "D", "S: same; mgsOLxp: not_found"},

	{"owner away", Action{Kind: ActOwnerAway}, "W", "S: same; mgsp: forbidden; OLx: not_found"},
	{"owner away", Action{Kind: ActOwnerAway}, "T!", "S: W released; gsOp: forbidden; mLx: not_found"},
	{"owner away", Action{Kind: ActOwnerAway}, "TA!", "S: W released; gsOp: forbidden; mLx: not_found"},
	{"owner away", Action{Kind: ActOwnerAway}, "T", "S: same; gsOp: forbidden; mLx: not_found"},
	{"owner away", Action{Kind: ActOwnerAway}, "C", "S: same; gsLp: forbidden; mOx: not_found"},
	{"owner away", Action{Kind: ActOwnerAway}, "D", "S: same; mgsOLxp: not_found"},

	{"silence", Action{Kind: ActSilence}, "W", "S: same; mgsp: forbidden; OLx: not_found"},
	{"silence", Action{Kind: ActSilence}, "T", "S: C(O) dealt_with; gsOp: forbidden; mLx: not_found"},
	{"silence", Action{Kind: ActSilence}, "Tz", "S: same; gsOp: forbidden; mLx: not_found"},
	{"silence", Action{Kind: ActSilence}, "TA", "S: C(O) dealt_with; gsOp: forbidden; mLx: not_found"},
	{"silence", Action{Kind: ActSilence}, "C", "S: same; gsLp: forbidden; mOx: not_found"},
	{"silence", Action{Kind: ActSilence}, "D", "S: same; mgsOLxp: not_found"},

	{"queue deleted", queueDeleted, "W", "S: W@general transferred; mgsp: forbidden; OLx: not_found"},
	{"queue deleted", queueDeleted, "T", "S: T(O)@general transferred; gsOp: forbidden; mLx: not_found"},
	{"queue deleted", queueDeleted, "TA", "S: TA(O)@general transferred; gsOp: forbidden; mLx: not_found"},
	{"queue deleted", queueDeleted, "C", "S: C(L)@general transferred; gsLp: forbidden; mOx: not_found"},
	{"queue deleted", queueDeleted, "D", "S: same; mgsOLxp: not_found"},

	{"assign to B", assigning, "W", "S: T(B) taken; mgsp: forbidden; OLx: not_found"},
	{"assign to B", assigning, "T", "S: same; gsOp: forbidden; mLx: not_found"},
	{"assign to B", assigning, "TA", "S: same; gsOp: forbidden; mLx: not_found"},
	{"assign to B", assigning, "C", "S: same; gsLp: forbidden; mOx: not_found"},
	{"assign to B", assigning, "D", "S: same; mgsOLxp: not_found"},
}

var (
	snoozing     = Action{Kind: ActSnooze, Until: epoch1.Add(time.Hour)}
	queueDeleted = Action{Kind: ActQueueDeleted, Queue: general}
	assigning    = Action{Kind: ActAssign, Agent: agentB}
)
