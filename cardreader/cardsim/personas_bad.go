package cardsim

// forgedPersonas are made without a key of the State.
func forgedPersonas() []Persona {
	return []Persona{
		faulty("clone", notGenuine, "all files copied to a chip with another key: 6988 after Chip Authentication"),
		faulty("clone-lazy", notGenuine, "a copy that replays the responses of a recorded session"),
		faulty("clone-no-dg14", dg14Hidden, "a copy without the file that would ask for Chip Authentication"),
		faulty("own-pki", unknownIssuer, "a well-made card of an authority that no one pinned"),
		faulty("own-pki-same-name", unknownIssuer, "the same under the name of the genuine authority"),
		faulty("own-key-dg14", hashMismatch, "the forger's own chip key in DG14: Chip Authentication succeeds"),
		faulty("tampered-dg1", hashMismatch, "one letter of the name changed"),
		faulty("tampered-dg13", hashMismatch, "one letter of the place of birth changed"),
		faulty("swapped-dg1", hashMismatch, "the machine readable zone of another person"),
		faulty("cardaccess-downgraded", accessMismatch, "EF.CardAccess announces a protocol that DG14 does not sign"),
	}
}

// signedPersonas differ in who signed them, and when.
func signedPersonas() []Persona {
	return []Persona{
		faulty("ds-expired-at-signing", dsExpired, "signed a day after the signer's certificate ended"),
		faulty("ds-not-yet-valid", dsNotYetValid, "signed a day before the signer's certificate began"),
		faulty("ds-expired-now", "", "the signer's certificate has ended since it signed"),
		faulty("ds-revoked", dsRevoked, "the signer is on the revocation list"),
		faulty("ds-other-country", countryMismatch, "the signer names another country than its authority"),
		faulty("csca-expired", "", "the authority has expired, after the signer's time"),
		faulty("link-path", "", "signed under the authority's next key, which a link certificate vouches for"),
		faulty("intermediate-path", "", "signed under an intermediate authority, which the SOD carries along"),
		faulty("expired", documentExpired, "the document has been past its last day for a month"),
	}
}

// objectPersonas differ in the security object.
func objectPersonas() []Persona {
	return []Persona{
		faulty("sod-no-ds", noSigner, "the signer's certificate is left out"),
		faulty("sod-two-signers", malformed, "two signatures, of which one is a forger's"),
		faulty("sod-sha1", weakDigest, "SHA-1 throughout"),
		faulty("sod-md5", weakDigest, "MD5 throughout"),
		faulty("sod-wrong-content-type", malformed, "the content is said to be mere data"),
		faulty("sod-no-message-digest", malformed, "the signed attributes do not cover the content"),
		faulty("sod-rsa-e3", weakKey, "a signature forged as a cube root, for a public exponent of 3"),
		faulty("sod-pss", "", "RSASSA-PSS"),
		faulty("sod-explicit-params", "", "ECDSA, the signer's curve written by its parameters: brainpoolP256r1"),
		faulty("sod-unknown-curve", unsupportedKey, "ECDSA, the signer's curve is P-256 with another generator"),
		faulty("sod-indefinite", malformed, "BER with indefinite lengths, which policy refuses"),
	}
}

// accessPersonas do not let their holder in.
func accessPersonas() []Persona {
	return []Persona{
		faulty("wrong-can", canWrong, "the holder types another number: 63C2, 63C1, 63C0, then growing delays"),
		faulty("wrong-can-6300", canWrong, "the same on a card that does not count aloud"),
		faulty("wrong-can-delayed", canBlocked, "the same with the tries used up: 63C0 after a delay"),
		faulty("blocked-can", canBlocked, "the number is blocked: 6983"),
		faulty("blocked-can-63c0", canBlocked, "the number is blocked: 63C0"),
	}
}

// transportPersonas differ in how they behave in the reader.
func transportPersonas() []Persona {
	return []Persona{
		faulty("removed-mid-apdu", removed, "pulled while EF.SOD is being read"),
		faulty("removed-between", removed, "pulled between two commands, after PACE"),
		faulty("removed-during-ca", removed, "pulled during Chip Authentication"),
		faulty("swapped-after-open", removed, "pulled before Chip Authentication; another citizen's card takes its place"),
		faulty("slow", "", "five seconds for each cryptographic command"),
		faulty("slow-first", "", "twenty-three seconds for the first cryptographic command, as after wrong numbers"),
		faulty("mute", mute, "no command is ever answered"),
		faulty("short-only", "", "extended length is refused: 6700"),
		faulty("short-answers", "", "at most 200 bytes a read, and 6282 at the end of a file"),
		faulty("refuse-256", "", "a read of 256 bytes is refused: 6CF0"),
		faulty("refuse-256-6700", "", "a read of 256 bytes is refused: 6700"),
		faulty("t0-quirks", "", "T=0: 61xx after commands with data, 6Cxx for a wrong length"),
		faulty("plain-sw-under-sm", cardFault, "DG14 is answered by 6A82 in clear under secure messaging"),
		faulty("atr-garbage", notOurs, "an answer to reset that is none, and no application; a PC/SC daemon finds the card unresponsive"),
		faulty("atr-33", "", "a genuine card with the longest answer to reset"),
		faulty("non-icao", notOurs, "a card without the eMRTD application"),
		faulty("bank-card", notOurs, "a payment card"),
	}
}

// malformedPersonas have files whose tags and lengths lie.
func malformedPersonas() []Persona {
	return []Persona{
		faulty("tlv-past-end", cardFault, "EF.SOD announces four times the bytes that it has"),
		faulty("tlv-four-gigabytes", cardFault, "EF.SOD announces 4 GiB"),
		faulty("tlv-endless-tag", cardFault, "EF.SOD is a tag without end"),
		faulty("tlv-nested", malformed, "EF.SOD is a thousand sequences in one another"),
		faulty("tlv-zero-length", malformed, "EF.SOD is empty"),
		faulty("tlv-longer-file", "", "EF.SOD is padded past its announced length"),
		faulty("cardaccess-nested", cardFault, "EF.CardAccess is two hundred sequences in one another"),
		faulty("dg2-two-gigabytes", "", "DG2 announces 2 GiB: the login succeeds, the portrait is refused"),
	}
}

// pointPersonas send points that no one may calculate with.
func pointPersonas() []Persona {
	onGM := func(p Persona) Persona {
		p.Profile = "cnie-gm" // the integrated mapping sends no point
		return p
	}
	return []Persona{
		onGM(faulty("pace-map-off-curve", cardFault, "PACE mapping: a point off the curve")),
		onGM(faulty("pace-map-infinity", cardFault, "PACE mapping: the point at infinity")),
		onGM(faulty("pace-map-x-too-large", cardFault, "PACE mapping: a coordinate that is not reduced")),
		onGM(faulty("pace-map-echoed", cardFault, "PACE mapping: the reader's own point")),
		faulty("pace-key-off-curve", cardFault, "PACE key: a point off the curve"),
		faulty("pace-key-infinity", cardFault, "PACE key: the point at infinity"),
		faulty("pace-key-x-too-large", cardFault, "PACE key: a coordinate that is not reduced"),
		faulty("pace-key-echoed", cardFault, "PACE key: the reader's own key"),
		faulty("dg14-off-curve", badChipKey, "the signed chip key is off its curve"),
		faulty("dg14-infinity", badChipKey, "the signed chip key is the point at infinity"),
		faulty("dg14-x-too-large", badChipKey, "the signed chip key has a coordinate that is not reduced"),
		faulty("leading-zero", "", "the shared secret of PACE begins with a zero byte"),
	}
}
