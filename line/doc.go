// Package line lets one caller repair what everybody needs while the others wait and retry.
package line
