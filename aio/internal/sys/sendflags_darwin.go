package sys

const (
	// darwin has no MSG_NOSIGNAL; SO_NOSIGPIPE does its work.
	sendFlags = 0
	// Nor can it receive descriptors that are close-on-exec at once.
	cmsgCloexec = 0
)
