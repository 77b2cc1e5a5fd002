package gateway

// AddressKind tells what an address is. Kinds are never mixed up: a short code
// is not a phone number in some country, and "1800FLOWERS" is a name.
type AddressKind uint8

const (
	AddressUnknown      AddressKind = iota // kept exactly as it came
	AddressE164                            // "+" and 7 to 15 digits
	AddressShort                           // a short code: few digits, no "+"
	AddressAlphanumeric                    // up to 11 characters, at least one letter; cannot be answered
)

// Address is one end of a text. The zero Address is an unknown, empty one.
type Address struct {
	Kind  AddressKind
	Value string
}

// String returns the address as people write it.
func (a Address) String() string { return a.Value }
