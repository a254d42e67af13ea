/* hiredis' reader and formatter: the protocol of Redis without a socket. Its connections are not used. */
#ifndef CULVERT_CHIREDIS_H
#define CULVERT_CHIREDIS_H
#include <stddef.h>
#include <hiredis/hiredis.h>

#if HIREDIS_MAJOR >= 1
/* RESP3's numbers and truths, which nobody asks for here. Without an object the reader ends with an error; without these
 * functions it would hand out small numbers in place of objects. */
static void *culvert_redis_no_double(const redisReadTask *task, double value, char *text, size_t count) {
    (void)task; (void)value; (void)text; (void)count;
    return NULL;
}
static void *culvert_redis_no_bool(const redisReadTask *task, int value) {
    (void)task; (void)value;
    return NULL;
}
#endif

/* Fills in what functions of replies newer versions have. */
static inline void culvert_redis_refuse_newer(redisReplyObjectFunctions *functions) {
#if HIREDIS_MAJOR >= 1
    functions->createDouble = culvert_redis_no_double;
    functions->createBool = culvert_redis_no_bool;
#else
    (void)functions;
#endif
}

#endif
