/* sink: the ceiling. A server that answers at once and decides nothing, one thread a connection.
 *
 *   sink PROTOCOL PORT        listens on 127.0.0.1; PORT 0 takes a free one
 *
 * PROTOCOL is a row of the table `protocols` below. When it listens it says "sink ready on inet:127.0.0.1:PORT" on
 * standard error. What a real server costs above this is what it spends on reading, deciding and answering.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 65536, BACKLOG = 1024 };

struct protocol {
    const char *name;
    void (*serve)(int fd); /* returns when the client has gone */
};

static const struct protocol *protocol;

/* Postfix policy delegation: an empty line ends a request, so "\n\n" is all that has to be found. */
static void serve_policy(int fd) {
    static const char answer[] = "action=DUNNO\n\n";
    char bytes[BUFFER_SIZE], last = '\n';
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        const char *at = bytes, *end = bytes + got, *newline;
        while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
            char before = newline == bytes ? last : newline[-1];
            if (before == '\n' && send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) return;
            at = newline + 1;
        }
        last = bytes[got - 1];
    }
}

/* Socketmap (socketmap_table(5)): the load client's keys have no comma, so each one ends a request. */
static void serve_socketmap(int fd) {
    static const char answer[] = "5:OK OK,";
    char bytes[BUFFER_SIZE];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        for (const char *at = bytes, *end = bytes + got; (at = memchr(at, ',', (size_t)(end - at))); at++)
            if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) return;
}

/* LMTP (RFC 2033): takes everything, keeps nothing. One command at a time, as the load client sends them. */
static int receive_until(int fd, const char *end, char last[8]) {
    char bytes[BUFFER_SIZE];
    size_t length = strlen(end), kept = 0;
    for (;;) {
        memcpy(bytes, last, kept);
        ssize_t got = recv(fd, bytes + kept, sizeof bytes - kept, 0);
        if (got <= 0) return -1;
        size_t all = kept + (size_t)got;
        if (all >= length && !memcmp(bytes + all - length, end, length)) {
            memcpy(last, bytes, 8);
            return 0;
        }
        kept = all < length ? all : length;
        memcpy(last, bytes + all - kept, kept);
    }
}

static int reply(int fd, const char *text) {
    return send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void serve_lmtp(int fd) {
    char command[8] = "";
    if (reply(fd, "220 sink LMTP\r\n")) return;
    while (!receive_until(fd, "\r\n", command)) {
        if (!memcmp(command, "DATA", 4) && (reply(fd, "354 go on\r\n") || receive_until(fd, "\r\n.\r\n", command))) return;
        if (reply(fd, "250 2.0.0 ok\r\n")) return;
    }
}

static const struct protocol protocols[] = {
    { "policy", serve_policy },
    { "socketmap", serve_socketmap },
    { "lmtp", serve_lmtp },
};

static void *serve_connection(void *argument) {
    int fd = (int)(intptr_t)argument, on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    protocol->serve(fd);
    close(fd);
    return NULL;
}

static int listen_on(const char *port) {
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    name.sin_port = htons((uint16_t)atoi(port));
    socklen_t size = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) || listen(fd, BACKLOG)) {
        perror("sink: cannot listen");
        exit(2);
    }
    getsockname(fd, (struct sockaddr *)&name, &size);
    fprintf(stderr, "sink ready on inet:127.0.0.1:%d\n", ntohs(name.sin_port));
    return fd;
}

int main(int argc, char **argv) {
    for (size_t k = 0; argc == 3 && k < sizeof protocols / sizeof *protocols; k++)
        if (!strcmp(protocols[k].name, argv[1])) protocol = &protocols[k];
    if (!protocol) {
        fprintf(stderr, "usage: sink PROTOCOL PORT; see the head of sink.c\n");
        return 2;
    }
    int listener = listen_on(argv[2]);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;
        if (fd < 0) continue;
        if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd)) close(fd);
        else pthread_detach(thread);
    }
}
