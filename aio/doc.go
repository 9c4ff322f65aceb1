// Package aio is an I/O core over epoll and kqueue.
package aio
