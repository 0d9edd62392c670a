package wire

import (
	"fmt"
	"io"
	"log/slog"
)

// Messages that carry a secret print redacted, whatever the verb. As JSON they are whole: that is what they are for.
func redact(w io.Writer, name string) { fmt.Fprintf(w, "wire.%s(redacted)", name) }

// Format redacts the code.
func (m PairRequest) Format(f fmt.State, _ rune) { redact(f, "PairRequest") }

// LogValue implements [slog.LogValuer], redacted.
func (m PairRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts the ratchet.
func (m PairAnswer) Format(f fmt.State, _ rune) { redact(f, "PairAnswer") }

// LogValue implements [slog.LogValuer], redacted.
func (m PairAnswer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts start and ratchet.
func (m AttachRequest) Format(f fmt.State, _ rune) { redact(f, "AttachRequest") }

// LogValue implements [slog.LogValuer], redacted.
func (m AttachRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts the ratchet.
func (m ChangeRequest) Format(f fmt.State, _ rune) { redact(f, "ChangeRequest") }

// LogValue implements [slog.LogValuer], redacted.
func (m ChangeRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts the ratchet.
func (m AttachAnswer) Format(f fmt.State, _ rune) { redact(f, "AttachAnswer") }

// LogValue implements [slog.LogValuer], redacted.
func (m AttachAnswer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts the secret of the hop.
func (m HopAnswer) Format(f fmt.State, _ rune) { redact(f, "HopAnswer") }

// LogValue implements [slog.LogValuer], redacted.
func (m HopAnswer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts the card's handle.
func (m AskRequest) Format(f fmt.State, _ rune) { redact(f, "AskRequest") }

// LogValue implements [slog.LogValuer], redacted.
func (m AskRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts the card's files or handle.
func (m OpenRequest) Format(f fmt.State, _ rune) { redact(f, "OpenRequest") }

// LogValue implements [slog.LogValuer], redacted.
func (m OpenRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts the card's handle.
func (m ResultAnswer) Format(f fmt.State, _ rune) { redact(f, "ResultAnswer") }

// LogValue implements [slog.LogValuer], redacted.
func (m ResultAnswer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Format redacts the code.
func (m DeskCode) Format(f fmt.State, _ rune) { redact(f, "DeskCode") }

// LogValue implements [slog.LogValuer], redacted.
func (m DeskCode) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }
