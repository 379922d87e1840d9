/* load: asks a mail-side server the same kind of question over many connections, and prints its rate and latency.
 *
 *   load MODE ADDRESS --sender TEMPLATE [--senders COUNT] [--expect TEXT] [--sender …] --recipient TEMPLATE
 *        [--recipients COUNT] [--connections N] [--seconds S] [--stride N] [--start N] [--octets N]
 *
 * ADDRESS is inet:HOST:PORT, inet:[IPV6]:PORT or unix:/PATH. MODE is a row of the table `modes` at the end of this file.
 *
 * One thread drives one connection, with one question under way at a time, as a mail server's process does. Question
 * n (all connections count together, so that no two have the same n) puts n * STRIDE mod COUNT in the place of %d.
 * --senders is the COUNT of the --sender before it, --recipients that of the recipient. With a STRIDE that has no
 * divisor in common with the counts, each walks over its whole range before an address comes again; and where the
 * count of the recipients divides that of the senders, sender s always meets recipient s mod RECIPIENTS.
 * Every connection takes the --sender templates in turn, all of them with the same n.
 * --expect is what the reply must begin with for the --sender before it; every other reply is an error.
 * --octets is the length of a message's body, where the mode sends any.
 * In the mode socketmap a request is SENDER, a blank and RECIPIENT: a sender is the name of a table, or `verdict ADDRESS |`.
 *
 * Prints one line:  rate R/s  p50 A us  p99 B us  slowest C us  errors E  replies "first reply to each template" …
 * Ends with 0, with 1 if there were errors, with 2 if it cannot run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TEMPLATES = 8, ADDRESS_SIZE = 320, REPLY_SIZE = 512, BUFFER_SIZE = 16384, REPLY_TIMEOUT_SECONDS = 30, DEFAULT_SENDERS = 1000000 };

struct sender_template {
    const char *text;
    const char *expected; /* what a reply begins with; "" takes every reply */
    uint64_t count;       /* its counter runs from 0 to count - 1 */
};

struct mode;

/* What the command line says: written before the threads start, only read afterwards. */
static struct {
    const struct mode *mode;
    const char *address;
    struct sender_template senders[MAX_TEMPLATES];
    int sender_templates;
    const char *recipient;
    unsigned connections;
    double seconds;
    uint64_t recipient_count, stride, start, octets;
    char *body; /* with the line that ends it */
    size_t body_length;
} plan = { .connections = 8, .seconds = 4, .recipient_count = 1000, .stride = 1 };

/* One connection, its thread and what it has measured. */
struct session {
    unsigned number;
    int fd;
    char buffer[BUFFER_SIZE]; /* bytes received: those from `begin` up to `end` are not yet used */
    size_t begin, end;
    uint64_t questions, errors;
    uint32_t protocol; /* what a milter has negotiated */
    char first_replies[MAX_TEMPLATES][REPLY_SIZE];
    uint32_t *microseconds; /* the latency of each question */
    size_t capacity;
};

struct envelope {
    uint64_t number;
    char sender[ADDRESS_SIZE], recipient[ADDRESS_SIZE];
};

/* A door. Both functions return 0, or -1 when the connection is of no more use. */
struct mode {
    const char *name;
    int (*greet)(struct session *);                                        /* once a connection; may be NULL */
    int (*ask)(struct session *, const struct envelope *, char reply[REPLY_SIZE]); /* one question, its whole answer */
};

static pthread_barrier_t all_connected;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static double monotonic_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- connections ---- */

static int connect_unix(const char *path) {
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof name.sun_path) fail("%s: the path is too long for a socket", path);
    memcpy(name.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name)) fail("unix:%s: %s", path, strerror(errno));
    return fd;
}

static int connect_inet(const char *host_and_port) {
    char host[256];
    const char *colon = strrchr(host_and_port, ':');
    if (!colon || (size_t)(colon - host_and_port) >= sizeof host) fail("inet:%s: expected inet:HOST:PORT", host_and_port);
    const char *first = host_and_port, *last = colon;
    if (*first == '[' && last > first + 1 && last[-1] == ']') first++, last--;
    snprintf(host, sizeof host, "%.*s", (int)(last - first), first);
    struct addrinfo wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found;
    int trouble = getaddrinfo(host, colon + 1, &wanted, &found);
    if (trouble) fail("inet:%s: %s", host_and_port, gai_strerror(trouble));
    int fd = socket(found->ai_family, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) fail("inet:%s: %s", host_and_port, strerror(errno));
    freeaddrinfo(found);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int connect_to(const char *address) {
    int fd = -1;
    if (!strncmp(address, "unix:", 5)) fd = connect_unix(address + 5);
    else if (!strncmp(address, "inet:", 5)) fd = connect_inet(address + 5);
    else fail("%s: expected inet:HOST:PORT or unix:/PATH", address);
    struct timeval limit = { .tv_sec = REPLY_TIMEOUT_SECONDS };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static int send_all(struct session *s, const char *bytes, size_t length) {
    while (length) {
        ssize_t sent = send(s->fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) return -1;
        bytes += sent;
        length -= (size_t)sent;
    }
    return 0;
}

/* Waits for more bytes behind those that are still unused. */
static int receive(struct session *s) {
    if (s->begin) {
        memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
        s->end -= s->begin;
        s->begin = 0;
    }
    if (s->end == sizeof s->buffer) return -1; /* a line longer than the buffer is no reply */
    ssize_t got = recv(s->fd, s->buffer + s->end, sizeof s->buffer - s->end, 0);
    if (got <= 0) return -1;
    s->end += (size_t)got;
    return 0;
}

/* One line without its line end, cut to `size` - 1 characters. Returns 0, or -1 at the end of the connection. */
static int receive_line(struct session *s, char *line, size_t size) {
    size_t searched = 0;
    for (;;) {
        char *text = s->buffer + s->begin;
        size_t unused = s->end - s->begin;
        char *newline = memchr(text + searched, '\n', unused - searched);
        if (newline) {
            size_t length = (size_t)(newline - text), kept = length;
            if (kept && text[kept - 1] == '\r') kept--;
            if (kept > size - 1) kept = size - 1;
            memcpy(line, text, kept);
            line[kept] = 0;
            s->begin += length + 1;
            if (s->begin == s->end) s->begin = s->end = 0;
            return 0;
        }
        searched = unused;
        if (receive(s)) return -1;
    }
}

/* ---- mode policy: Postfix SMTPD_POLICY_README, the attributes of Postfix 3.2 and later ---- */

static int policy_ask(struct session *s, const struct envelope *e, char reply[REPLY_SIZE]) {
    char request[BUFFER_SIZE], empty_line[2];
    int length = snprintf(request, sizeof request,
        "request=smtpd_access_policy\n" "protocol_state=RCPT\n" "protocol_name=ESMTP\n"
        "client_address=192.0.2.25\n" "client_name=mail.sender.example\n" "client_port=41235\n"
        "reverse_client_name=mail.sender.example\n" "server_address=127.0.0.1\n" "server_port=25\n"
        "helo_name=mail.sender.example\n" "sender=%s\n" "recipient=%s\n" "recipient_count=0\n" "queue_id=\n"
        "instance=%x.%llx.%llx.0\n" "size=0\n" "etrn_domain=\n" "stress=\n" "sasl_method=\n" "sasl_username=\n"
        "sasl_sender=\n" "ccert_subject=\n" "ccert_issuer=\n" "ccert_fingerprint=\n" "ccert_pubkey_fingerprint=\n"
        "encryption_protocol=\n" "encryption_cipher=\n" "encryption_keysize=0\n" "policy_context=\n" "\n",
        e->sender, e->recipient, s->number, (unsigned long long)e->number, (unsigned long long)e->number);
    if (send_all(s, request, (size_t)length) || receive_line(s, reply, REPLY_SIZE)) return -1;
    if (receive_line(s, empty_line, sizeof empty_line) || empty_line[0]) return -1;
    if (strncmp(reply, "action=", 7)) return -1;
    memmove(reply, reply + 7, strlen(reply + 7) + 1);
    return 0;
}

/* ---- mode socketmap: netstrings (socketmap_table(5)) ---- */

/* The octets of one netstring, cut to `size` - 1. Returns 0, or -1 when that was none. */
static int receive_netstring(struct session *s, char *octets, size_t size) {
    char *colon;
    while (!(colon = memchr(s->buffer + s->begin, ':', s->end - s->begin))) if (receive(s)) return -1;
    size_t length = strtoul(s->buffer + s->begin, NULL, 10), head = (size_t)(colon + 1 - s->buffer) - s->begin;
    if (length > sizeof s->buffer - REPLY_SIZE) return -1;
    while (s->end - s->begin < head + length + 1) if (receive(s)) return -1;
    size_t kept = length < size - 1 ? length : size - 1;
    memcpy(octets, s->buffer + s->begin + head, kept);
    octets[kept] = 0;
    s->begin += head + length + 1;
    return s->buffer[s->begin - 1] == ',' ? 0 : -1;
}

static int socketmap_ask(struct session *s, const struct envelope *e, char reply[REPLY_SIZE]) {
    char request[ADDRESS_SIZE * 2 + 32];
    int octets = (int)(strlen(e->sender) + strlen(e->recipient) + 1);
    int length = snprintf(request, sizeof request, "%d:%s %s,", octets, e->sender, e->recipient);
    return send_all(s, request, (size_t)length) || receive_netstring(s, reply, REPLY_SIZE) ? -1 : 0;
}

/* ---- modes milter and milter-message: libmilter's protocol, version 6 (mfdef.h) ---- */

enum { WITHOUT_CONNECT = 0x01, WITHOUT_HELO = 0x02, WITHOUT_DATA = 0x200, QUIET_CONNECT = 0x1000, QUIET_HELO = 0x2000, QUIET_MAIL = 0x4000 };

static int send_packet(struct session *s, char command, const char *data, size_t length) {
    char packet[BUFFER_SIZE];
    uint32_t size = htonl((uint32_t)length + 1);
    if (length + 5 > sizeof packet) return -1;
    memcpy(packet, &size, 4);
    packet[4] = command;
    memcpy(packet + 5, data, length);
    return send_all(s, packet, length + 5);
}

/* One packet: its command, its data cut to `size` - 1 bytes. Returns 0, or -1 at the end of the connection. */
static int receive_packet(struct session *s, char *command, char *data, size_t size) {
    uint32_t length;
    while (s->end - s->begin < 5) if (receive(s)) return -1;
    memcpy(&length, s->buffer + s->begin, 4);
    length = ntohl(length);
    if (length < 1 || length > sizeof s->buffer - 8) return -1;
    while (s->end - s->begin < length + 4) if (receive(s)) return -1;
    size_t kept = length - 1 < size - 1 ? length - 1 : size - 1;
    *command = s->buffer[s->begin + 4];
    memcpy(data, s->buffer + s->begin + 5, kept);
    data[kept] = 0;
    s->begin += length + 4;
    return 0;
}

/* The answer to a callback in words: "continue", "tempfail", "reject", or the SMTP reply that was set. */
static int receive_answer(struct session *s, char reply[REPLY_SIZE]) {
    char command;
    if (receive_packet(s, &command, reply, REPLY_SIZE)) return -1;
    if (command == 'y') return 0;
    const char *word = command == 'c' ? "continue" : command == 't' ? "tempfail" : command == 'r' ? "reject" : NULL;
    if (!word) return -1;
    strcpy(reply, word);
    return 0;
}

static int milter_greet(struct session *s) {
    uint32_t offer[3] = { htonl(6), htonl(0x1ff), htonl(0x1fffff) }, accepted;
    char command, data[REPLY_SIZE];
    if (send_packet(s, 'O', (char *)offer, sizeof offer) || receive_packet(s, &command, data, sizeof data) || command != 'O') return -1;
    memcpy(&accepted, data + 8, 4);
    s->protocol = ntohl(accepted);
    static const char client[] = "mail.sender.example\0" "4" "\x10\x00" "192.0.2.25";
    if (!(s->protocol & WITHOUT_CONNECT)) {
        if (send_packet(s, 'C', client, sizeof client)) return -1;
        if (!(s->protocol & QUIET_CONNECT) && receive_answer(s, data)) return -1;
    }
    if (!(s->protocol & WITHOUT_HELO)) {
        if (send_packet(s, 'H', "mail.sender.example", 20)) return -1;
        if (!(s->protocol & QUIET_HELO) && receive_answer(s, data)) return -1;
    }
    return 0;
}

static int milter_address(struct session *s, char command, const char *address, char reply[REPLY_SIZE]) {
    char data[ADDRESS_SIZE + 4];
    int length = snprintf(data, sizeof data, "<%s>", address);
    if (send_packet(s, command, data, (size_t)length + 1)) return -1;
    return command == 'M' && s->protocol & QUIET_MAIL ? 0 : receive_answer(s, reply);
}

static int milter_ask(struct session *s, const struct envelope *e, char reply[REPLY_SIZE]) {
    if (milter_address(s, 'M', e->sender, reply) || milter_address(s, 'R', e->recipient, reply)) return -1;
    return send_packet(s, 'A', "", 0);
}

/* A message to its end, or up to its refused recipient. */
static int milter_message(struct session *s, const struct envelope *e, char reply[REPLY_SIZE]) {
    char end[REPLY_SIZE];
    if (milter_address(s, 'M', e->sender, reply) || milter_address(s, 'R', e->recipient, reply)) return -1;
    if (strcmp(reply, "continue")) return send_packet(s, 'A', "", 0);
    if (!(s->protocol & WITHOUT_DATA) && (send_packet(s, 'T', "", 0) || receive_answer(s, end))) return -1;
    return send_packet(s, 'E', "", 0) || receive_answer(s, end) ? -1 : 0;
}

/* ---- modes lmtp-rcpt and lmtp-message: RFC 2033 ---- */

enum { LINE_LENGTH = 76 };

/* Lines as base64 has them, and the dot behind them. */
static void make_body(void) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t lines = (plan.octets + LINE_LENGTH + 1) / (LINE_LENGTH + 2);
    char *at = plan.body = malloc(lines * (LINE_LENGTH + 2) + 3);
    uint64_t random = plan.start;
    if (!at) fail("out of memory");
    for (size_t line = 0; line < lines; line++) {
        for (int column = 0; column < LINE_LENGTH; column++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            *at++ = letters[random >> 58];
        }
        *at++ = '\r', *at++ = '\n';
    }
    memcpy(at, ".\r\n", 3);
    plan.body_length = (size_t)(at + 3 - plan.body);
}

/* A whole reply; its last line is kept. */
static int receive_reply(struct session *s, char reply[REPLY_SIZE]) {
    do if (receive_line(s, reply, REPLY_SIZE) || strlen(reply) < 3) return -1;
    while (reply[3] == '-');
    return 0;
}

static int lmtp_command(struct session *s, char reply[REPLY_SIZE], const char *format, ...) {
    char line[ADDRESS_SIZE * 2];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return send_all(s, line, (size_t)length) || receive_reply(s, reply) ? -1 : 0;
}

static int lmtp_greet(struct session *s) {
    char reply[REPLY_SIZE];
    return receive_reply(s, reply) || lmtp_command(s, reply, "LHLO mail.sender.example\r\n") || reply[0] != '2' ? -1 : 0;
}

static int lmtp_rcpt(struct session *s, const struct envelope *e, char reply[REPLY_SIZE]) {
    char other[REPLY_SIZE];
    if (lmtp_command(s, other, "MAIL FROM:<%s>\r\n", e->sender) || other[0] != '2') return -1;
    if (lmtp_command(s, reply, "RCPT TO:<%s>\r\n", e->recipient)) return -1;
    return lmtp_command(s, other, "RSET\r\n") || other[0] != '2' ? -1 : 0;
}

/* A message to its end: the reply is what its one recipient is told after the dot. */
static int lmtp_message(struct session *s, const struct envelope *e, char reply[REPLY_SIZE]) {
    char header[BUFFER_SIZE];
    if (lmtp_command(s, reply, "MAIL FROM:<%s>\r\n", e->sender) || reply[0] != '2') return -1;
    if (lmtp_command(s, reply, "RCPT TO:<%s>\r\n", e->recipient) || reply[0] != '2') return -1;
    if (lmtp_command(s, reply, "DATA\r\n") || reply[0] != '3') return -1;
    int length = snprintf(header, sizeof header,
        "From: Ann <%s>\r\n" "To: %s\r\n" "Subject: message %llu\r\n" "Date: Fri, 20 Nov 2026 00:00:00 +0000\r\n"
        "Message-ID: <%llu.%u.%llu@mail.sender.example>\r\n" "MIME-Version: 1.0\r\n" "Content-Type: text/plain\r\n" "\r\n",
        e->sender, e->recipient, (unsigned long long)e->number, (unsigned long long)e->number, s->number,
        (unsigned long long)s->questions);
    if (send_all(s, header, (size_t)length) || send_all(s, plan.body, plan.body_length)) return -1;
    return receive_reply(s, reply);
}

/* ---- the measurement ---- */

static void fill_in(char address[ADDRESS_SIZE], const char *text, uint64_t counter) {
    const char *place = strstr(text, "%d");
    if (!place) snprintf(address, ADDRESS_SIZE, "%s", text);
    else snprintf(address, ADDRESS_SIZE, "%.*s%llu%s", (int)(place - text), text, (unsigned long long)counter, place + 2);
}

static void keep_latency(struct session *s, double seconds) {
    if (s->questions == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 65536;
        s->microseconds = realloc(s->microseconds, s->capacity * sizeof *s->microseconds);
        if (!s->microseconds) fail("out of memory");
    }
    s->microseconds[s->questions++] = (uint32_t)(seconds * 1e6);
}

/* Step `step` of a session: one question with its answer. Returns -1 when the connection is of no more use. */
static int one_step(struct session *s, uint64_t step, double started) {
    int which = (int)(step % (uint64_t)plan.sender_templates);
    const struct sender_template *template = &plan.senders[which];
    uint64_t turn = step / (uint64_t)plan.sender_templates;
    struct envelope envelope = { .number = plan.start + s->number + plan.connections * turn };
    char reply[REPLY_SIZE];
    fill_in(envelope.sender, template->text, envelope.number * plan.stride % template->count);
    fill_in(envelope.recipient, plan.recipient, envelope.number * plan.stride % plan.recipient_count);
    if (plan.mode->ask(s, &envelope, reply)) return -1;
    keep_latency(s, monotonic_seconds() - started);
    if (!s->first_replies[which][0]) memcpy(s->first_replies[which], reply, REPLY_SIZE);
    if (strncmp(reply, template->expected, strlen(template->expected)) && !s->errors++)
        fprintf(stderr, "load: %s to %s: got '%s', expected '%s'\n", envelope.sender, envelope.recipient, reply,
            template->expected);
    return 0;
}

static void *run_session(void *argument) {
    struct session *s = argument;
    s->fd = connect_to(plan.address);
    int lost = plan.mode->greet && plan.mode->greet(s);
    pthread_barrier_wait(&all_connected);
    double now = monotonic_seconds(), end = now + plan.seconds;
    for (uint64_t step = 0; !lost && now < end; step++) {
        lost = one_step(s, step, now);
        now = monotonic_seconds();
    }
    if (lost) {
        s->errors++;
        fprintf(stderr, "load: connection %u broke after %llu answers\n", s->number, (unsigned long long)s->questions);
    }
    close(s->fd);
    return NULL;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int report(const struct session *sessions, double seconds) {
    uint64_t questions = 0, errors = 0;
    for (unsigned k = 0; k < plan.connections; k++) questions += sessions[k].questions, errors += sessions[k].errors;
    uint32_t *all = calloc(questions + 1, sizeof *all), *next = all;
    if (!all) fail("out of memory");
    for (unsigned k = 0; k < plan.connections; k++) {
        if (sessions[k].questions) memcpy(next, sessions[k].microseconds, sessions[k].questions * sizeof *all);
        next += sessions[k].questions;
    }
    qsort(all, questions, sizeof *all, ascending);
    printf("rate %.1f/s  p50 %u us  p99 %u us  slowest %u us  errors %llu  replies", (double)questions / seconds,
        all[questions / 2], all[questions * 99 / 100], questions ? all[questions - 1] : 0, (unsigned long long)errors);
    for (int which = 0; which < plan.sender_templates; which++) printf(" \"%s\"", sessions[0].first_replies[which]);
    putchar('\n');
    free(all);
    return errors ? 1 : 0;
}

static int measure(void) {
    struct session *sessions = calloc(plan.connections, sizeof *sessions);
    pthread_t *threads = calloc(plan.connections, sizeof *threads);
    if (!sessions || !threads) fail("out of memory");
    pthread_barrier_init(&all_connected, NULL, plan.connections + 1);
    for (unsigned k = 0; k < plan.connections; k++) {
        sessions[k].number = k;
        if (pthread_create(&threads[k], NULL, run_session, &sessions[k])) fail("cannot start a thread");
    }
    pthread_barrier_wait(&all_connected);
    double started = monotonic_seconds();
    for (unsigned k = 0; k < plan.connections; k++) pthread_join(threads[k], NULL);
    return report(sessions, monotonic_seconds() - started);
}

/* ---- the command line ---- */

static const struct mode modes[] = {
    { "policy", NULL, policy_ask },
    { "socketmap", NULL, socketmap_ask },
    { "milter", milter_greet, milter_ask },             /* MAIL, RCPT, abort */
    { "milter-message", milter_greet, milter_message }, /* MAIL, RCPT, DATA and the end of the message */
    { "lmtp-rcpt", lmtp_greet, lmtp_rcpt },             /* MAIL, RCPT and RSET, each in a round trip of its own */
    { "lmtp-message", lmtp_greet, lmtp_message },       /* MAIL, RCPT, DATA and a message of --octets */
};

static const struct mode *find_mode(const char *name) {
    for (size_t k = 0; k < sizeof modes / sizeof *modes; k++)
        if (!strcmp(modes[k].name, name)) return &modes[k];
    fail("%s: no such mode", name);
    return NULL;
}

static uint64_t positive(const char *option, const char *text) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || !*text || *text == '-' || *end || !value) fail("--%s %s: expected a whole number above 0", option, text);
    return value;
}

static void add_sender(const char *text) {
    if (plan.sender_templates == MAX_TEMPLATES) fail("--sender: at most %d templates", MAX_TEMPLATES);
    plan.senders[plan.sender_templates++] = (struct sender_template){ text, "", DEFAULT_SENDERS };
}

static struct sender_template *last_sender(const char *option) {
    if (!plan.sender_templates) fail("--%s belongs behind a --sender", option);
    return &plan.senders[plan.sender_templates - 1];
}

static void take_option(int option, const char *name, const char *value) {
    switch (option) {
    case 's': add_sender(value); break;
    case 'e': last_sender(name)->expected = value; break;
    case 'S': last_sender(name)->count = positive(name, value); break;
    case 'r': plan.recipient = value; break;
    case 'c': plan.connections = (unsigned)positive(name, value); break;
    case 't':
        plan.seconds = strtod(value, NULL);
        if (!(plan.seconds > 0)) fail("--seconds %s: expected a number above 0", value);
        break;
    case 'R': plan.recipient_count = positive(name, value); break;
    case 'd': plan.stride = positive(name, value); break;
    case 'n': plan.start = positive(name, value); break;
    case 'o': plan.octets = positive(name, value); break;
    default: exit(2);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        { "sender", required_argument, NULL, 's' },      { "expect", required_argument, NULL, 'e' },
        { "recipient", required_argument, NULL, 'r' },   { "connections", required_argument, NULL, 'c' },
        { "seconds", required_argument, NULL, 't' },     { "senders", required_argument, NULL, 'S' },
        { "recipients", required_argument, NULL, 'R' },  { "stride", required_argument, NULL, 'd' },
        { "start", required_argument, NULL, 'n' },       { "octets", required_argument, NULL, 'o' },
        { NULL, 0, NULL, 0 },
    };
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", options, &index)) != -1) take_option(option, options[index].name, optarg);
    if (argc - optind != 2 || !plan.sender_templates || !plan.recipient)
        fail("usage: load MODE ADDRESS --sender TEMPLATE --recipient TEMPLATE; see the head of load.c");
    plan.mode = find_mode(argv[optind]);
    plan.address = argv[optind + 1];
    make_body();
    return measure();
}
