
/*
 * Copyright (C) Keepers
 *
 * Seals what a person typed for the writer, who alone can open it.
 */


#ifndef _NGX_KEEPERS_SEAL_H_INCLUDED_
#define _NGX_KEEPERS_SEAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_out.h"


/*
 * The envelope of an encoded record, in memory of the request; the record is
 * the caller's to wipe.  NGX_OK; NGX_ERROR: no memory, or "plain" overflowed.
 */
ngx_int_t ngx_keepers_seal(ngx_http_request_t *r, const keepers_out_t *plain,
    keepers_str_t *envelope);


#endif /* _NGX_KEEPERS_SEAL_H_INCLUDED_ */
