// Package bench measures interlock side by side with its peers.
package bench
