package companion

import (
	"errors"

	"pivot/server/internal/ceremony"
	"pivot/server/internal/enrolment"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/rnipp"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// problemOf is the one place where an error becomes public. What it does not know is ours: the answer says nothing of it,
// and cause is what the log must keep.
func problemOf(err error) (p wire.Problem, cause error) {
	if known, ok := errors.AsType[*wire.Problem](err); ok {
		return *known, nil
	}
	if fault, ok := errors.AsType[ceremony.Fault](err); ok {
		return wire.Problem{Code: codeOfCeremony(fault)}, nil
	}
	if known, ok := errors.AsType[means.Error](err); ok {
		return wire.Problem{Code: codeOfMeans(known)}, nil
	}
	if refusal, ok := errors.AsType[*card.Refusal](err); ok {
		return *cardProblem(refusal), nil
	}
	if refusal, ok := errors.AsType[*enrolment.Refusal](err); ok {
		return *personProblem(refusal), nil
	}
	if errors.Is(err, record.ErrStale) || errors.Is(err, record.ErrTaken) || errors.Is(err, txn.ErrSpent) {
		return wire.Problem{Code: wire.CodeBusy}, nil
	}
	return wire.Problem{Code: wire.CodeUnavailable}, err
}

func codeOfCeremony(f ceremony.Fault) wire.Code {
	switch f {
	case ceremony.ErrEnded:
		return wire.CodeEnded
	case ceremony.ErrExpired:
		return wire.CodeExpired
	case ceremony.ErrDevice:
		return wire.CodeOtherDevice
	case ceremony.ErrOpenings:
		return wire.CodeTooManyOpenings
	}
	return wire.CodeNotReady
}

func codeOfMeans(e means.Error) wire.Code {
	switch e {
	case means.ErrSuspended:
		return wire.CodeDeviceSuspended
	case means.ErrCloned:
		return wire.CodeDeviceCloned
	case means.ErrUnset:
		return wire.CodePINUnset
	case means.ErrLocked:
		return wire.CodePINLocked
	case means.ErrNotPending:
		return wire.CodePINUsed
	case means.ErrWrongCode:
		return wire.CodeDeskCodeWrong
	}
	return wire.CodeNotReady
}

// cardProblem says with what another opening may succeed.
func cardProblem(r *card.Refusal) *wire.Problem {
	p := &wire.Problem{Code: wire.CodeCardRefused, Reason: string(r.Reason)}
	switch r.Reason {
	case card.ReasonLengthRefused:
		p.Again = "shorter"
	case card.ReasonKnownCardMismatch:
		p.Again = "files"
	}
	return p
}

func personProblem(r *enrolment.Refusal) *wire.Problem {
	p := &wire.Problem{Code: wire.CodeIdentityMismatch, Reason: string(r.Reason)}
	switch r.Reason {
	case enrolment.ReasonUnknown:
		p.Code = wire.CodeIdentityUnknown
	case enrolment.ReasonAmbiguous:
		p.Code = wire.CodeIdentityAmbiguous
	}
	return p
}

// tooMany tells a register that knows too many of that name from one that does not answer.
func tooMany(err error) error {
	if errors.Is(err, rnipp.ErrTooMany) {
		return &enrolment.Refusal{Reason: enrolment.ReasonAmbiguous}
	}
	return err
}
