// SHA-1 of a short text, in base64: a WebSocket server proves with it that it understood the upgrade (RFC 6455 §4.2.2).
#pragma once
#include <stddef.h>
#include <stdint.h>

/// `count` ≤ 119; `text` gets 28 characters and a zero.
void sha1_base64(const void *bytes, size_t count, char text[29]);
/// Base64 with padding; `text` gets (count + 2) / 3 * 4 characters and a zero.
void base64(const uint8_t *bytes, size_t count, char *text);
