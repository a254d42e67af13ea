#include "sha1.h"

#include "loop.h"

#include <string.h>

static uint32_t rotate(uint32_t word, int count) { return word << count | word >> (32 - count); }

static void block(uint32_t state[5], const uint8_t *bytes) {
    uint32_t words[80];
    for (int index = 0; index < 16; index++)
        words[index] = (uint32_t)bytes[index * 4] << 24 | (uint32_t)bytes[index * 4 + 1] << 16 |
                       (uint32_t)bytes[index * 4 + 2] << 8 | bytes[index * 4 + 3];
    for (int index = 16; index < 80; index++)
        words[index] = rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int index = 0; index < 80; index++) {
        uint32_t mixed, constant;
        if (index < 20) {
            mixed = (b & c) | (~b & d);
            constant = 0x5A827999;
        } else if (index < 40) {
            mixed = b ^ c ^ d;
            constant = 0x6ED9EBA1;
        } else if (index < 60) {
            mixed = (b & c) | (b & d) | (c & d);
            constant = 0x8F1BBCDC;
        } else {
            mixed = b ^ c ^ d;
            constant = 0xCA62C1D6;
        }
        uint32_t next = rotate(a, 5) + mixed + e + constant + words[index];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1_base64(const void *bytes, size_t count, char text[29]) {
    uint8_t padded[128] = {0}, digest[20];
    if (count > 119) die("a text too long for this SHA-1");
    size_t total = count + 9 <= 64 ? 64 : 128;
    memcpy(padded, bytes, count);
    padded[count] = 0x80;
    padded[total - 2] = (uint8_t)(count * 8 >> 8);
    padded[total - 1] = (uint8_t)(count * 8);
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    for (size_t offset = 0; offset < total; offset += 64) block(state, padded + offset);
    for (int index = 0; index < 20; index++) digest[index] = (uint8_t)(state[index / 4] >> (24 - index % 4 * 8));
    base64(digest, sizeof digest, text);
}

void base64(const uint8_t *bytes, size_t count, char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t index = 0; index < count; index += 3) {
        uint32_t group = (uint32_t)bytes[index] << 16;
        if (index + 1 < count) group |= (uint32_t)bytes[index + 1] << 8;
        if (index + 2 < count) group |= bytes[index + 2];
        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63];
        *text++ = index + 1 < count ? digits[group >> 6 & 63] : '=';
        *text++ = index + 2 < count ? digits[group & 63] : '=';
    }
    *text = 0;
}
