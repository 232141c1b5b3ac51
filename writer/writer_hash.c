
/*
 * Copyright (C) Keepers
 *
 * A stored hash is "$argon2id$v=19$m=KIB,t=PASSES,p=1$" and, in base64 without
 * padding, 16 bytes of salt, "$" and 32 bytes of hash.
 */


#include "writer/writer_hash.h"

#include "writer/writer_log.h"

#include "core/keepers_keyring.h"
#include "core/keepers_text.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>


/*
 * More than this a stored hash may cost only if the configuration asks for
 * more: 256 MiB, and passes over 1 GiB in all, which take a second or two.
 */
#define WRITER_HASH_MEMORY_KIB  262144
#define WRITER_HASH_WORK_KIB    1048576

#define WRITER_HASH_VERSION     19
#define WRITER_HASH_SALT_TEXT   22
#define WRITER_HASH_TEXT        43

#define WRITER_HASH_BASE64                                                    \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


_Static_assert(WRITER_HASH_TEXT_MAX >= crypto_pwhash_STRBYTES, "hash");


static bool writer_hash_bounded(const writer_conf_t *conf,
    const char *stored);
static bool writer_hash_cost(const char *stored, uint64_t *memory_kib,
    uint64_t *passes);
static const char *writer_hash_number(const char *p, const char *name,
    uint64_t *n);
static const char *writer_hash_base64(const char *p, size_t len);


/* Set before any thread runs, then only read. */
static char  writer_hash_nobody[WRITER_HASH_TEXT_MAX];


bool
writer_hash_init(const writer_conf_t *conf)
{
    unsigned char  random[16];

    keepers_random(random, sizeof(random));

    return writer_hash_make(conf, keepers_str(random, sizeof(random)),
                            writer_hash_nobody);
}


bool
writer_hash_make(const writer_conf_t *conf, keepers_str_t password,
    char hash[WRITER_HASH_TEXT_MAX])
{
    memset(hash, 0, WRITER_HASH_TEXT_MAX);

    return crypto_pwhash_str_alg(hash, (const char *) password.data,
                                 password.len, conf->argon2_passes,
                                 (size_t) conf->argon2_memory_kib * 1024,
                                 crypto_pwhash_ALG_ARGON2ID13)
           == 0;
}


int
writer_hash_check(const writer_conf_t *conf, const char *stored,
    keepers_str_t password)
{
    bool  known, right;

    known = stored != NULL && writer_hash_bounded(conf, stored);

    errno = 0;

    right = crypto_pwhash_str_verify(known ? stored : writer_hash_nobody,
                                     (const char *) password.data,
                                     password.len)
            == 0;

    if (!right && errno == ENOMEM) {
        writer_log(WRITER_LOG_ERROR, "memory", "what=argon2 "
                   "setting=\"[argon2] threads\" remedy=\"lower it\"");
        return WRITER_FAULT;
    }

    return known && right ? WRITER_OK : WRITER_NONE;
}


/* False with a line in the log, which names nobody. */
static bool
writer_hash_bounded(const writer_conf_t *conf, const char *stored)
{
    uint64_t  memory_kib, passes, memory_max, work_max;

    memory_kib = 0;
    passes = 0;

    memory_max = conf->argon2_memory_kib > WRITER_HASH_MEMORY_KIB
                 ? conf->argon2_memory_kib : WRITER_HASH_MEMORY_KIB;
    work_max = conf->argon2_memory_kib * conf->argon2_passes;
    work_max = work_max > WRITER_HASH_WORK_KIB ? work_max
                                               : WRITER_HASH_WORK_KIB;

    if (writer_hash_cost(stored, &memory_kib, &passes)
        && memory_kib <= memory_max
        && passes <= work_max / memory_kib)
    {
        return true;
    }

    writer_log(WRITER_LOG_ERROR, "stored_hash", "memory_kib=%llu passes=%llu "
               "remedy=\"give the account a new password\"",
               (unsigned long long) memory_kib, (unsigned long long) passes);

    return false;
}


/* False: it is no hash that writer_hash_make() has made. */
static bool
writer_hash_cost(const char *stored, uint64_t *memory_kib, uint64_t *passes)
{
    uint64_t     version, lanes;
    const char  *p;

    p = writer_hash_number(stored, "$argon2id$v=", &version);
    p = writer_hash_number(p, "$m=", memory_kib);
    p = writer_hash_number(p, ",t=", passes);
    p = writer_hash_number(p, ",p=", &lanes);
    p = writer_hash_base64(p, WRITER_HASH_SALT_TEXT);
    p = writer_hash_base64(p, WRITER_HASH_TEXT);

    return p != NULL && *p == '\0' && version == WRITER_HASH_VERSION
           && *memory_kib != 0 && lanes == 1;
}


/* What is behind the number; NULL: none of that name is there. */
static const char *
writer_hash_number(const char *p, const char *name, uint64_t *n)
{
    size_t  len;

    if (p == NULL || strncmp(p, name, strlen(name)) != 0) {
        return NULL;
    }

    p += strlen(name);
    len = strspn(p, "0123456789");

    return keepers_text_uint(keepers_str(p, len), n) ? p + len : NULL;
}


static const char *
writer_hash_base64(const char *p, size_t len)
{
    if (p == NULL || *p != '$' || strspn(p + 1, WRITER_HASH_BASE64) != len) {
        return NULL;
    }

    return p + 1 + len;
}
