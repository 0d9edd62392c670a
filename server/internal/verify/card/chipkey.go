package card

import (
	"bytes"
	"fmt"

	"pivot/shared/brainpool"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
)

// chipKey is the public key that the chip must prove, and the protocol by which it does.
type chipKey struct {
	curve *brainpool.Curve
	point *brainpool.Point
	suite sm.Suite
	oid   []byte // content octets of the Chip Authentication OID
	id    *int   // key identifier, when the card has several keys
}

// examineChipKey checks that DG14 is the one signed, then chooses the strongest Chip Authentication that it offers
// (ICAO 9303-11 §6.2: version 1, ECDH, AES).
func examineChipKey(sod mrtd.SOD, file []byte, dg14 mrtd.SecurityInfos) (chipKey, error) {
	if !matches(sod.Digest, sod.DataGroups[14], file) {
		return chipKey{}, refuse(StepChipKey, ReasonHashMismatch, fmt.Errorf("data group %d", 14))
	}
	if len(dg14.ChipKeys) == 0 {
		return chipKey{}, refuse(StepChipKey, ReasonNoChipAuth, nil)
	}
	reason := ReasonChipAuthProtocol
	var best chipKey
	for _, info := range dg14.ChipAuth {
		if !info.ECDH || info.Version != 1 || info.Suite == 0 {
			continue
		}
		key, ok := keyOf(dg14.ChipKeys, info.KeyID)
		if !ok {
			continue
		}
		if key.Curve == nil {
			reason = ReasonUnknownCurve
			continue
		}
		if best.curve == nil || info.Suite.KeyLen() > best.suite.KeyLen() {
			point, err := key.Curve.ParsePoint(key.Point)
			if err != nil {
				return chipKey{}, refuse(StepChipKey, ReasonBadChipKey, err)
			}
			best = chipKey{curve: key.Curve, point: point, suite: info.Suite, oid: bytes.Clone(info.OIDBytes), id: info.KeyID}
		}
	}
	if best.curve == nil {
		return chipKey{}, refuse(StepChipKey, reason, nil)
	}
	return best, nil
}

// keyOf finds the key that an info speaks of: by identifier, or the only one.
func keyOf(keys []mrtd.ChipKey, id *int) (mrtd.ChipKey, bool) {
	if id == nil {
		if len(keys) == 1 {
			return keys[0], true
		}
		return mrtd.ChipKey{}, false
	}
	for _, k := range keys {
		if k.KeyID != nil && *k.KeyID == *id {
			return k, true
		}
	}
	return mrtd.ChipKey{}, false
}
