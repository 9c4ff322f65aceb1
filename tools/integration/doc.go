// Package integration holds tests of the modules together and with programs
// that know nothing of them: net/http, crypto/tls, HTTP/2, Redis.
package integration
