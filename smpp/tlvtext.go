package smpp

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var tagNumber = regexp.MustCompile(`^(0x[0-9A-Fa-f]{1,4}|[1-9][0-9]{0,4})$`)

// ParseTag reads, as people write it, the tag of an optional parameter that a
// message is to have: "0x1400", or 5120. Those that depend on how the message
// travels are refused. The error completes a sentence that begins with the tag.
func ParseTag(s string) (Tag, error) {
	n, err := strconv.ParseUint(s, 0, 16)
	if err != nil || n == 0 || !tagNumber.MatchString(s) {
		return 0, errors.New("is no tag: must be 0x0001 to 0xFFFF, or a decimal number")
	}
	switch Tag(n) {
	case TagUserMessageReference:
		return 0, errors.New("is user_message_reference, which the daemon numbers itself: see the option of that name")
	case TagSARMsgRefNum, TagSARTotalSegments, TagSARSegmentSeqnum:
		return 0, errors.New("is one of the sar_ parameters, which the daemon writes itself where long_messages is sar")
	case TagMessagePayload:
		return 0, errors.New("is message_payload, which the daemon writes itself where long_messages is payload")
	}
	return Tag(n), nil
}

// ParseTLVValue reads the value of an optional parameter: text in ASCII, or octets
// as "hex:00ff". An empty parameter is "hex:". The error completes a sentence that
// begins with what was written.
func ParseTLVValue(s string) ([]byte, error) {
	const most = 0xFFFF // SMPP 3.4 §5.3.2
	octets := []byte(s)
	if digits, ok := strings.CutPrefix(s, "hex:"); ok {
		var err error
		if octets, err = hex.DecodeString(digits); err != nil {
			return nil, errors.New("must be hex: and an even number of hexadecimal digits")
		}
	} else if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("must be printable ASCII characters; other octets, or none, are written as hex:00ff")
	}
	if len(octets) > most {
		return nil, fmt.Errorf("must have at most %d octets", most)
	}
	return octets, nil
}
