/* Dials over epoll, the least that they can cost: DIALS connections to PORT on
   loopback, FLIGHT at once, each reset when it stands.
   Reads a line, dials, prints the nanoseconds that it took, until the end of its
   standard input. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int ep;
static struct sockaddr_in to;

static void fail(const char *what) {
	perror(what);
	exit(1);
}

static void launch(void) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
		fail("connect");
	struct epoll_event ev = {.events = EPOLLOUT, .data.fd = fd};
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		fail("epoll_ctl");
}

static void land(int fd) {
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int error = 0;
	socklen_t len = sizeof error;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
		errno = error ? error : errno;
		fail("connect");
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
}

static void dial(int dials, int flight) {
	int started = 0, landed = 0;
	for (; started < flight && started < dials; started++)
		launch();
	while (landed < dials) {
		struct epoll_event evs[256];
		int n = epoll_wait(ep, evs, 256, -1);
		for (int i = 0; i < n; i++) {
			land(evs[i].data.fd);
			landed++;
			if (started < dials) {
				launch();
				started++;
			}
		}
	}
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fprintf(stderr, "usage: epoll_dial PORT DIALS FLIGHT\n");
		return 2;
	}
	to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ep = epoll_create1(EPOLL_CLOEXEC);
	while (getchar() != EOF) {
		struct timespec a, b;
		clock_gettime(CLOCK_MONOTONIC, &a);
		dial(atoi(argv[2]), atoi(argv[3]));
		clock_gettime(CLOCK_MONOTONIC, &b);
		printf("%lld\n", (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec);
		fflush(stdout);
	}
	return 0;
}
