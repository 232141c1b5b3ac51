
/*
 * Copyright (C) Keepers
 *
 * Small files that a directive names, read while the configuration is loaded
 * (as root, before workers start).
 */


#ifndef _NGX_KEEPERS_FILE_H_INCLUDED_
#define _NGX_KEEPERS_FILE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Reads all of a regular file of less than "size" bytes; one that holds a
 * secret must have mode 0600 or stricter.  "path" becomes a full name;
 * "advice" says where such a file comes from.  The number of bytes, or
 * NGX_ERROR, and the log says why.
 */
ssize_t ngx_keepers_file_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t secret, const char *advice, u_char *buf, size_t size);


#endif /* _NGX_KEEPERS_FILE_H_INCLUDED_ */
