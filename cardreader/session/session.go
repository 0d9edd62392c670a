// Package session owns one proof by one identity card to a distant judge ([Prove]), told stage by stage: it opens the card
// with its access number, hands the signed files over and relays what the judge asks. It holds no key that could forge
// an answer and believes nothing that it relays.
package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pivot/cardreader/lds"
	"pivot/cardreader/pace"
	"pivot/shared/apdu"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

// Evidence is what the chip gives to whoever unlocks it. It proves nothing by itself.
type Evidence struct {
	CardAccess, DG14, SOD []byte
}

// Challenge is what the judge has the chip do: Chip Authentication with the judge's key, then the batch, byte for byte.
type Challenge struct {
	OID             []byte   // content octets of the protocol's OID
	KeyID           *int     // private key reference, when the card has several keys
	EphemeralPublic []byte   // uncompressed point
	Batch           [][]byte // protected commands that only the chip and the judge can read
}

// Reach says what the reader and the card carry, for the judge to lay out its batch.
type Reach struct {
	Extended    bool        // extended-length commands pass
	MaxResponse int         // most bytes of one response, with extended length
	Block       int         // most bytes that the card was seen to give at once; 0 when it was not put to the test
	Sizes       map[int]int // data group -> size of its file, where the reader had to look
}

// Judge is the far side of the proof. The session reads and relays; the judge alone decides.
type Judge interface {
	// Challenge takes the evidence and answers with a challenge for this session only. The evidence is empty when the
	// judge knows the card (see [Request.Known]).
	Challenge(ctx context.Context, e Evidence, r Reach) (Challenge, error)
	// Answer takes the chip's responses. ErrShorter and ErrUnknownCard ask for another round.
	Answer(ctx context.Context, responses [][]byte) error
}

// What a judge may answer besides its own refusals.
var (
	// ErrShorter says that the chip refused a length: the proof starts again with short commands and exact sizes.
	ErrShorter = errors.New("session: the chip wants shorter reads")
	// ErrUnknownCard says that the card is not the known one: the proof starts again with its files.
	ErrUnknownCard = errors.New("session: not the known card")
)

// ErrCard says that the card broke the protocol: it is damaged, or not what it claims to be.
var ErrCard = errors.New("session: the card answers out of protocol")

// Stage is a named step of a session, for whoever waits.
type Stage uint8

// The stages, in order.
const (
	StageAccess Stage = iota + 1 // looking at the card
	StageUnlock                  // PACE with the card access number
	StageFiles                   // reading what the judge needs
	StageProve                   // the chip proves itself to the judge
	StageRead                    // the judge reads through us
)

// String returns the stage's stable name.
func (s Stage) String() string {
	if s < StageAccess || s > StageRead {
		return "unknown"
	}
	return [...]string{"access", "unlock", "files", "prove", "read"}[s-1]
}

// Progress tells how far a stage is; Total is 0 when that is not known.
type Progress struct {
	Stage       Stage
	Done, Total int
}

// Request is one proof by one card.
type Request struct {
	Password pace.Password  // the card access number; the session does not keep it
	Known    bool           // the judge knows this card: its files are not read again
	Groups   []int          // data groups that the judge will read besides DG1, to look their sizes up if need be
	Short    bool           // never use extended length
	Progress func(Progress) // may be nil; called from the goroutine of Prove
}

// Link is a card that can be started anew: what package pcsc connects to is one.
type Link interface {
	apdu.Transmitter
	// Reset cuts the card's power, which ends every session with it.
	Reset(ctx context.Context) error
}

// Times that a card may take. A real card needed 23 s for its first answer after failed attempts.
const (
	unlockPatience = 60 * time.Second
	readPatience   = 20 * time.Second

	// maxResponse is what one response is asked to carry with extended length: readers and cards of the field carry
	// 4 KiB, and not all carry more.
	maxResponse = 4096

	rounds = 3
)

// Prove has the card prove itself to the judge. It unlocks the card, hands its files over, relays the challenge and
// hands the responses back; nothing of what the chip says under the judge's keys can be read here. A wrong password is
// never tried twice; another round is taken only with a password that the card accepted. Errors: those of the
// transmitter and of packages pace and lds, ErrCard, and the judge's own.
func Prove(ctx context.Context, card Link, req Request, judge Judge) error {
	s := session{card: card, req: req, judge: judge, known: req.Known, reach: Reach{MaxResponse: maxResponse, Extended: !req.Short}}
	var err error
	for range rounds {
		if err = s.round(ctx); err == nil {
			return nil
		}
		switch {
		case errors.Is(err, lds.ErrExtendedRefused) && s.reach.Extended:
			s.reach.Extended = false
		case errors.Is(err, ErrShorter):
			s.known, s.reach.Extended, s.reach.Sizes = false, false, map[int]int{}
		case errors.Is(err, ErrUnknownCard) && s.known:
			s.known = false
		default:
			return err
		}
		if err := card.Reset(ctx); err != nil {
			return err
		}
	}
	return err
}

type session struct {
	card  Link
	req   Request
	judge Judge
	known bool
	reach Reach
}

func (s *session) tell(stage Stage, done, total int) {
	if s.req.Progress != nil {
		s.req.Progress(Progress{Stage: stage, Done: done, Total: total})
	}
}

// round is the proof as a table of contents.
func (s *session) round(ctx context.Context) error {
	s.tell(StageAccess, 0, 0)
	access, info, err := s.access(ctx)
	if err != nil {
		return err
	}
	s.tell(StageUnlock, 0, 0)
	channel, err := s.unlock(ctx, info)
	if err != nil {
		return err
	}
	s.tell(StageFiles, 0, 0)
	evidence, err := s.files(ctx, channel, access)
	if err != nil {
		return err
	}
	s.tell(StageProve, 0, 0)
	challenge, err := s.judge.Challenge(ctx, evidence, s.reach)
	if err != nil {
		return err
	}
	if err := s.authenticate(ctx, channel, challenge); err != nil {
		return err
	}
	responses, err := s.relay(ctx, challenge.Batch)
	if err != nil {
		return err
	}
	return s.judge.Answer(ctx, responses)
}

func (s *session) access(ctx context.Context) ([]byte, mrtd.PACEInfo, error) {
	raw, infos, err := readAccess(ctx, s.card)
	if err != nil {
		return nil, mrtd.PACEInfo{}, err
	}
	info, err := choose(infos)
	return raw, info, err
}

func readAccess(ctx context.Context, card apdu.Transmitter) ([]byte, mrtd.SecurityInfos, error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	raw, err := lds.ReadCardAccess(ctx, card)
	if err != nil {
		return nil, mrtd.SecurityInfos{}, err
	}
	infos, err := mrtd.ParseCardAccess(raw)
	if err != nil {
		return nil, mrtd.SecurityInfos{}, fmt.Errorf("%w: card access: %w", ErrCard, err)
	}
	return raw, infos, nil
}

// Inspect reads what a card says to anybody: the protocols that open it. It costs no try. The error is
// [pace.ErrUnsupported], with the infos, when none of them is spoken here.
func Inspect(ctx context.Context, card Link) (mrtd.SecurityInfos, error) {
	_, infos, err := readAccess(ctx, card)
	if err != nil {
		return infos, err
	}
	_, err = choose(infos)
	return infos, err
}

// choose picks the protocol to open the card with. Some issued cards stall in the generic mapping and pass in the
// integrated one; none is known for the reverse.
func choose(infos mrtd.SecurityInfos) (mrtd.PACEInfo, error) {
	return pace.Choose(infos.PACE, mrtd.IntegratedMapping)
}

func (s *session) unlock(ctx context.Context, info mrtd.PACEInfo) (*sm.Channel, error) {
	ctx, cancel := context.WithTimeout(ctx, unlockPatience)
	defer cancel()
	return pace.Run(ctx, s.card, info, s.req.Password)
}

// files reads what the judge needs: nothing but the sizes it asked for when it knows the card.
func (s *session) files(ctx context.Context, channel *sm.Channel, access []byte) (Evidence, error) {
	ctx, cancel := context.WithTimeout(ctx, unlockPatience)
	defer cancel()
	r := lds.NewReader(s.card, channel, lds.Reach{Extended: s.reach.Extended, MaxResponse: s.reach.MaxResponse})
	if err := r.SelectApplication(ctx); err != nil {
		return Evidence{}, err
	}
	if s.reach.Sizes != nil {
		for _, group := range append([]int{1}, s.req.Groups...) {
			size, err := s.size(ctx, channel, group)
			if err != nil {
				return Evidence{}, err
			}
			if size > 0 {
				s.reach.Sizes[group] = size
			}
		}
	}
	if s.known {
		return Evidence{}, nil
	}
	e := Evidence{CardAccess: access}
	var err error
	// A card that hides DG14 is the judge's to refuse: it knows from the SOD what should be there.
	if e.DG14, err = r.ReadFile(ctx, lds.DG(14), nil); err != nil && !errors.Is(err, lds.ErrNotFound) {
		return Evidence{}, err
	}
	var blocks blocks
	e.SOD, err = r.ReadFile(ctx, lds.SOD, func(read, total int) {
		blocks.add(read)
		s.tell(StageFiles, read, total)
	})
	s.reach.Block, s.reach.Extended = blocks.largest(), r.Extended()
	return e, err
}

// blocks watches a file come in.
type blocks struct{ count, read, most int }

func (b *blocks) add(read int) {
	b.count, b.most, b.read = b.count+1, max(b.most, read-b.read), read
}

// largest is the most that came at once; 0 when all came at once, which tells nothing of the limit.
func (b *blocks) largest() int {
	if b.count < 2 {
		return 0
	}
	return b.most
}

// size looks at the header of a data group and at nothing after it. It is 0 for a group that the card does not have:
// which ones it should have is the judge's to say.
func (s *session) size(ctx context.Context, channel *sm.Channel, group int) (int, error) {
	const header = 6
	resp, err := channel.Send(ctx, s.card, apdu.Command{INS: 0xB0, P1: 0x80 | byte(group), Ne: header}, false)
	if err != nil {
		return 0, err
	}
	if resp.SW == apdu.NotFound {
		return 0, nil
	}
	if resp.SW != apdu.OK && resp.SW != apdu.EndOfFile {
		return 0, fmt.Errorf("%w: data group %d: status %s", ErrCard, group, resp.SW)
	}
	_, n, value, err := tlv.Header(resp.Data)
	if err != nil {
		return 0, fmt.Errorf("%w: data group %d: %w", ErrCard, group, err)
	}
	return n + value, nil
}

// authenticate hands the judge's key to the chip (ICAO 9303-11 §6.2.4.2). Its last answer still comes under the keys of
// PACE; from then on the chip speaks with the judge.
func (s *session) authenticate(ctx context.Context, channel *sm.Channel, c Challenge) error {
	ctx, cancel := context.WithTimeout(ctx, unlockPatience)
	defer cancel()
	set := tlv.Append(nil, 0x80, c.OID)
	if c.KeyID != nil {
		set = tlv.Append(set, 0x84, minimal(*c.KeyID))
	}
	resp, err := channel.Send(ctx, s.card, apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: set}, false)
	if err != nil {
		return err
	}
	if resp.SW != apdu.OK {
		return fmt.Errorf("%w: set authentication template: status %s", ErrCard, resp.SW)
	}
	data := tlv.Append(nil, 0x7C, tlv.Append(nil, 0x80, c.EphemeralPublic))
	resp, err = channel.Send(ctx, s.card, apdu.Command{INS: 0x86, Data: data, Ne: 256}, false)
	if err != nil {
		return err
	}
	if resp.SW != apdu.OK {
		return fmt.Errorf("%w: general authenticate: status %s", ErrCard, resp.SW)
	}
	return nil
}

// minimal encodes a key reference as an unsigned integer without leading zeros.
func minimal(id int) []byte {
	var out []byte
	for v := uint32(id); v > 0 || out == nil; v >>= 8 {
		out = append([]byte{byte(v)}, out...)
	}
	return out
}

// relay passes the batch to the chip. A bare status word means that the chip has ended the session: what follows would
// only disturb it, and the judge wants to see that status.
func (s *session) relay(ctx context.Context, batch [][]byte) ([][]byte, error) {
	responses := make([][]byte, 0, len(batch))
	for i, command := range batch {
		s.tell(StageRead, i, len(batch))
		resp, err := s.pass(ctx, command)
		if err != nil {
			return nil, err
		}
		responses = append(responses, resp.Bytes())
		if len(resp.Data) == 0 {
			break
		}
	}
	s.tell(StageRead, len(responses), len(batch))
	return responses, nil
}

func (s *session) pass(ctx context.Context, command []byte) (apdu.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	return apdu.Exchange(ctx, s.card, command)
}
