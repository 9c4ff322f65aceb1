package sys

type (
	keventIdent  = uintptr
	keventFilter = uint32
	keventFlags  = uint32
)
