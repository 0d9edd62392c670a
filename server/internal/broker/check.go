package broker

import (
	"log/slog"

	"pivot/server/internal/config"
	"pivot/server/internal/keys"
	"pivot/server/internal/registry"
)

// Check reads what a deployment would be started from, and returns everything that is wrong with its records, its
// trust anchors and its civil register, each with file and line where there is one. The error is what is wrong with the configuration itself.
func Check(path string) ([]string, error) {
	c, err := read(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range registry.Check(c.RegistryDir(), c.Loopback()) {
		out = append(out, p.String())
	}
	if _, err := openTrust(c, false); err != nil {
		out = append(out, err.Error())
	}
	if _, err := openRegister(c); err != nil {
		out = append(out, err.Error())
	}
	if t := c.Token(); t != (config.Token{}) {
		if err := keys.Token(t).Supported(); err != nil {
			out = append(out, err.Error())
		}
	}
	return out, nil
}

// Explain is the reference of every key of the configuration and of the records.
func Explain() string { return config.Explain() + "\n" + registry.Explain() }

// LogLevel is the least severity that a deployment logs.
func LogLevel(path string) (slog.Level, error) {
	c, err := read(path)
	if err != nil {
		return 0, err
	}
	var level slog.Level
	return level, level.UnmarshalText([]byte(c.LogLevel()))
}
