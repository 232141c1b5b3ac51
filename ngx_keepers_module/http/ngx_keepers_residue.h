
/*
 * Copyright (C) Keepers
 *
 * What a request leaves behind in a worker's memory: nginx gives it back to
 * the system's allocator as it is, or keeps it for the next request, and a
 * core file of a worker that has nothing to do would have it.
 */


#ifndef _NGX_KEEPERS_RESIDUE_H_INCLUDED_
#define _NGX_KEEPERS_RESIDUE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* Does the client send a body with it? */
#define ngx_keepers_residue_body(r)                                           \
    ((r)->headers_in.content_length_n > 0 || (r)->headers_in.chunked)


/*
 * Once the request is over, all memory that it had is wiped: its pool, what
 * the client's bytes were read into, and its copies on the stack; that of the
 * connection when it is closed.  May be called again.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_residue_add(ngx_http_request_t *r);

/*
 * Before a body is read: of HTTP/2, what has come already would be copied and
 * given back.  What has no start is nothing that ngx_pfree() finds.
 */
static ngx_inline void
ngx_keepers_residue_preread(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)

    if (r->stream != NULL && r->stream->preread != NULL) {
        r->stream->preread->start = NULL;
    }

#endif
}


/*
 * A header is secret, and wiped where it stands when the request is over.  It
 * stands elsewhere too where nginx had to copy it.
 */
static ngx_inline ngx_int_t
ngx_keepers_residue_header(ngx_http_request_t *r)
{
    if (r->stream == NULL && r->http_connection->busy == NULL) {
        return NGX_OK;
    }

    return ngx_keepers_residue_add(r);
}


/*
 * The answer has what the client wrote: it is not compressed, for zlib's
 * window is given back before the request is over.
 */
void ngx_keepers_residue_plain(ngx_http_request_t *r);

/* At the end of the configuration. */
ngx_int_t ngx_keepers_residue_init(ngx_conf_t *cf);

/* Log phase: requests that ended before any phase. */
ngx_int_t ngx_keepers_residue_log_handler(ngx_http_request_t *r);


#endif /* _NGX_KEEPERS_RESIDUE_H_INCLUDED_ */
