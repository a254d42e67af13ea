// What the program can be, and its command line.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *server, *path, *target, *entry, *host, *hosts;
    uint8_t tunnel[16];
    bool is_gost, is_web_socket, closes, never_reads, holds, keeps_host;
    int listen, tunnels, at_once, visitors;
    uint32_t window;
    uint64_t requests, upload_bytes, limit_bytes;
    double seconds, rate, delay_ms, rate_mbit;
};
extern struct options options;

void bind_run(void);
void visit_run(void);
void delay_run(void);
