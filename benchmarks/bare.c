/*
 * bare.c: the least that a relay in one process can be
 *
 * It reads what has come, and writes it on: nothing is looked at, nothing is bounded, and who does
 * not read holds up all others.  What a call costs beside it is what a relay that waits for both
 * sides cannot do without.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BARE_BUFFER 65536
#define BARE_EVENTS 64

typedef struct _bareSide bareSide;
struct _bareSide {
    int fd;
    bareSide *peer; /* NULL: it is the one that listens */
};

static void
bareFail(const char *what)
{
    fprintf(stderr, "bare: %s: %s\n", what, g_strerror(errno));
    exit(EXIT_FAILURE);
}

static int
bareOpen(const char *path, bool listens)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (fd < 0 ||
        (listens ? bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1024) :
         connect(fd, (struct sockaddr *)&address, sizeof(address))))
        bareFail(path);
    return fd;
}

static bareSide *
bareAdd(int set, int fd)
{
    bareSide *side = g_new0(bareSide, 1);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = side };

    side->fd = fd;
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        bareFail("epoll_ctl");
    return side;
}

/* Both sides; their memory stays, as an event of the other one may be waiting. */
static void
bareEnd(bareSide *side)
{
    close(side->fd);
    close(side->peer->fd);
    side->fd = side->peer->fd = -1;
}

static void
bareMove(bareSide *side)
{
    static char bytes[BARE_BUFFER];
    ssize_t n = recv(side->fd, bytes, sizeof(bytes), 0);

    if (n <= 0 || send(side->peer->fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
        bareEnd(side);
}

int
main(int argc, char **argv)
{
    struct epoll_event events[BARE_EVENTS];
    int set = epoll_create1(EPOLL_CLOEXEC);

    if (argc != 3) {
        fprintf(stderr, "usage: bare SOCKET UPSTREAM\n");
        return EXIT_FAILURE;
    }
    bareAdd(set, bareOpen(argv[1], true));
    for (;;) {
        int n = epoll_wait(set, events, BARE_EVENTS, -1);

        for (int i = 0; i < n; i++) {
            bareSide *side = events[i].data.ptr;

            if (!side->peer) {
                bareSide *client = bareAdd(set, accept(side->fd, NULL, NULL));

                client->peer = bareAdd(set, bareOpen(argv[2], false));
                client->peer->peer = client;
            } else if (side->fd >= 0) {
                bareMove(side);
            }
        }
    }
}
