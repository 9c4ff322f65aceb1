/* A plain epoll echo server: the least that an echo over epoll can cost.
   Prints its address, serves until its standard input ends. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void add(int ep, int fd, unsigned events) {
	struct epoll_event ev = {.events = events, .data.fd = fd};
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0) {
		perror("epoll_ctl");
		exit(1);
	}
}

int main(void) {
	static char buf[4096];
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sa;
	int one = 1, ep = epoll_create1(0), l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(l, (struct sockaddr *)&sa, len) != 0 || listen(l, 4096) != 0 || getsockname(l, (struct sockaddr *)&sa, &len) != 0) {
		perror("listen");
		return 1;
	}
	printf("127.0.0.1:%d\n", ntohs(sa.sin_port));
	fflush(stdout);
	add(ep, l, EPOLLIN);
	add(ep, 0, EPOLLIN);
	for (;;) {
		struct epoll_event evs[256];
		int n = epoll_wait(ep, evs, 256, -1);
		for (int i = 0; i < n; i++) {
			int fd = evs[i].data.fd;
			if (fd == 0)
				return 0;
			if (fd == l) {
				int c;
				while ((c = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
					setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
					add(ep, c, EPOLLIN);
				}
				continue;
			}
			ssize_t got = read(fd, buf, sizeof buf);
			if (got <= 0) {
				if (got < 0 && errno == EAGAIN)
					continue;
				close(fd);
				continue;
			}
			for (ssize_t done = 0; done < got;) {
				ssize_t w = write(fd, buf + done, got - done);
				if (w < 0 && errno != EAGAIN) {
					close(fd);
					break;
				}
				if (w > 0)
					done += w;
			}
		}
	}
}
