// Package web owns what every edge of the broker does alike when it speaks HTTP: bounds on what comes in, headers on
// what goes out, pages and JSON for refusals, the browser's cookie, forged requests, languages, health and the request
// log. It knows no edge and takes no decision of a login. One Kit serves one issuer.
package web
