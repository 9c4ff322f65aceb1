package sys

// darwin has no MSG_NOSIGNAL; SO_NOSIGPIPE does its work.
const sendFlags = 0
