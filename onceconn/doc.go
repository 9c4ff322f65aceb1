// Package onceconn launches a connection exactly once per key and shares it.
package onceconn
