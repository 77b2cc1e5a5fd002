//go:build !linux

package gsm

import (
	"context"
	"errors"
	"fmt"
	"io"

	"go.bug.st/serial"
)

// OpenPort opens a serial port, raw, eight bits, no parity, at baud bits a second
// (0: 115200), exclusively; ErrBusy where another has it. Close returns at once,
// even while a Read is pending.
func OpenPort(ctx context.Context, path string, baud int) (io.ReadWriteCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if baud == 0 {
		baud = 115200
	}
	p, err := serial.Open(path, &serial.Mode{BaudRate: baud})
	if refused := (*serial.PortError)(nil); errors.As(err, &refused) && refused.Code() == serial.PortBusy {
		err = ErrBusy
	}
	if err != nil {
		return nil, fmt.Errorf("gsm: %s: %w", path, err)
	}
	return p, nil
}
