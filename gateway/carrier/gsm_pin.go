package carrier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"smsbridge/gateway/store"
)

// The memory of the one attempt that a SIM's PIN is given outlives the process: the
// day of an attempt whose outcome is not known; of one that the SIM refused this word
// and which PIN that was; or nothing.
const refusedPIN = "refused "

// pinKept reads what is remembered of an attempt, and changes it if change says so.
func (g *GSM) pinKept(iccid string, change func(kept, today string) (string, bool)) error {
	return g.opt.Store.Update(context.Background(), func(tx *store.Tx) error {
		kept, err := tx.CarrierState(simState(iccid), "pin")
		if err != nil {
			return err
		}
		if now, ok := change(kept, dayOf(tx.Now())); ok && now != kept {
			return tx.SetCarrierState(simState(iccid), "pin", now)
		}
		return nil
	})
}

// pinTried tells whether a PIN was tried on a SIM: a second wrong one in the same
// way, and a third, would lock it.
func (g *GSM) pinTried(iccid string) (tried bool, err error) {
	err = g.pinKept(iccid, func(kept, _ string) (string, bool) { tried = kept != ""; return "", false })
	return tried, err
}

// tryPIN remembers that one is about to be.
func (g *GSM) tryPIN(iccid string) error {
	return g.pinKept(iccid, func(_, today string) (string, bool) { return today, true })
}

// pinAccepted forgets the attempt: the PIN is right.
func (g *GSM) pinAccepted(iccid string) error {
	return g.pinKept(iccid, func(string, string) (string, bool) { return "", true })
}

// pinRefused remembers that this PIN is wrong.
func (g *GSM) pinRefused(iccid string) error {
	return g.pinKept(iccid, func(string, string) (string, bool) { return refusedPIN + g.pinPrint(iccid), true })
}

// pinReady forgets an attempt once the SIM is unlocked, and has all its tries again,
// but not one that was refused with the PIN that is still configured: that would cost
// a try at each loss of power.
func (g *GSM) pinReady(iccid string) error {
	return g.pinKept(iccid, func(kept, _ string) (string, bool) { return "", kept != refusedPIN+g.pinPrint(iccid) })
}

// pinPrint tells one PIN from another. It is kept of wrong ones alone, since a PIN has
// too few digits to be hidden by a sum.
func (g *GSM) pinPrint(iccid string) string {
	sum := sha256.Sum256([]byte(iccid + " " + g.cfg.PIN))
	return hex.EncodeToString(sum[:8])
}
