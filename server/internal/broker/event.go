package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"

	"pivot/server/internal/audit"
)

// event writes an audit entry to the log as well, under FranceConnect's name where it has one (franceconnect.md 6.3). Of a
// transaction the log has a digest: its identifier is part of an address. Of the details it has those that help who reads a
// log; the audit log, which is sealed, has all.
func (b *Broker) event(ctx context.Context, e audit.Entry) {
	list := []slog.Attr{slog.String("event", string(e.Event))}
	if known, ok := e.Business(); ok {
		list = append(list, slog.String("step", known.Step), slog.String("name", known.Name), slog.String("category", known.Category))
	}
	transaction := ""
	if e.Transaction != "" {
		digest := sha256.Sum256([]byte(e.Transaction))
		transaction = hex.EncodeToString(digest[:8])
	}
	for _, a := range []struct{ key, value string }{
		{"reason", e.Reason}, {"issuer", e.Issuer}, {"client", e.Client}, {"account", e.Account}, {"login", transaction},
	} {
		if a.value != "" {
			list = append(list, slog.String(a.key, a.value))
		}
	}
	for _, key := range []string{"ip", "port", "incident", "evidence", "level", "notice", "released", "service", "kid", "registry"} {
		if value := e.Details[key]; value != "" {
			list = append(list, slog.String(key, value))
		}
	}
	b.log.LogAttrs(ctx, slog.LevelInfo, "event", list...)
}
