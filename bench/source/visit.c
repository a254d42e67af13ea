// The role of visitors: requests as fast as answers come, or at a rate that answers do not slow down (then a latency
// counts from the instant the request was due), with every body compared; or visitors that never read, or stay idle.
#include "latencies.h"
#include "loop.h"
#include "pattern.h"
#include "roles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEAD_BYTES_MAX = 8192 };
static const uint64_t patience_ns = 10000000000u;

struct visitor {
    struct watch watch;
    enum { CONNECTING, IDLE, WRITING, AWAITING, READING, HOLDING } phase;
    uint64_t begun_ns;
    size_t head_sent, head_count;
    unsigned turn;
    uint64_t upload_sent, body_left, body_offset;
    bool peer_closes;
    char *head;
    struct visitor *next_idle;
};

/// One request for each host; a visitor sends them in turn.
static struct request {
    char *bytes;
    size_t count;
} *requests;
static unsigned host_count;
static uint64_t issued, answered, errors, bytes, connections, resets, closed_idle, started_ns, end_ns, stop_ns;
static int open_now, settled;
static struct visitor *first_idle;
static struct latencies latencies;
static char first_error[160] = "";

static void visitor_ready(struct watch *watch, uint32_t events);

static void failed(const char *what) {
    if (errors++ == 0) snprintf(first_error, sizeof first_error, "%s", what);
}

static bool may_issue(void) {
    if (now_ns >= stop_ns || (options.requests && issued >= options.requests)) return false;
    return options.rate == 0 || now_ns >= started_ns + (uint64_t)((double)issued / options.rate * 1e9);
}

static void dial(void) {
    int descriptor = connect_to(options.entry, options.never_reads ? 16384 : 0);
    if (descriptor < 0) return failed("no connection");
    struct visitor *visitor = allocate(sizeof *visitor);
    // Visitors begin with different hosts, as far from one another as there are hosts.
    unsigned stride = host_count / (unsigned)options.visitors;
    visitor->turn = (unsigned)connections++ * (stride > 0 ? stride : 1);
    open_now++;
    loop_watch(&visitor->watch, descriptor, EPOLLOUT, visitor_ready);
}

static void leave(struct visitor *visitor, bool again) {
    free(visitor->head);
    visitor->head = NULL;
    open_now--;
    loop_end(&visitor->watch);
    if (again && !options.holds && now_ns < stop_ns) dial();
}

static void write_request(struct visitor *visitor) {
    int descriptor = visitor->watch.descriptor;
    const char *request = requests[visitor->turn % host_count].bytes;
    size_t request_count = requests[visitor->turn % host_count].count;
    while (visitor->head_sent < request_count || visitor->upload_sent < options.upload_bytes) {
        const void *from = request + visitor->head_sent;
        size_t count = request_count - visitor->head_sent;
        if (count == 0) {
            from = pattern_at(visitor->upload_sent);
            count = PATTERN_RUN_BYTES;
            if (count > options.upload_bytes - visitor->upload_sent)
                count = (size_t)(options.upload_bytes - visitor->upload_sent);
        }
        ssize_t sent = send(descriptor, from, count, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) return loop_interest(&visitor->watch, EPOLLIN | EPOLLOUT);
            failed("a request could not be sent");
            return leave(visitor, true);
        }
        if (visitor->head_sent < request_count) visitor->head_sent += (size_t)sent;
        else visitor->upload_sent += (uint64_t)sent;
        if (visitor->upload_sent > 0) bytes += (uint64_t)sent;
    }
    visitor->phase = AWAITING;
    if (options.never_reads) {
        settled++;
        // Hang-ups are told without being asked for.
        return loop_interest(&visitor->watch, 0);
    }
    loop_interest(&visitor->watch, EPOLLIN);
}

static void begin(struct visitor *visitor) {
    visitor->begun_ns = options.rate > 0 ? started_ns + (uint64_t)((double)issued / options.rate * 1e9) : now_ns;
    issued++;
    if (!options.keeps_host) visitor->turn++;
    visitor->phase = WRITING;
    visitor->head_sent = 0;
    visitor->upload_sent = 0;
    visitor->head_count = 0;
    write_request(visitor);
}

static void rest(struct visitor *visitor) {
    if (may_issue()) return begin(visitor);
    visitor->phase = IDLE;
    visitor->next_idle = first_idle;
    first_idle = visitor;
    loop_interest(&visitor->watch, EPOLLIN);
}

static void done(struct visitor *visitor) {
    answered++;
    latencies_add(&latencies, now_ns - visitor->begun_ns);
    if (options.holds) {
        visitor->phase = HOLDING;
        free(visitor->head);
        visitor->head = NULL;
        settled++;
        return;
    }
    if (visitor->peer_closes || options.closes) return leave(visitor, true);
    rest(visitor);
}

static void take_body(struct visitor *visitor, const uint8_t *body, size_t count) {
    if (count > visitor->body_left) {
        failed("bytes behind an answer");
        return leave(visitor, true);
    }
    if (!pattern_matches(visitor->body_offset, body, count)) {
        failed("a wrong body");
        return leave(visitor, true);
    }
    visitor->body_left -= count;
    visitor->body_offset += count;
    bytes += count;
    if (visitor->body_left == 0) done(visitor);
}

static void take_head(struct visitor *visitor) {
    char *end = memmem(visitor->head, visitor->head_count, "\r\n\r\n", 4), problem[160];
    if (!end) {
        if (visitor->head_count < HEAD_BYTES_MAX) return;
        failed("an endless head");
        return leave(visitor, true);
    }
    end[2] = 0;
    char *length = strcasestr(visitor->head, "\r\nContent-Length:");
    bool is_good = !strncmp(visitor->head, "HTTP/1.1 200 ", 13) && length;
    if (!is_good) {
        snprintf(problem, sizeof problem, "answered %.40s", visitor->head);
        *strchrnul(problem, '\r') = 0;
        failed(problem);
        return leave(visitor, true);
    }
    visitor->peer_closes = strcasestr(visitor->head, "\r\nConnection: close") != NULL;
    visitor->body_left = strtoull(length + 17, NULL, 10);
    visitor->body_offset = 0;
    visitor->phase = READING;
    size_t rest = visitor->head_count - (size_t)(end + 4 - visitor->head);
    take_body(visitor, (const uint8_t *)end + 4, rest);
}

static void read_answer(struct visitor *visitor) {
    if (visitor->phase == READING) {
        ssize_t count = recv(visitor->watch.descriptor, shared_buffer, sizeof shared_buffer, 0);
        if (count > 0) return take_body(visitor, shared_buffer, (size_t)count);
        if (count < 0 && errno == EAGAIN) return;
        failed("a body was cut");
        return leave(visitor, true);
    }
    if (!visitor->head) visitor->head = allocate(HEAD_BYTES_MAX + 1);
    ssize_t count = recv(
        visitor->watch.descriptor, visitor->head + visitor->head_count, HEAD_BYTES_MAX - visitor->head_count, 0);
    if (count > 0) {
        visitor->head_count += (size_t)count;
        return take_head(visitor);
    }
    if (count < 0 && errno == EAGAIN) return;
    failed("a connection ended without an answer");
    leave(visitor, true);
}

static void forget_idle(struct visitor *visitor) {
    struct visitor **place = &first_idle;
    while (*place != visitor) place = &(*place)->next_idle;
    *place = visitor->next_idle;
}

static void visitor_ready(struct watch *watch, uint32_t events) {
    struct visitor *visitor = (struct visitor *)watch;
    switch (visitor->phase) {
    case CONNECTING: {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(watch->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            failed(strerror(error));
            return leave(visitor, true);
        }
        return rest(visitor);
    }
    case IDLE:
        forget_idle(visitor);
        closed_idle++;
        return leave(visitor, true);
    case HOLDING:
        closed_idle++;
        return leave(visitor, false);
    case WRITING:
        if (events & EPOLLIN) {
            // An early answer, which is a refusal.
            return read_answer(visitor);
        }
        return write_request(visitor);
    case AWAITING:
        if (options.never_reads) {
            resets++;
            return leave(visitor, false);
        }
        return read_answer(visitor);
    case READING: return read_answer(visitor);
    }
}

static uint64_t due(void) {
    static uint64_t dialled;
    static bool said;
    // Those who stay are let in a few at a time.
    bool stays = options.holds || options.never_reads;
    while (stays && dialled < (uint64_t)options.visitors && open_now - settled < options.at_once) {
        dialled++;
        dial();
    }
    if (stays && !said && dialled == (uint64_t)options.visitors && settled == (int)dialled) {
        said = true;
        say("{\"event\": \"holding\", \"visitors\": %d, \"errors\": %llu}", settled, (unsigned long long)errors);
    }
    while (first_idle && may_issue()) {
        struct visitor *visitor = first_idle;
        first_idle = visitor->next_idle;
        begin(visitor);
    }
    bool is_over = now_ns >= stop_ns || (options.requests && issued >= options.requests);
    if (now_ns >= end_ns || (!stays && is_over && answered + errors >= issued)) loop_stop();
    uint64_t next = now_ns < stop_ns ? stop_ns : end_ns;
    if (options.rate > 0 && first_idle && now_ns < stop_ns) {
        uint64_t at = started_ns + (uint64_t)((double)issued / options.rate * 1e9);
        if (at < next) next = at;
    }
    return next;
}

static void add_request(const char *host, const char *length) {
    const char *method = options.upload_bytes ? "POST" : "GET";
    const char *closing = options.closes ? "Connection: close\r\n" : "";
    struct request request;
    int count = asprintf(
        &request.bytes, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n", method, options.path, host, closing, length);
    // Room for as many again whenever the count is a power of two.
    if ((host_count & (host_count - 1)) == 0)
        requests = realloc(requests, (host_count ? 2 * host_count : 1) * sizeof *requests);
    if (count < 0 || !requests) die("no memory");
    request.count = (size_t)count;
    requests[host_count++] = request;
}

/// For the hosts that are named, or for those of a file, one on each line.
static void write_requests(void) {
    char length[64] = "", *hosts = strdup(options.host), *rest = hosts, *host, line[512];
    if (options.upload_bytes)
        sprintf(length, "Content-Length: %llu\r\n", (unsigned long long)options.upload_bytes);
    while (!options.hosts && (host = strsep(&rest, ","))) add_request(host, length);
    free(hosts);
    if (!options.hosts) return;
    FILE *file = fopen(options.hosts, "r");
    if (!file) die("%s: %s", options.hosts, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (*line) add_request(line, length);
    }
    fclose(file);
    if (host_count == 0) die("%s names no host", options.hosts);
}

void visit_run(void) {
    write_requests();
    started_ns = now_ns = clock_ns();
    stop_ns = now_ns + (uint64_t)(options.seconds * 1e9);
    end_ns = stop_ns + (options.holds || options.never_reads ? 0 : patience_ns);
    if (options.holds) options.requests = (uint64_t)options.visitors;
    for (int index = 0; index < options.visitors && !options.holds && !options.never_reads; index++) dial();
    loop_run(due);
    uint64_t unanswered = options.never_reads || issued < answered + errors ? 0 : issued - answered - errors;
    double seconds = (double)(now_ns - started_ns) / 1e9;
    say("{\"event\": \"visited\", \"requests\": %llu, \"errors\": %llu, \"unanswered\": %llu, \"why\": \"%s\", "
        "\"bytes\": %llu, \"connections\": %llu, \"resets\": %llu, \"closed_idle\": %llu, \"seconds\": %.4f, "
        "\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}",
        (unsigned long long)answered, (unsigned long long)errors, (unsigned long long)unanswered, first_error,
        (unsigned long long)bytes, (unsigned long long)connections, (unsigned long long)resets,
        (unsigned long long)closed_idle, seconds, latencies_at(&latencies, 0.5), latencies_at(&latencies, 0.9),
        latencies_at(&latencies, 0.99), (double)latencies.largest_ns / 1000);
}
