package gateway

import "fmt"

func Describe(coding Coding, port uint16, payload []byte) string {
	return fmt.Sprintf("Binary message of %d octets", len(payload))
}
