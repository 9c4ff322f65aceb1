package sys

// keventPad: C aligns 64 bits to 8 bytes here, Go to 4.
const keventPad = 4
