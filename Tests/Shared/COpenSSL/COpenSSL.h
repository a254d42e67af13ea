/* Digests of OpenSSL: an independent implementation that tests compare ours with. */
#ifndef CULVERT_COPENSSL_H
#define CULVERT_COPENSSL_H
#include <stddef.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* Writes the digest of the bytes, of an algorithm by its name; its length, or 0 when OpenSSL refuses. */
static inline size_t culvert_openssl_digest(const char *name, const void *bytes, size_t count, unsigned char *out) {
    size_t length = 0;
    return EVP_Q_digest(NULL, name, NULL, bytes, count, out, &length) == 1 ? length : 0;
}

/* Writes the HMAC-SHA-256 of the bytes; its length, or 0 when OpenSSL refuses. */
static inline size_t culvert_openssl_hmac_sha256(
    const void *key, size_t key_count, const void *bytes, size_t count, unsigned char *out) {
    unsigned int length = 0;
    return HMAC(EVP_sha256(), key, (int)key_count, bytes, count, out, &length) != NULL ? length : 0;
}

#endif
