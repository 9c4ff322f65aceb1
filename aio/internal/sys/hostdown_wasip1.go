package sys

// EHOSTDOWN is not known here: a number that no error has.
const EHOSTDOWN = Errno(1 << 14)
