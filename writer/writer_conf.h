
/*
 * Copyright (C) Keepers
 *
 * The writer's configuration: an INI file, each key of which an environment
 * variable KEEPERS_WRITER_<SECTION>_<KEY> overrides, and the key files it
 * names.
 */


#ifndef _WRITER_CONF_H_INCLUDED_
#define _WRITER_CONF_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_keyring.h"


#define WRITER_CONF_TEXT_MAX   256
#define WRITER_CONF_FAULT_MAX  640


typedef struct {
    char                socket[WRITER_CONF_TEXT_MAX];
    char                keys[WRITER_CONF_TEXT_MAX];
    char                key[WRITER_CONF_TEXT_MAX];
    char                master[WRITER_CONF_TEXT_MAX];
    char                log[WRITER_CONF_TEXT_MAX];
    char                database[WRITER_CONF_TEXT_MAX];
    char                redis_socket[WRITER_CONF_TEXT_MAX];   /* or empty */
    char                redis_host[WRITER_CONF_TEXT_MAX];     /* or empty */
    char                redis_sentinel[WRITER_CONF_TEXT_MAX]; /* or empty */
    char                redis_sentinel_user[WRITER_CONF_TEXT_MAX];
    char                redis_sentinel_password_file[WRITER_CONF_TEXT_MAX];
    char                redis_tls_ca[WRITER_CONF_TEXT_MAX];   /* or empty */
    char                redis_tls_name[WRITER_CONF_TEXT_MAX]; /* or empty */
    char                redis_tls_cert[WRITER_CONF_TEXT_MAX]; /* or empty */
    char                redis_tls_key[WRITER_CONF_TEXT_MAX];  /* or empty */
    char                redis_user[WRITER_CONF_TEXT_MAX];
    char                redis_password_file[WRITER_CONF_TEXT_MAX];
    char                redis_prefix[WRITER_CONF_TEXT_MAX];
    char                mail_url[WRITER_CONF_TEXT_MAX];       /* or no mail */
    char                mail_from[WRITER_CONF_TEXT_MAX];
    char                mail_folder[WRITER_CONF_TEXT_MAX];    /* or smtp */
    char                mail_smtp[WRITER_CONF_TEXT_MAX];      /* or empty */
    char                mail_smtp_ca[WRITER_CONF_TEXT_MAX];   /* or empty */
    char                mail_smtp_user[WRITER_CONF_TEXT_MAX]; /* or empty */
    char                mail_smtp_password_file[WRITER_CONF_TEXT_MAX];
    char                passkey_rp_id[WRITER_CONF_TEXT_MAX];  /* or empty */
    char                passkey_origins[WRITER_CONF_TEXT_MAX];

    uint64_t            log_mib;
    bool                mail_folder_made;     /* the default: by the writer */
    uint64_t            redis_port;
    uint64_t            redis_tls;                            /* 0 or 1 */
    uint64_t            mail_smtp_tls;                        /* 0 or 1 */
    uint64_t            mail_smtp_timeout_s;
    uint64_t            argon2_memory_kib;
    uint64_t            argon2_passes;
    uint64_t            argon2_threads;
    uint64_t            argon2_queue;

    /* what the files held; in guarded memory or wiped by writer_conf_free() */
    keepers_keyring_t  *shared_ring;
    keepers_keyring_t  *master_ring;
    unsigned char       secret[32];
    char                redis_password[WRITER_CONF_TEXT_MAX];
    char                mail_smtp_password[WRITER_CONF_TEXT_MAX];
    char                redis_sentinel_password[WRITER_CONF_TEXT_MAX];

    char                fault[WRITER_CONF_FAULT_MAX];     /* in words */
} writer_conf_t;


/* 0, or -1: conf->fault names section, key and remedy. */
int writer_conf_read(writer_conf_t *conf, const char *path);
int writer_conf_keys(writer_conf_t *conf);
void writer_conf_free(writer_conf_t *conf);


#endif /* _WRITER_CONF_H_INCLUDED_ */
