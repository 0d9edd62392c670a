package flow

import (
	"context"

	"pivot/shared/wire"
)

// activate hands in the code of a desk. One that is asked for is asked for again while tries are left.
func (r *run) activate(ctx context.Context, code string) error {
	asked := code == ""
	q, otherwise := Question{Kind: AskDeskCode}, (*Failure)(nil)
	for range mostAsked {
		if asked {
			a, err := r.ask(ctx, q, otherwise)
			if err != nil {
				return err
			}
			code = a.Text
		}
		err := r.redeem(ctx, code)
		if err == nil {
			return nil
		}
		otherwise = failureOf(err)
		wrong := otherwise.Problem == string(wire.CodeDeskCodeWrong) && (otherwise.TriesLeft == nil || *otherwise.TriesLeft > 0)
		if !asked || !wrong && otherwise.Problem != "code-malformed" {
			return otherwise
		}
		q.Again, q.TriesLeft = otherwise.Message, otherwise.TriesLeft
	}
	return otherwise
}

func (r *run) redeem(ctx context.Context, typed string) error {
	code, err := wire.ParseCode(typed)
	if err != nil || len(code) != lengths["pair"] {
		return ours(CauseUsage, "code-malformed", err)
	}
	r.show(StepConnect)
	defer r.clock()()
	status, err := r.client.Activate(ctx, code)
	if f := failureOf(err); err != nil && f.Problem == string(wire.CodeNotReady) {
		f.Message = "flow.desk-not-ready"
		return f
	}
	if err != nil {
		return err
	}
	r.outcome.Level, r.view.Level = status.Level, status.Level
	r.show(StepDone)
	return nil
}
