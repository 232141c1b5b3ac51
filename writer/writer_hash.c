
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

#include <sodium.h>
#include <string.h>


/*
 * More than this a stored hash may cost only if the configuration asks for
 * more: 256 MiB, and passes over 1 GiB in all, which take a second or two.
 */
#define WRITER_HASH_MEMORY_KIB  262144
#define WRITER_HASH_WORK_KIB    1048576

#define WRITER_HASH_VERSION     19

/* crypto_pwhash() takes no less */
#define WRITER_HASH_MIN_KIB     (crypto_pwhash_MEMLIMIT_MIN / 1024)


_Static_assert(WRITER_HASH_TEXT_MAX >= crypto_pwhash_STRBYTES, "hash");


typedef struct {
    uint64_t       memory_kib;
    uint64_t       passes;
    unsigned char  salt[crypto_pwhash_SALTBYTES];
    unsigned char  hash[KEEPERS_HASH_LEN];
} writer_hash_t;


static bool writer_hash_read(const char *stored, writer_hash_t *hash);
static const char *writer_hash_number(const char *p, const char *name,
    uint64_t *n);
static const char *writer_hash_bytes(const char *p, unsigned char *bytes,
    size_t len);
static bool writer_hash_bounded(const writer_conf_t *conf,
    const writer_hash_t *hash);


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


/* Not crypto_pwhash_str_verify(), to which no memory is a wrong password. */
int
writer_hash_check(const writer_conf_t *conf, const char *stored,
    keepers_str_t password)
{
    bool           known, right;
    writer_hash_t  hash;
    unsigned char  made[KEEPERS_HASH_LEN];

    known = stored != NULL
            && writer_hash_read(stored, &hash)
            && writer_hash_bounded(conf, &hash);

    if (stored != NULL && !known) {
        writer_log(WRITER_LOG_ERROR, "stored_hash",
                   "remedy=\"give the account a new password\"");
    }

    if ((!known && !writer_hash_read(writer_hash_nobody, &hash))
        || crypto_pwhash(made, sizeof(made), (const char *) password.data,
                         password.len, hash.salt, hash.passes,
                         (size_t) hash.memory_kib * 1024,
                         crypto_pwhash_ALG_ARGON2ID13)
           != 0)
    {
        writer_log(WRITER_LOG_ERROR, "memory", "what=argon2 "
                   "setting=\"[argon2] threads\" remedy=\"lower it\"");
        return WRITER_FAULT;
    }

    right = keepers_equal(made, hash.hash, sizeof(made));

    keepers_wipe(made, sizeof(made));
    keepers_wipe(&hash, sizeof(hash));

    return known && right ? WRITER_OK : WRITER_NONE;
}


/* False: it is no hash that writer_hash_make() has made. */
static bool
writer_hash_read(const char *stored, writer_hash_t *hash)
{
    uint64_t     version, lanes;
    const char  *p;

    p = writer_hash_number(stored, "$argon2id$v=", &version);
    p = writer_hash_number(p, "$m=", &hash->memory_kib);
    p = writer_hash_number(p, ",t=", &hash->passes);
    p = writer_hash_number(p, ",p=", &lanes);
    p = writer_hash_bytes(p, hash->salt, sizeof(hash->salt));
    p = writer_hash_bytes(p, hash->hash, sizeof(hash->hash));

    return p != NULL && *p == '\0' && version == WRITER_HASH_VERSION
           && lanes == 1;
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


/* What is behind "$" and exactly so many bytes. */
static const char *
writer_hash_bytes(const char *p, unsigned char *bytes, size_t len)
{
    size_t       n;
    const char  *end;

    if (p == NULL || *p != '$') {
        return NULL;
    }

    /* what is no base64 ends it, and too much is a fault */

    if (sodium_base642bin(bytes, len, p + 1, strlen(p + 1), NULL, &n, &end,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING)
        != 0)
    {
        return NULL;
    }

    return n == len ? end : NULL;
}


static bool
writer_hash_bounded(const writer_conf_t *conf, const writer_hash_t *hash)
{
    uint64_t  memory_max, work_max;

    memory_max = conf->argon2_memory_kib > WRITER_HASH_MEMORY_KIB
                 ? conf->argon2_memory_kib : WRITER_HASH_MEMORY_KIB;
    work_max = conf->argon2_memory_kib * conf->argon2_passes;
    work_max = work_max > WRITER_HASH_WORK_KIB ? work_max
                                               : WRITER_HASH_WORK_KIB;

    return hash->memory_kib >= WRITER_HASH_MIN_KIB
           && hash->memory_kib <= memory_max
           && hash->passes != 0
           && hash->passes <= work_max / hash->memory_kib;
}
