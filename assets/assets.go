// Package assets owns what people see and hear of the project: translations, and later templates, styles, scripts and
// icons, embedded. It holds no trust anchor and no key.
package assets

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed i18n/*.json
var translations embed.FS

// Languages are those that people are spoken to in; the first is the one used when none fits.
func Languages() []language.Tag { return []language.Tag{language.French, language.English} }

// Speaker says messages in one language. It is safe for concurrent use.
type Speaker struct {
	tag       language.Tag
	localizer *i18n.Localizer
}

// NewSpeaker chooses the language: prefs are language tags or locale names ("fr_FR.UTF-8"), the preferred one first;
// unknown ones are passed over. Errors: a catalogue that does not parse, which a test excludes.
func NewSpeaker(prefs ...string) (*Speaker, error) {
	bundle := i18n.NewBundle(language.French)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	files, err := fs.Glob(translations, "i18n/*.json") // NAME.LANGUAGE.json: a catalogue for each part of the project
	if err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	for _, name := range files {
		if _, err := bundle.LoadMessageFileFS(translations, name); err != nil {
			return nil, fmt.Errorf("assets: %s: %w", name, err)
		}
	}
	tag := choose(prefs)
	return &Speaker{tag: tag, localizer: i18n.NewLocalizer(bundle, tag.String())}, nil
}

// matcher is made once: it costs far more than a match. It is only read.
var matcher = language.NewMatcher(Languages())

// choose maps locale names to a language we have.
func choose(prefs []string) language.Tag {
	for _, p := range prefs {
		for i, r := range p {
			if r == '.' || r == '@' {
				p = p[:i]
				break
			}
		}
		tag, err := language.Parse(p)
		if err != nil {
			continue
		}
		if _, i, confidence := matcher.Match(tag); confidence >= language.High {
			return Languages()[i]
		}
	}
	return Languages()[0]
}

// Language is the one spoken.
func (s *Speaker) Language() language.Tag { return s.tag }

// Say returns the message of that id with data put in. A message that does not exist is its own id: visible, and caught
// by the test that compares the catalogues with what the code says.
func (s *Speaker) Say(id string, data map[string]string) string {
	text, err := s.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	if err != nil {
		return id
	}
	return text
}

// Count is Say for a message whose grammar depends on a number, which the message calls {{.Count}}.
func (s *Speaker) Count(id string, n int) string {
	text, err := s.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n, TemplateData: map[string]int{"Count": n}})
	if err != nil {
		return id
	}
	return text
}

// Has reports whether a message exists in the language spoken.
func (s *Speaker) Has(id string) bool {
	_, tag, err := s.localizer.LocalizeWithTag(&i18n.LocalizeConfig{MessageID: id, PluralCount: 2, TemplateData: map[string]int{"Count": 2}})
	return err == nil && tag == s.tag
}
