// Package rpc shows the five primitives in one program that people would
// recognise: a client that multiplexes requests over one shared connection
// for each address.
//
//   - onceconn launches one connection an address, however many callers there
//     are, and replaces it when it died;
//   - waitmap hands each reply to the caller whose request it answers;
//   - line, as a Cell that holds the token, lets one caller log in again when
//     the token expired, while the others wait and then go on with the new one;
//   - canceltree ties lifetimes together: client, connection, request. Whoever
//     ends takes with it what depends on it, with the reason;
//   - aio carries the bytes, through onceconn/dial.
//
// It is an example that is tested, not a library: copy what is of use.
package rpc
