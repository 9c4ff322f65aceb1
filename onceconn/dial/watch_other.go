//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package dial

import (
	"errors"

	"example.com/interlock/aio"
)

// There is no ring here, and nothing to watch on.
func newWatchSet(*aio.Ring) (*watchSet, error) { return nil, errors.ErrUnsupported }

func (w *watcher) register(int) error { return errors.ErrUnsupported }

func (w *watcher) unregister(int) {}

func (s *watchSet) collect() []hit { return nil }
