
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_conf.h"

#include "core/keepers_envelope.h"
#include "core/keepers_text.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define WRITER_CONF_SECRET_MAX  4096


typedef struct {
    const char  *section;
    const char  *key;
    const char  *fallback;      /* NULL: must be given */
    size_t       offset;
    uint64_t     min;           /* numbers only: max != 0 */
    uint64_t     max;
} writer_conf_key_t;


static int writer_conf_ini(void *data, const char *section, const char *key,
    const char *value);
static int writer_conf_set(writer_conf_t *conf, const writer_conf_key_t *k,
    const char *value, const char *from);
static int writer_conf_secret(writer_conf_t *conf, const char *what,
    const char *path, char *to, size_t size);
static int writer_conf_password(writer_conf_t *conf, const char *what,
    const char *path, char password[WRITER_CONF_TEXT_MAX]);
static int writer_conf_environment(writer_conf_t *conf);
static int writer_conf_ring(writer_conf_t *conf, const char *key,
    const char *path, keepers_keyring_t **ring);


#define writer_conf_text(section, key, fallback, field)                       \
    { section, key, fallback, offsetof(writer_conf_t, field), 0, 0 }

#define writer_conf_number(section, key, fallback, field, min, max)           \
    { section, key, fallback, offsetof(writer_conf_t, field), min, max }


static const writer_conf_key_t  writer_conf_table[] = {
    writer_conf_text("writer", "socket", NULL, socket),
    writer_conf_text("writer", "keys", NULL, keys),
    writer_conf_text("writer", "key", NULL, key),
    writer_conf_text("writer", "master", NULL, master),
    writer_conf_text("writer", "log", "stderr", log),
    writer_conf_text("store", "database", NULL, database),
    writer_conf_number("store", "log_mib", "64", log_mib, 1, 4096),
    writer_conf_text("redis", "socket", "", redis_socket),
    writer_conf_text("redis", "host", "", redis_host),
    writer_conf_text("redis", "sentinel", "", redis_sentinel),
    writer_conf_text("redis", "sentinel_user", "", redis_sentinel_user),
    writer_conf_text("redis", "sentinel_password_file", "",
                     redis_sentinel_password_file),
    writer_conf_number("redis", "port", "6379", redis_port, 1, 65535),
    writer_conf_number("redis", "tls", "0", redis_tls, 0, 1),
    writer_conf_text("redis", "tls_ca", "", redis_tls_ca),
    writer_conf_text("redis", "tls_name", "", redis_tls_name),
    writer_conf_text("redis", "tls_cert", "", redis_tls_cert),
    writer_conf_text("redis", "tls_key", "", redis_tls_key),
    writer_conf_text("redis", "user", "", redis_user),
    writer_conf_text("redis", "password_file", "", redis_password_file),
    writer_conf_text("redis", "prefix", "keepers:", redis_prefix),
    writer_conf_text("mail", "url", "", mail_url),
    writer_conf_text("mail", "from", "", mail_from),
    writer_conf_text("mail", "folder", "", mail_folder),
    writer_conf_text("mail", "smtp", "", mail_smtp),
    writer_conf_number("mail", "smtp_tls", "1", mail_smtp_tls, 0, 1),
    writer_conf_text("mail", "smtp_ca", "", mail_smtp_ca),
    writer_conf_text("mail", "smtp_user", "", mail_smtp_user),
    writer_conf_text("mail", "smtp_password_file", "",
                     mail_smtp_password_file),
    writer_conf_number("mail", "smtp_timeout_s", "20", mail_smtp_timeout_s, 1,
                       300),
    writer_conf_text("passkeys", "rp_id", "", passkey_rp_id),
    writer_conf_text("passkeys", "origins", "", passkey_origins),
    writer_conf_number("argon2", "memory_kib", "65536", argon2_memory_kib,
                       8192, 4194304),
    writer_conf_number("argon2", "passes", "2", argon2_passes, 1, 100),
    writer_conf_number("argon2", "threads", "2", argon2_threads, 1, 16),
    writer_conf_number("argon2", "queue", "64", argon2_queue, 1, 4096)
};

#define WRITER_CONF_KEYS                                                      \
    (sizeof(writer_conf_table) / sizeof(writer_conf_table[0]))


int
writer_conf_read(writer_conf_t *conf, const char *path)
{
    int                       rc;
    size_t                    i;
    const writer_conf_key_t  *k;

    memset(conf, 0, sizeof(*conf));

    for (i = 0; i < WRITER_CONF_KEYS; i++) {
        k = &writer_conf_table[i];

        if (k->fallback != NULL
            && writer_conf_set(conf, k, k->fallback, "default") != 0)
        {
            return -1;
        }
    }

    rc = ini_parse(path, writer_conf_ini, conf);

    if (rc == -1) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "cannot open the configuration \"%s\": %s; give its path "
                 "with --config", path, strerror(errno));
        return -1;
    }

    if (rc != 0) {
        if (conf->fault[0] == '\0') {
            snprintf(conf->fault, sizeof(conf->fault),
                     "line %d of \"%s\" is neither \"[section]\" nor "
                     "\"key = value\"", rc, path);
        }

        return -1;
    }

    if (writer_conf_environment(conf) != 0) {
        return -1;
    }

    for (i = 0; i < WRITER_CONF_KEYS; i++) {
        k = &writer_conf_table[i];

        if (k->fallback == NULL && *((char *) conf + k->offset) == '\0') {
            snprintf(conf->fault, sizeof(conf->fault),
                     "[%s] %s is missing in \"%s\": add \"%s = PATH\" to the "
                     "section [%s]", k->section, k->key, path, k->key,
                     k->section);
            return -1;
        }
    }

    return 0;
}


static int
writer_conf_ini(void *data, const char *section, const char *key,
    const char *value)
{
    size_t                    i;
    writer_conf_t            *conf;
    const writer_conf_key_t  *k;

    conf = data;

    if (conf->fault[0] != '\0') {
        return 0;
    }

    for (i = 0; i < WRITER_CONF_KEYS; i++) {
        k = &writer_conf_table[i];

        if (strcmp(k->section, section) == 0 && strcmp(k->key, key) == 0) {
            return writer_conf_set(conf, k, value, "file") == 0;
        }
    }

    snprintf(conf->fault, sizeof(conf->fault),
             "[%.64s] %.64s is no setting of the writer: remove it or correct "
             "its spelling", section, key);

    return 0;
}


static int
writer_conf_set(writer_conf_t *conf, const writer_conf_key_t *k,
    const char *value, const char *from)
{
    size_t         len;
    uint64_t       n;
    unsigned char *to;

    to = (unsigned char *) conf + k->offset;
    len = strlen(value);

    if (k->max == 0) {
        if (len >= WRITER_CONF_TEXT_MAX) {
            snprintf(conf->fault, sizeof(conf->fault),
                     "[%s] %s (%s) is longer than %d bytes: shorten it",
                     k->section, k->key, from, WRITER_CONF_TEXT_MAX - 1);
            return -1;
        }

        memcpy(to, value, len + 1);
        return 0;
    }

    if (!keepers_text_uint(keepers_str(value, len), &n)
        || n < k->min || n > k->max)
    {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[%s] %s (%s) is \"%.32s\": give a whole number from %llu to "
                 "%llu", k->section, k->key, from, value,
                 (unsigned long long) k->min, (unsigned long long) k->max);
        return -1;
    }

    memcpy(to, &n, sizeof(n));

    return 0;
}


static int
writer_conf_environment(writer_conf_t *conf)
{
    char         name[96], *p;
    size_t       i;
    const char  *value;

    for (i = 0; i < WRITER_CONF_KEYS; i++) {
        snprintf(name, sizeof(name), "KEEPERS_WRITER_%s_%s",
                 writer_conf_table[i].section, writer_conf_table[i].key);

        for (p = name; *p != '\0'; p++) {
            if (*p >= 'a' && *p <= 'z') {
                *p -= 'a' - 'A';
            }
        }

        value = getenv(name);

        if (value != NULL
            && writer_conf_set(conf, &writer_conf_table[i], value, name) != 0)
        {
            return -1;
        }
    }

    return 0;
}


int
writer_conf_keys(writer_conf_t *conf)
{
    int   rc;
    char  text[WRITER_CONF_SECRET_MAX];
    bool  ok;

    if (strcmp(conf->log, "stderr") != 0) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[writer] log is \"%.64s\": only \"stderr\" is known; leave "
                 "files to the service manager", conf->log);
        return -1;
    }

    if (writer_conf_ring(conf, "keys", conf->keys, &conf->shared_ring) != 0
        || writer_conf_ring(conf, "master", conf->master, &conf->master_ring)
           != 0)
    {
        return -1;
    }

    rc = writer_conf_secret(conf, "[writer] key", conf->key, text,
                            sizeof(text));
    if (rc != 0) {
        return -1;
    }

    ok = keepers_envelope_key_read(keepers_str(text, strlen(text)),
                                   conf->secret);
    keepers_wipe(text, sizeof(text));

    if (!ok) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[writer] key: \"%s\" is not one line of base64 of 32 bytes: "
                 "make it with \"keepers-writer keygen\"", conf->key);
        return -1;
    }

    if (writer_conf_password(conf, "[redis] password_file",
                             conf->redis_password_file, conf->redis_password)
        != 0)
    {
        return -1;
    }

    if (writer_conf_password(conf, "[redis] sentinel_password_file",
                             conf->redis_sentinel_password_file,
                             conf->redis_sentinel_password)
        != 0)
    {
        return -1;
    }

    return writer_conf_password(conf, "[mail] smtp_password_file",
                                conf->mail_smtp_password_file,
                                conf->mail_smtp_password);
}


/* The first line of a file, if one is named. */
static int
writer_conf_password(writer_conf_t *conf, const char *what, const char *path,
    char password[WRITER_CONF_TEXT_MAX])
{
    if (path[0] == '\0') {
        return 0;
    }

    if (writer_conf_secret(conf, what, path, password, WRITER_CONF_TEXT_MAX)
        != 0)
    {
        return -1;
    }

    password[strcspn(password, "\r\n")] = '\0';

    return 0;
}


static int
writer_conf_ring(writer_conf_t *conf, const char *key, const char *path,
    keepers_keyring_t **ring)
{
    int     rc;
    char    what[32], text[WRITER_CONF_SECRET_MAX];
    size_t  line;

    snprintf(what, sizeof(what), "[writer] %s", key);

    rc = writer_conf_secret(conf, what, path, text, sizeof(text));
    if (rc != 0) {
        return -1;
    }

    line = 0;
    rc = keepers_keyring_read(keepers_str(text, strlen(text)), ring, &line);
    keepers_wipe(text, sizeof(text));

    if (rc != KEEPERS_OK) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "%s: \"%s\", line %zu: %s; make it with \"keepers-writer "
                 "keygen\"", what, path, line, keepers_keyring_fault(rc));
        return -1;
    }

    keepers_keyring_lock(*ring);

    return 0;
}


/*
 * A secret file: regular, no access for group and others, at most "size" - 1
 * bytes; -1 with a fault that names "what".
 */
static int
writer_conf_secret(writer_conf_t *conf, const char *what, const char *path,
    char *to, size_t size)
{
    int          fd;
    size_t       len;
    ssize_t      n;
    struct stat  st;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NOCTTY);

    if (fd == -1) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "%s: cannot open \"%s\": %s; make it with \"keepers-writer "
                 "keygen\" or correct the path", what, path, strerror(errno));
        return -1;
    }

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)
        || (st.st_mode & 077) != 0)
    {
        snprintf(conf->fault, sizeof(conf->fault),
                 "%s: \"%s\" holds a secret and others can reach it (mode "
                 "%04o): chmod 600 it", what, path,
                 (unsigned) st.st_mode & 07777);
        close(fd);
        return -1;
    }

    len = 0;

    while (len < size) {
        n = read(fd, to + len, size - len);

        if (n <= 0) {
            break;
        }

        len += (size_t) n;
    }

    close(fd);

    if (len == 0 || len >= size) {
        keepers_wipe(to, size);
        snprintf(conf->fault, sizeof(conf->fault),
                 "%s: \"%s\" is %s: make it with \"keepers-writer keygen\"",
                 what, path, len == 0 ? "empty" : "too long to be a key file");
        return -1;
    }

    to[len] = '\0';

    return 0;
}


void
writer_conf_free(writer_conf_t *conf)
{
    if (conf->shared_ring != NULL) {
        keepers_keyring_free(conf->shared_ring);
    }

    if (conf->master_ring != NULL) {
        keepers_keyring_free(conf->master_ring);
    }

    keepers_wipe(conf, sizeof(*conf));
}
