// Package waitmap lets goroutines wait for the value of a key and wakes exactly the waiter of that key.
package waitmap
