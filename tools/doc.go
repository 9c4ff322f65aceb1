// Package tools holds what users of interlock do not import.
package tools
