// Package clients shows how well-known clients dial through onceconn/dial:
// each example compiles against the real client, with a module of its own so
// that nobody else pays for what they require.
package clients
