package web

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// Bounds of a request. A form of ours holds a few short fields; the longest is a client assertion.
const (
	maxAddress    = 8 << 10  // bytes of path and query
	maxBody       = 64 << 10 // bytes
	maxParameters = 64       // in a query or a form
)

// bounds are those of one path; zero stands for the kit's own.
type bounds struct {
	body     int64         // bytes
	patience time.Duration // of a GET
}

// bound refuses what no route wants: other hosts, long addresses; and bounds the body that a handler reads.
func (k *Kit) bound(c *gin.Context) {
	r := c.Request
	switch probe := c.FullPath() == string(PathHealth) || c.FullPath() == string(PathReady); {
	case !probe && !sameHost(r.Host, k.issuer):
		// A name that resolves here is not enough: the browser would keep cookies, and forms their origin, for that name.
		k.refuse(c, status(http.StatusMisdirectedRequest))
	case len(r.RequestURI) > maxAddress:
		k.refuse(c, status(http.StatusRequestURITooLong))
	default:
		most := k.bounds[c.FullPath()].body
		if most == 0 {
			most = maxBody
		}
		r.Body = http.MaxBytesReader(c.Writer, r.Body, most)
	}
}

func sameHost(host string, issuer *url.URL) bool {
	standard := ":443"
	if issuer.Scheme == "http" {
		standard = ":80"
	}
	return strings.EqualFold(strings.TrimSuffix(host, standard), strings.TrimSuffix(issuer.Host, standard))
}

// Query reads the query of the address. Errors: it is malformed or has too many parameters. What is repeated stays so:
// its reader decides.
func Query(c *gin.Context) (url.Values, error) { return parameters(c.Request.URL.RawQuery) }

// Form reads the body of a form; the query is not mixed with it. Errors: another media type, a body too large, malformed
// or with too many parameters.
func Form(c *gin.Context) (url.Values, error) {
	r := c.Request
	media, attributes, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := attributes["charset"]
	if err != nil || media != "application/x-www-form-urlencoded" || given && !strings.EqualFold(charset, "utf-8") {
		return nil, status(http.StatusUnsupportedMediaType)
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, status(http.StatusUnsupportedMediaType)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("web: read form: %w", err)
	}
	return parameters(string(body))
}

func parameters(raw string) (url.Values, error) {
	if strings.Count(raw, "&") >= maxParameters {
		return nil, status(http.StatusBadRequest)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, status(http.StatusBadRequest) // the cause would quote the request
	}
	return values, nil
}
