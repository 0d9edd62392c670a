package cardreader_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pivot/assets"
	"pivot/cardreader"
	"pivot/cardreader/lds"
	"pivot/cardreader/pace"
	"pivot/cardreader/pcsc"
	"pivot/cardreader/session"
	"pivot/shared/apdu"
	"pivot/shared/sm"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want cardreader.Problem
	}{
		{pcsc.ErrNotBuilt, cardreader.NotBuilt},
		{pcsc.ErrNoService, cardreader.NoService},
		{pcsc.ErrNoReader, cardreader.NoReader},
		{pcsc.ErrNoCard, cardreader.NoCard},
		{pcsc.ErrSharing, cardreader.Busy},
		{pcsc.ErrUnresponsive, cardreader.Unresponsive},
		{pcsc.ErrRemoved, cardreader.Removed},
		{apdu.ErrRemoved, cardreader.Removed},
		{pcsc.ErrMute, cardreader.Mute},
		{context.DeadlineExceeded, cardreader.Mute},
		{context.Canceled, cardreader.Cancelled},
		{lds.ErrNotIdentityCard, cardreader.NotIdentity},
		{pace.ErrUnsupported, cardreader.Unsupported},
		{&pace.WrongPasswordError{TriesLeft: 2, Known: true}, cardreader.CANWrong},
		{pace.ErrBlocked, cardreader.CANBlocked},
		{pace.ErrCard, cardreader.CardFault},
		{lds.ErrCard, cardreader.CardFault},
		{lds.ErrAccess, cardreader.CardFault},
		{lds.ErrNotFound, cardreader.CardFault},
		{sm.ErrMAC, cardreader.CardFault},
		{sm.ErrFormat, cardreader.CardFault},
		{&sm.PlainStatusError{Status: 0x6988}, cardreader.CardFault},
		{session.ErrCard, cardreader.CardFault},
		{pcsc.ErrExchange, cardreader.CardFault},
	} {
		t.Run(fmt.Sprint(tc.err), func(t *testing.T) {
			t.Parallel()
			if got, ok := cardreader.Explain(fmt.Errorf("while reading: %w", tc.err)); !ok || got != tc.want {
				t.Errorf("explained as %q, %v; want %q", got, ok, tc.want)
			}
		})
	}
	if got, ok := cardreader.Explain(errors.New("from elsewhere")); ok || got != cardreader.UnknownProblem {
		t.Errorf("an error from elsewhere is explained as %q, %v", got, ok)
	}
}

func TestEveryProblemAndStageIsSaid(t *testing.T) {
	t.Parallel()
	for _, lang := range assets.Languages() {
		s, err := assets.NewSpeaker(lang.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range cardreader.Problems() {
			if !s.Has("problem." + string(p)) {
				t.Errorf("%v: no sentence for %s", lang, p)
			}
		}
		for stage := session.StageAccess; stage <= session.StageRead; stage++ {
			if !s.Has("stage." + stage.String()) {
				t.Errorf("%v: no sentence for stage %s", lang, stage)
			}
		}
	}
}
