// The command line of the load generator; see bench/README.md.
#include "loop.h"
#include "origin.h"
#include "pattern.h"
#include "roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>

struct options options = {
    .path = NULL, .host = "localhost", .is_gost = true, .is_web_socket = true, .tunnels = 1, .at_once = 64,
    .visitors = 32, .window = 1 << 20, .seconds = 60, .limit_bytes = 256u << 20};

static const char usage[] =
    "usage: load bind    --server ADDRESS:PORT --tunnel UUID [--shape gost|plain] [--carrier ws|tcp] [--path /ws]\n"
    "                    [--target ADDRESS:PORT] [--tunnels N] [--at-once N] [--window BYTES] [--seconds S]\n"
    "       load visit   --entry ADDRESS:PORT --host NAME[,NAME…] | --hosts FILE [--one-host] [--path /bytes/N]\n"
    "                    [--visitors N] [--requests N] [--rate R] [--close] [--upload BYTES] [--never-read] [--hold]\n"
    "                    [--at-once N] [--seconds S]\n"
    "       load delay   --listen PORT --target ADDRESS:PORT [--delay-ms MS] [--rate-mbit R] [--limit-bytes N]\n"
    "       load origin  --listen PORT\n"
    "       load pattern --requests BYTES    the bytes of a body\n";

static void parse_tunnel(const char *text) {
    int nibbles = 0;
    for (; *text; text++) {
        if (*text == '-') continue;
        const char *digits = "0123456789abcdef", *digit = strchr(digits, *text);
        if (!digit || nibbles == 32) die("--tunnel: not a UUID in lower case");
        options.tunnel[nibbles / 2] = (uint8_t)(options.tunnel[nibbles / 2] << 4 | (digit - digits));
        nibbles++;
    }
    if (nibbles != 32) die("--tunnel: not a UUID");
}

static double number(const char *name, const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (*end || !(value >= 0)) die("%s: not a number: %s", name, text);
    return value;
}

static bool take_flag(const char *name) {
    if (!strcmp(name, "--close")) return options.closes = true;
    if (!strcmp(name, "--never-read")) return options.never_reads = true;
    if (!strcmp(name, "--hold")) return options.holds = true;
    if (!strcmp(name, "--one-host")) return options.keeps_host = true;
    return false;
}

static bool take_text(const char *name, const char *value) {
    if (!strcmp(name, "--server")) options.server = value;
    else if (!strcmp(name, "--target")) options.target = value;
    else if (!strcmp(name, "--entry")) options.entry = value;
    else if (!strcmp(name, "--host")) options.host = value;
    else if (!strcmp(name, "--hosts")) options.hosts = value;
    else if (!strcmp(name, "--path")) options.path = value;
    else if (!strcmp(name, "--tunnel")) parse_tunnel(value);
    else if (!strcmp(name, "--shape") && !strcmp(value, "gost")) options.is_gost = true;
    else if (!strcmp(name, "--shape") && !strcmp(value, "plain")) options.is_gost = false;
    else if (!strcmp(name, "--carrier") && !strcmp(value, "ws")) options.is_web_socket = true;
    else if (!strcmp(name, "--carrier") && !strcmp(value, "tcp")) options.is_web_socket = false;
    else return false;
    return true;
}

static void take_number(const char *name, double value) {
    if (!strcmp(name, "--tunnels")) options.tunnels = (int)value;
    else if (!strcmp(name, "--at-once")) options.at_once = (int)value;
    else if (!strcmp(name, "--visitors")) options.visitors = (int)value;
    else if (!strcmp(name, "--listen")) options.listen = (int)value;
    else if (!strcmp(name, "--window")) options.window = (uint32_t)value;
    else if (!strcmp(name, "--requests")) options.requests = (uint64_t)value;
    else if (!strcmp(name, "--upload")) options.upload_bytes = (uint64_t)value;
    else if (!strcmp(name, "--limit-bytes")) options.limit_bytes = (uint64_t)value;
    else if (!strcmp(name, "--seconds")) options.seconds = value;
    else if (!strcmp(name, "--rate")) options.rate = value;
    else if (!strcmp(name, "--delay-ms")) options.delay_ms = value;
    else if (!strcmp(name, "--rate-mbit")) options.rate_mbit = value;
    else die("%s is no option\n%s", name, usage);
}

static void need(bool is_there, const char *name) {
    if (!is_there) die("%s is missing\n%s", name, usage);
}

static void write_pattern(uint64_t count) {
    for (uint64_t offset = 0; offset < count;) {
        size_t part = count - offset < PATTERN_RUN_BYTES ? (size_t)(count - offset) : PATTERN_RUN_BYTES;
        if (fwrite(pattern_at(offset), 1, part, stdout) != part) die("the pattern could not be written");
        offset += part;
    }
}

int main(int count, char **words) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (count < 2) die("a role is missing\n%s", usage);
    for (int index = 2; index < count; index++) {
        if (take_flag(words[index])) continue;
        if (index + 1 == count) die("%s: no option, or without its value\n%s", words[index], usage);
        const char *name = words[index++];
        if (!take_text(name, words[index])) take_number(name, number(name, words[index]));
    }
    pattern_fill();
    loop_open();
    const char *role = words[1];
    if (!strcmp(role, "bind")) {
        need(options.server, "--server");
        if (!options.path) options.path = "/ws";
        bind_run();
    } else if (!strcmp(role, "visit")) {
        need(options.entry, "--entry");
        if (!options.path) options.path = "/bytes/1024";
        visit_run();
    } else if (!strcmp(role, "delay")) {
        need(options.listen > 0, "--listen");
        need(options.target, "--target");
        delay_run();
    } else if (!strcmp(role, "origin")) {
        need(options.listen > 0, "--listen");
        origin_serve(options.listen);
    } else if (!strcmp(role, "pattern")) {
        write_pattern(options.requests);
    } else {
        die("\"%s\" is no role\n%s", role, usage);
    }
    return 0;
}
