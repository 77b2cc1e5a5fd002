package smpp

import "fmt"

// Status is a command_status (SMPP 3.4 §5.1.3).
type Status uint32

// The command_status values of SMPP 3.4 §5.1.3, and from 0x100 on those of SMPP
// 5.0 that carriers also send on 3.4 sessions.
const (
	ESME_ROK              Status = 0x00000000
	ESME_RINVMSGLEN       Status = 0x00000001
	ESME_RINVCMDLEN       Status = 0x00000002
	ESME_RINVCMDID        Status = 0x00000003
	ESME_RINVBNDSTS       Status = 0x00000004
	ESME_RALYBND          Status = 0x00000005
	ESME_RINVPRTFLG       Status = 0x00000006
	ESME_RINVREGDLVFLG    Status = 0x00000007
	ESME_RSYSERR          Status = 0x00000008
	ESME_RINVSRCADR       Status = 0x0000000A
	ESME_RINVDSTADR       Status = 0x0000000B
	ESME_RINVMSGID        Status = 0x0000000C
	ESME_RBINDFAIL        Status = 0x0000000D
	ESME_RINVPASWD        Status = 0x0000000E
	ESME_RINVSYSID        Status = 0x0000000F
	ESME_RCANCELFAIL      Status = 0x00000011
	ESME_RREPLACEFAIL     Status = 0x00000013
	ESME_RMSGQFUL         Status = 0x00000014
	ESME_RINVSERTYP       Status = 0x00000015
	ESME_RINVNUMDESTS     Status = 0x00000033
	ESME_RINVDLNAME       Status = 0x00000034
	ESME_RINVDESTFLAG     Status = 0x00000040
	ESME_RINVSUBREP       Status = 0x00000042
	ESME_RINVESMCLASS     Status = 0x00000043
	ESME_RCNTSUBDL        Status = 0x00000044
	ESME_RSUBMITFAIL      Status = 0x00000045
	ESME_RINVSRCTON       Status = 0x00000048
	ESME_RINVSRCNPI       Status = 0x00000049
	ESME_RINVDSTTON       Status = 0x00000050
	ESME_RINVDSTNPI       Status = 0x00000051
	ESME_RINVSYSTYP       Status = 0x00000053
	ESME_RINVREPFLAG      Status = 0x00000054
	ESME_RINVNUMMSGS      Status = 0x00000055
	ESME_RTHROTTLED       Status = 0x00000058
	ESME_RINVSCHED        Status = 0x00000061
	ESME_RINVEXPIRY       Status = 0x00000062
	ESME_RINVDFTMSGID     Status = 0x00000063
	ESME_RX_T_APPN        Status = 0x00000064
	ESME_RX_P_APPN        Status = 0x00000065
	ESME_RX_R_APPN        Status = 0x00000066
	ESME_RQUERYFAIL       Status = 0x00000067
	ESME_RINVOPTPARSTREAM Status = 0x000000C0
	ESME_ROPTPARNOTALLWD  Status = 0x000000C1
	ESME_RINVPARLEN       Status = 0x000000C2
	ESME_RMISSINGOPTPARAM Status = 0x000000C3
	ESME_RINVOPTPARAMVAL  Status = 0x000000C4
	ESME_RDELIVERYFAILURE Status = 0x000000FE
	ESME_RUNKNOWNERR      Status = 0x000000FF

	ESME_RSERTYPUNAUTH      Status = 0x00000100
	ESME_RPROHIBITED        Status = 0x00000101
	ESME_RSERTYPUNAVAIL     Status = 0x00000102
	ESME_RSERTYPDENIED      Status = 0x00000103
	ESME_RINVDCS            Status = 0x00000104
	ESME_RINVSRCADDRSUBUNIT Status = 0x00000105
	ESME_RINVDSTADDRSUBUNIT Status = 0x00000106
)

var statusNames = map[Status]string{
	ESME_ROK:                "ESME_ROK",
	ESME_RINVMSGLEN:         "ESME_RINVMSGLEN",
	ESME_RINVCMDLEN:         "ESME_RINVCMDLEN",
	ESME_RINVCMDID:          "ESME_RINVCMDID",
	ESME_RINVBNDSTS:         "ESME_RINVBNDSTS",
	ESME_RALYBND:            "ESME_RALYBND",
	ESME_RINVPRTFLG:         "ESME_RINVPRTFLG",
	ESME_RINVREGDLVFLG:      "ESME_RINVREGDLVFLG",
	ESME_RSYSERR:            "ESME_RSYSERR",
	ESME_RINVSRCADR:         "ESME_RINVSRCADR",
	ESME_RINVDSTADR:         "ESME_RINVDSTADR",
	ESME_RINVMSGID:          "ESME_RINVMSGID",
	ESME_RBINDFAIL:          "ESME_RBINDFAIL",
	ESME_RINVPASWD:          "ESME_RINVPASWD",
	ESME_RINVSYSID:          "ESME_RINVSYSID",
	ESME_RCANCELFAIL:        "ESME_RCANCELFAIL",
	ESME_RREPLACEFAIL:       "ESME_RREPLACEFAIL",
	ESME_RMSGQFUL:           "ESME_RMSGQFUL",
	ESME_RINVSERTYP:         "ESME_RINVSERTYP",
	ESME_RINVNUMDESTS:       "ESME_RINVNUMDESTS",
	ESME_RINVDLNAME:         "ESME_RINVDLNAME",
	ESME_RINVDESTFLAG:       "ESME_RINVDESTFLAG",
	ESME_RINVSUBREP:         "ESME_RINVSUBREP",
	ESME_RINVESMCLASS:       "ESME_RINVESMCLASS",
	ESME_RCNTSUBDL:          "ESME_RCNTSUBDL",
	ESME_RSUBMITFAIL:        "ESME_RSUBMITFAIL",
	ESME_RINVSRCTON:         "ESME_RINVSRCTON",
	ESME_RINVSRCNPI:         "ESME_RINVSRCNPI",
	ESME_RINVDSTTON:         "ESME_RINVDSTTON",
	ESME_RINVDSTNPI:         "ESME_RINVDSTNPI",
	ESME_RINVSYSTYP:         "ESME_RINVSYSTYP",
	ESME_RINVREPFLAG:        "ESME_RINVREPFLAG",
	ESME_RINVNUMMSGS:        "ESME_RINVNUMMSGS",
	ESME_RTHROTTLED:         "ESME_RTHROTTLED",
	ESME_RINVSCHED:          "ESME_RINVSCHED",
	ESME_RINVEXPIRY:         "ESME_RINVEXPIRY",
	ESME_RINVDFTMSGID:       "ESME_RINVDFTMSGID",
	ESME_RX_T_APPN:          "ESME_RX_T_APPN",
	ESME_RX_P_APPN:          "ESME_RX_P_APPN",
	ESME_RX_R_APPN:          "ESME_RX_R_APPN",
	ESME_RQUERYFAIL:         "ESME_RQUERYFAIL",
	ESME_RINVOPTPARSTREAM:   "ESME_RINVOPTPARSTREAM",
	ESME_ROPTPARNOTALLWD:    "ESME_ROPTPARNOTALLWD",
	ESME_RINVPARLEN:         "ESME_RINVPARLEN",
	ESME_RMISSINGOPTPARAM:   "ESME_RMISSINGOPTPARAM",
	ESME_RINVOPTPARAMVAL:    "ESME_RINVOPTPARAMVAL",
	ESME_RDELIVERYFAILURE:   "ESME_RDELIVERYFAILURE",
	ESME_RUNKNOWNERR:        "ESME_RUNKNOWNERR",
	ESME_RSERTYPUNAUTH:      "ESME_RSERTYPUNAUTH",
	ESME_RPROHIBITED:        "ESME_RPROHIBITED",
	ESME_RSERTYPUNAVAIL:     "ESME_RSERTYPUNAVAIL",
	ESME_RSERTYPDENIED:      "ESME_RSERTYPDENIED",
	ESME_RINVDCS:            "ESME_RINVDCS",
	ESME_RINVSRCADDRSUBUNIT: "ESME_RINVSRCADDRSUBUNIT",
	ESME_RINVDSTADDRSUBUNIT: "ESME_RINVDSTADDRSUBUNIT",
}

// String returns the specification's name, or "0x00000400" for a value that has
// none.
func (s Status) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("0x%08x", uint32(s))
}

// ParseStatus reads what String writes.
func ParseStatus(name string) (Status, bool) {
	for s, n := range statusNames {
		if n == name {
			return s, true
		}
	}
	var v uint32
	if _, err := fmt.Sscanf(name, "0x%x", &v); err != nil {
		return 0, false
	}
	return Status(v), true
}

// CommandID is a command_id (SMPP 3.4 §5.1.2.1).
type CommandID uint32

// The command ids of SMPP 3.4.
const (
	CmdGenericNack         CommandID = 0x80000000
	CmdBindReceiver        CommandID = 0x00000001
	CmdBindReceiverResp    CommandID = 0x80000001
	CmdBindTransmitter     CommandID = 0x00000002
	CmdBindTransmitterResp CommandID = 0x80000002
	CmdQuerySM             CommandID = 0x00000003
	CmdQuerySMResp         CommandID = 0x80000003
	CmdSubmitSM            CommandID = 0x00000004
	CmdSubmitSMResp        CommandID = 0x80000004
	CmdDeliverSM           CommandID = 0x00000005
	CmdDeliverSMResp       CommandID = 0x80000005
	CmdUnbind              CommandID = 0x00000006
	CmdUnbindResp          CommandID = 0x80000006
	CmdReplaceSM           CommandID = 0x00000007
	CmdReplaceSMResp       CommandID = 0x80000007
	CmdCancelSM            CommandID = 0x00000008
	CmdCancelSMResp        CommandID = 0x80000008
	CmdBindTransceiver     CommandID = 0x00000009
	CmdBindTransceiverResp CommandID = 0x80000009
	CmdOutbind             CommandID = 0x0000000B
	CmdEnquireLink         CommandID = 0x00000015
	CmdEnquireLinkResp     CommandID = 0x80000015
	CmdSubmitMulti         CommandID = 0x00000021
	CmdSubmitMultiResp     CommandID = 0x80000021
	CmdAlertNotification   CommandID = 0x00000102
	CmdDataSM              CommandID = 0x00000103
	CmdDataSMResp          CommandID = 0x80000103
)

var commandNames = map[CommandID]string{
	CmdGenericNack: "generic_nack", CmdBindReceiver: "bind_receiver", CmdBindReceiverResp: "bind_receiver_resp",
	CmdBindTransmitter: "bind_transmitter", CmdBindTransmitterResp: "bind_transmitter_resp",
	CmdQuerySM: "query_sm", CmdQuerySMResp: "query_sm_resp", CmdSubmitSM: "submit_sm", CmdSubmitSMResp: "submit_sm_resp",
	CmdDeliverSM: "deliver_sm", CmdDeliverSMResp: "deliver_sm_resp", CmdUnbind: "unbind", CmdUnbindResp: "unbind_resp",
	CmdReplaceSM: "replace_sm", CmdReplaceSMResp: "replace_sm_resp", CmdCancelSM: "cancel_sm", CmdCancelSMResp: "cancel_sm_resp",
	CmdBindTransceiver: "bind_transceiver", CmdBindTransceiverResp: "bind_transceiver_resp", CmdOutbind: "outbind",
	CmdEnquireLink: "enquire_link", CmdEnquireLinkResp: "enquire_link_resp",
	CmdSubmitMulti: "submit_multi", CmdSubmitMultiResp: "submit_multi_resp",
	CmdAlertNotification: "alert_notification", CmdDataSM: "data_sm", CmdDataSMResp: "data_sm_resp",
}

// String returns the specification's name, or the number for an id that has none.
func (c CommandID) String() string {
	if name, ok := commandNames[c]; ok {
		return name
	}
	return fmt.Sprintf("0x%08x", uint32(c))
}

// IsResponse reports whether c is a response or generic_nack.
func (c CommandID) IsResponse() bool { return c&CmdGenericNack != 0 }

// Response returns the id of the response to c. It means nothing for
// alert_notification and outbind, which have none.
func (c CommandID) Response() CommandID { return c | CmdGenericNack }

// known reports whether SMPP 3.4 defines c.
func (c CommandID) known() bool {
	_, ok := commandNames[c]
	return ok
}
