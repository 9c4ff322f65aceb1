// Package modelrun finds a package and its scenarios, has them rewritten for
// the model, and runs go test on the result through an overlay. The package's
// own folder is never written to.
package modelrun
