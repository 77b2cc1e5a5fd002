package smpp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// HeaderLen is the length of a PDU's header (SMPP 3.4 §3.2).
	HeaderLen = 16
	// MaxFrame is the longest PDU that is read, its header included: a
	// message_payload of 64 KiB less a little, far beyond any text.
	MaxFrame = 64 << 10
	// maxSkip bounds the command_length that is still believed, and skipped.
	// Beyond it the length is a lie and the framing is lost.
	maxSkip = 1 << 20

	firstBuffer = 4 << 10
)

// ErrFraming says that a command_length cannot be true, so that the next PDU
// cannot be found either: the connection is of no more use.
var ErrFraming = errors.New("smpp: impossible command_length")

// OversizeError is a PDU above MaxFrame. Its body is skipped: the next PDU can be
// read.
type OversizeError struct {
	Header Header
	Length uint32
}

func (e *OversizeError) Error() string {
	return fmt.Sprintf("smpp: %s of %d octets is above the limit of %d", e.Header.Command, e.Length, MaxFrame)
}

// header returns the octets of the header.
func (e *OversizeError) header() []byte {
	b := AppendHeader(nil, e.Header)
	binary.BigEndian.PutUint32(b, e.Length)
	return b
}

// FrameReader cuts a stream of octets into PDUs. It is used by one goroutine.
type FrameReader struct {
	r          io.Reader
	buf        []byte
	start, end int // buf[start:end] is read and not consumed
	skip       int // octets of an oversize PDU still to be thrown away
}

// NewFrameReader reads PDUs from r.
func NewFrameReader(r io.Reader) *FrameReader {
	return &FrameReader{r: r, buf: make([]byte, firstBuffer)}
}

// Next returns the octets of the next PDU, header included; they are valid until
// the next call. Between PDUs the end of the stream is io.EOF, inside one it is
// io.ErrUnexpectedEOF. After an OversizeError reading can go on; an error that
// wraps ErrFraming is returned as soon as the four octets of an impossible length
// are there, and ends the stream like any other error.
func (f *FrameReader) Next() ([]byte, error) {
	if err := f.discard(); err != nil {
		return nil, err
	}
	if err := f.fill(4); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(f.buf[f.start:])
	if length < HeaderLen || length > maxSkip {
		return nil, fmt.Errorf("%w: %d", ErrFraming, length)
	}
	if length > MaxFrame {
		if err := f.fill(HeaderLen); err != nil {
			return nil, err
		}
		f.skip = int(length)
		return nil, &OversizeError{Header: parseHeader(f.buf[f.start:]), Length: length}
	}
	if err := f.fill(int(length)); err != nil {
		return nil, err
	}
	frame := f.buf[f.start : f.start+int(length) : f.start+int(length)]
	f.start += int(length)
	return frame, nil
}

// discard throws the rest of an oversize PDU away.
func (f *FrameReader) discard() error {
	for f.skip > 0 {
		if f.start == f.end {
			if err := f.fill(1); err != nil {
				return unexpected(err)
			}
		}
		n := min(f.skip, f.end-f.start)
		f.start += n
		f.skip -= n
	}
	return nil
}

// fill reads until n octets are there.
func (f *FrameReader) fill(n int) error {
	if f.end-f.start >= n {
		return nil
	}
	if f.start == f.end {
		f.start, f.end = 0, 0
	}
	if len(f.buf)-f.start < n {
		to := f.buf
		if len(to) < n {
			to = make([]byte, max(n, min(2*len(f.buf), MaxFrame)))
		}
		f.end = copy(to, f.buf[f.start:f.end])
		f.start, f.buf = 0, to
	}
	for idle := 0; f.end-f.start < n; {
		k, err := f.r.Read(f.buf[f.end:])
		f.end += k
		if f.end-f.start >= n {
			return nil
		}
		if err != nil {
			if f.end > f.start {
				err = unexpected(err)
			}
			return err
		}
		if k > 0 {
			idle = 0
		} else if idle++; idle > 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Header is a PDU's header without its length (SMPP 3.4 §3.2).
type Header struct {
	Command  CommandID
	Status   Status
	Sequence uint32
}

// parseHeader reads the header of at least HeaderLen octets.
func parseHeader(b []byte) Header {
	return Header{
		Command:  CommandID(binary.BigEndian.Uint32(b[4:])),
		Status:   Status(binary.BigEndian.Uint32(b[8:])),
		Sequence: binary.BigEndian.Uint32(b[12:]),
	}
}
