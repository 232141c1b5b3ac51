
/*
 * Copyright (C) Keepers
 *
 * Key files, read while the configuration is loaded (as root, before workers
 * start), never later.
 */


#ifndef _NGX_KEEPERS_KEYFILE_H_INCLUDED_
#define _NGX_KEEPERS_KEYFILE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/keepers_keyring.h"


/*
 * Reads a key ring; refuses a file that others may read.  "file" becomes a
 * full name.  The ring is freed with the configuration.
 */
char *ngx_keepers_keyfile_ring(ngx_conf_t *cf, ngx_str_t *file,
    keepers_keyring_t **ring);

/* Reads the writer's public key, which is no secret. */
char *ngx_keepers_keyfile_writer(ngx_conf_t *cf, ngx_str_t *file,
    u_char key[KEEPERS_KEY_LEN]);

/* Frees a ring together with the configuration. */
char *ngx_keepers_keyfile_own(ngx_conf_t *cf, keepers_keyring_t *ring);


#endif /* _NGX_KEEPERS_KEYFILE_H_INCLUDED_ */
