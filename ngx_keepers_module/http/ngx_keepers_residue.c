
/*
 * Copyright (C) Keepers
 *
 * A cleanup stands at the end of the list of a pool, not at its head, so that
 * all others have run: it may wipe what they point to, as nothing but
 * ngx_destroy_pool() looks at the pool after it.  That reads the heads of the
 * pool's blocks, and the list of large allocations, which lies in them; those
 * are given back here.
 *
 * When the pool of a request goes, the client's buffers are still there, as
 * far as this request is concerned; behind what it has read may stand the
 * next one.  All that is to be sent was sent, or never will be: nginx keeps a
 * request until then.
 */


#include "http/ngx_keepers_residue.h"

#if (NGX_HTTP_V2)
#include <ngx_http_v2_module.h>
#endif

#include <malloc.h>



/* deeper than a request goes, with its buffers for bodies that nobody wants */
#define NGX_KEEPERS_RESIDUE_STACK  32768

/* glibc's memset() takes its slow start beyond that */
#define NGX_KEEPERS_RESIDUE_PIECE  2048


typedef enum {
    NGX_KEEPERS_RESIDUE_REQUEST = 0,
    NGX_KEEPERS_RESIDUE_STREAM,         /* of HTTP/2: its headers */
    NGX_KEEPERS_RESIDUE_CONNECTION
} ngx_keepers_residue_e;


/* Lies in the pool that it wipes. */
typedef struct {
    ngx_pool_cleanup_t       cleanup;
    ngx_keepers_residue_e    kind;
    ngx_pool_t              *pool;
    ngx_http_request_t      *request;   /* of a request; else NULL */
} ngx_keepers_residue_t;


static ngx_int_t ngx_keepers_residue_pool(ngx_pool_t *pool,
    ngx_keepers_residue_e kind, ngx_http_request_t *r);
static void ngx_keepers_residue_wipe(void *data);
static void ngx_keepers_residue_client(ngx_http_request_t *r);
static void ngx_keepers_residue_client_headers(ngx_http_request_t *r);
static void ngx_keepers_residue_large(ngx_pool_t *pool, void *own);
static void ngx_keepers_residue_blocks(ngx_pool_t *pool);
static void ngx_keepers_residue_post(void);
static void ngx_keepers_residue_worker(ngx_event_t *ev);
static void ngx_keepers_residue_read(void);
static void ngx_keepers_residue_zero(u_char *p, size_t len);


static void             *(*volatile ngx_keepers_residue_set)(void *, int,
                                                              size_t) = memset;
static ngx_event_t       ngx_keepers_residue_event;
static ngx_pool_large_t  ngx_keepers_residue_own;


ngx_int_t
ngx_keepers_residue_add(ngx_http_request_t *r)
{
    r = r->main;

#if (NGX_HTTP_V2)

    if (r->stream != NULL && r->stream->pool != NULL
        && ngx_keepers_residue_pool(r->stream->pool,
                                    NGX_KEEPERS_RESIDUE_STREAM, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

#endif

    if (ngx_keepers_residue_pool(r->connection->pool,
                                 NGX_KEEPERS_RESIDUE_CONNECTION, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_keepers_residue_pool(r->pool, NGX_KEEPERS_RESIDUE_REQUEST, r);
}


void
ngx_keepers_residue_plain(ngx_http_request_t *r)
{
#if (NGX_HTTP_GZIP)

    r->gzip_tested = 1;
    r->gzip_ok = 0;

#endif
}


ngx_int_t
ngx_keepers_residue_init(ngx_conf_t *cf)
{
#if (NGX_HTTP_SSL && defined SSL_OP_CLEANSE_PLAINTEXT)

    ngx_uint_t                   i;
    ngx_http_ssl_srv_conf_t     *sscf;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;

    /* OpenSSL keeps what it has decrypted until more comes, or gives it back */

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        sscf = cscf[i]->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

        if (sscf->ssl.ctx != NULL) {
            SSL_CTX_set_options(sscf->ssl.ctx, SSL_OP_CLEANSE_PLAINTEXT);
        }
    }

#endif

    return NGX_OK;
}


/*
 * A client that left in the middle of its headers, or wrote them wrong, may
 * have sent a cookie before.
 */

ngx_int_t
ngx_keepers_residue_log_handler(ngx_http_request_t *r)
{
    return r->phase_handler == 0 ? ngx_keepers_residue_add(r) : NGX_OK;
}


static ngx_int_t
ngx_keepers_residue_pool(ngx_pool_t *pool, ngx_keepers_residue_e kind,
    ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     **last;
    ngx_keepers_residue_t   *residue;

    for (last = &pool->cleanup; *last != NULL; last = &(*last)->next) {

        if ((*last)->handler == ngx_keepers_residue_wipe) {
            return NGX_OK;
        }
    }

    residue = ngx_palloc(pool, sizeof(ngx_keepers_residue_t));

    if (residue == NULL) {
        return NGX_ERROR;
    }

    residue->cleanup.handler = ngx_keepers_residue_wipe;
    residue->cleanup.data = residue;
    residue->cleanup.next = NULL;
    residue->kind = kind;
    residue->pool = pool;
    residue->request = r;

    *last = &residue->cleanup;

    return NGX_OK;
}


static void
ngx_keepers_residue_wipe(void *data)
{
    ngx_pool_t             *pool;
    ngx_keepers_residue_t  *residue;

    residue = data;
    pool = residue->pool;

    if (residue->kind == NGX_KEEPERS_RESIDUE_REQUEST) {
        ngx_keepers_residue_client(residue->request);
    }

    if (residue->kind == NGX_KEEPERS_RESIDUE_CONNECTION
        || (residue->kind == NGX_KEEPERS_RESIDUE_REQUEST
            && ngx_keepers_residue_body(residue->request)))
    {
        ngx_keepers_residue_post();
    }

    /* that of a connection lies in its pool, and debugging logs once more */

    pool->log = ngx_cycle->log;

    ngx_keepers_residue_large(pool, residue);

    /* behind us, somebody who does as we do: what it needs is not touched */

    if (residue->cleanup.next == NULL) {
        ngx_keepers_residue_blocks(pool);
    }
}


static void
ngx_keepers_residue_client(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)

    ngx_buf_t         *b;
    ngx_connection_t  *c;

    c = r->connection;

    /* what is sent, and room; between may be other streams of HTTP/2 */

    if (c->ssl != NULL && c->ssl->buf != NULL && c->ssl->buf->start != NULL) {
        b = c->ssl->buf;

        ngx_keepers_residue_zero(b->start, b->pos - b->start);
        ngx_keepers_residue_zero(b->last, b->end - b->last);
    }

#endif

#if (NGX_HTTP_V2)

    /* its headers lie in its pools */

    if (r->stream != NULL) {
        return;
    }

#endif

    ngx_keepers_residue_client_headers(r);
}


/*
 * The request line and headers begin in the buffer of the connection; what has
 * no room in there is copied to larger ones, which become free again when the
 * next request was read along with this one: then that stands in header_in.
 */

static void
ngx_keepers_residue_client_headers(ngx_http_request_t *r)
{
    ngx_buf_t              *b;
    ngx_chain_t            *cl;
    ngx_http_connection_t  *hc;

    b = r->connection->buffer;
    hc = r->http_connection;

    if (r->header_in != NULL && r->header_in->pos != NULL) {
        ngx_keepers_residue_zero(r->header_in->start,
                                 r->header_in->pos - r->header_in->start);
    }

    if (b != NULL && b != r->header_in && b->pos != NULL) {
        ngx_keepers_residue_zero(b->start, b->end - b->start);
    }

    for (cl = hc->busy; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (b != r->header_in) {
            ngx_keepers_residue_zero(b->start, b->end - b->start);
        }
    }

    for (cl = hc->free; cl != NULL; cl = cl->next) {
        b = cl->buf;
        ngx_keepers_residue_zero(b->start, b->end - b->start);
    }
}


/*
 * nginx does not keep how long they are; the allocator knows.  With
 * NGX_DEBUG_PALLOC each piece of a pool is one, and so is "own", whose "next"
 * will be read: nginx is left to give it back, out of a list that is not in
 * it.
 */

static void
ngx_keepers_residue_large(ngx_pool_t *pool, void *own)
{
    ngx_pool_large_t  *large, *left;

    left = NULL;

    for (large = pool->large; large != NULL; large = large->next) {

        if (large->alloc == own) {
            left = &ngx_keepers_residue_own;
            left->alloc = own;
            left->next = NULL;

        } else if (large->alloc != NULL) {
            ngx_keepers_residue_zero(large->alloc,
                                     malloc_usable_size(large->alloc));
            ngx_free(large->alloc);
        }
    }

    pool->large = left;
}


static void
ngx_keepers_residue_blocks(ngx_pool_t *pool)
{
    u_char      *start;
    ngx_pool_t  *p;

    for (p = pool; p != NULL; p = p->d.next) {
        start = (u_char *) p
                + (p == pool ? sizeof(ngx_pool_t) : sizeof(ngx_pool_data_t));

        ngx_keepers_residue_zero(start, p->d.last - start);
    }
}


/* Once a turn of the event loop, however many requests ended in it. */

static void
ngx_keepers_residue_post(void)
{
    ngx_event_t  *ev;

    ev = &ngx_keepers_residue_event;

    ev->handler = ngx_keepers_residue_worker;
    ev->log = ngx_cycle->log;

    ngx_post_event(ev, &ngx_posted_events);
}


/*
 * Called by the event loop, hence above all that requests had on the stack:
 * nginx throws bodies away there, and libraries leave what they computed.
 */

static void
ngx_keepers_residue_worker(ngx_event_t *ev)
{
    u_char  stack[NGX_KEEPERS_RESIDUE_STACK];

    ngx_keepers_residue_zero(stack, sizeof(stack));

    ngx_keepers_residue_read();
}


/* All connections of HTTP/2 read into one buffer, and keep nothing there. */

static void
ngx_keepers_residue_read(void)
{
#if (NGX_HTTP_V2)

    ngx_http_v2_main_conf_t  *h2mcf;

    h2mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle, ngx_http_v2_module);

    if (h2mcf != NULL && h2mcf->recv_buffer != NULL) {
        ngx_keepers_residue_zero(h2mcf->recv_buffer,
                                 h2mcf->recv_buffer_size);
    }

#endif
}


/*
 * As keepers_wipe(), in pieces for which memset() uses vectors: for longer ones
 * it takes an instruction that is slow to start, and so does the compiler if it
 * knows what is called.
 */

static void
ngx_keepers_residue_zero(u_char *p, size_t len)
{
    size_t  n;
    void   *(*set)(void *, int, size_t);

    set = ngx_keepers_residue_set;

    for ( /* void */ ; len > 0; p += n, len -= n) {
        n = ngx_min(len, NGX_KEEPERS_RESIDUE_PIECE);

        set(p, 0, n);
    }
}
