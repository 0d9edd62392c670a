package mrtd_test

import (
	"errors"
	"fmt"
	"time"

	"pivot/shared/mrtd"
)

// The specimen of ICAO 9303-5. The zone has no centuries: who reads it says when.
func ExampleParseMRZ() {
	m, err := mrtd.ParseMRZ("I<UTOD231458907<<<<<<<<<<<<<<<\n" +
		"7408122F1204159UTO<<<<<<<<<<<6\n" +
		"ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	last, _ := m.ExpiryDay(at)
	fmt.Println(m.Format, m.DocumentCode, m.Issuer, m.Number)
	fmt.Println(m.GivenNames, m.Surname, m.Sex, m.DateOfBirth(at))
	fmt.Println("until", last.Format(time.DateOnly))
	// Output:
	// TD1 I UTO D23145890
	// ANNA MARIA ERIKSSON F 1974-08-12
	// until 2012-04-15
}

// One digit of the date of birth is not as it was.
func ExampleParseMRZ_refused() {
	_, err := mrtd.ParseMRZ("I<UTOD231458907<<<<<<<<<<<<<<<\n" +
		"7408132F1204159UTO<<<<<<<<<<<6\n" +
		"ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
	fmt.Println(err)
	fmt.Println(errors.Is(err, mrtd.ErrCheckDigit))
	// Output:
	// mrtd: date of birth: wrong check digit
	// true
}

// The worked example of ICAO 9303-3 Appendix A.
func ExampleCheckDigit() {
	digit, err := mrtd.CheckDigit("520727")
	fmt.Printf("%c %v\n", digit, err)
	// Output: 3 <nil>
}

// The day of birth is not known to the register.
func ExampleMRZ_DateOfBirth() {
	m, err := mrtd.ParseMRZ("IDFRAX4RTBPFW46<<<<<<<<<<<<<<<\n" +
		"9007<<2F3002119FRA<<<<<<<<<<<6\n" +
		"MARTIN<<MAELYS<GAELLE<MARIE<<<")
	if err != nil {
		fmt.Println(err)
		return
	}
	born := m.DateOfBirth(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC))
	fmt.Println(born, born.Complete())
	// Output: 1990-07-?? false
}

// What a French identity card announces before PACE.
func ExampleParseCardAccess() {
	infos, err := mrtd.ParseCardAccess(frenchCardAccess)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range infos.PACE {
		fmt.Println(p.Mapping, p.Suite, p.Curve.Name())
	}
	// Output:
	// GM AES-256 brainpoolP256r1
	// IM AES-256 brainpoolP256r1
}

// DG14 is signed, EF.CardAccess is not: a protocol that is only in the latter
// was put there on the way.
func ExampleSecurityInfos_Contains() {
	dg14, err := mrtd.ParseDG14(frenchDG14())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, file := range [][]byte{frenchCardAccess, icaoCardAccess} {
		access, err := mrtd.ParseCardAccess(file)
		fmt.Println(dg14.Contains(access), err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

// Which digests a State signed; whether it did is another package's to verify.
func ExampleParseSOD() {
	base := baseSOD()
	sod, err := mrtd.ParseSOD(base.file())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, listed := sod.DataGroups[14]
	fmt.Println(sod.Digest, len(sod.DataGroups), listed, len(sod.Certificates))
	// Output: SHA-256 3 true 2
}
