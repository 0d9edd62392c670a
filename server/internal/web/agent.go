package web

import (
	"strings"

	"github.com/gin-gonic/gin"
)

// A mark is a word in User-Agent, and the name that people know. The first that is found counts: browsers also claim to be
// those that came before them.
type mark struct{ word, name string }

var families = []mark{
	{"Firefox/", "Firefox"},
	{"Edg/", "Edge"},
	{"OPR/", "Opera"},
	{"Chromium/", "Chromium"},
	{"Chrome/", "Chrome"},
	{"Safari/", "Safari"},
}

var systems = []mark{
	{"Windows NT", "Windows"},
	{"Android", "Android"},
	{"iPhone", "iPhone"},
	{"iPad", "iPad"},
	{"Macintosh", "macOS"},
	{"CrOS", "ChromeOS"},
	{"Linux", "Linux"},
}

func (m mark) in(agent string) bool { return strings.Contains(agent, m.word) }

// Agent is the family and the system of a request's browser, such as "Firefox, Linux": words of ours, chosen by what it
// says of itself, so that nothing that a stranger wrote is shown to a citizen. Empty when neither is known.
func Agent(c *gin.Context) string {
	claimed := c.Request.UserAgent()
	var words []string
	for _, list := range [][]mark{families, systems} {
		for _, m := range list {
			if m.in(claimed) {
				words = append(words, m.name)
				break
			}
		}
	}
	return strings.Join(words, ", ")
}
