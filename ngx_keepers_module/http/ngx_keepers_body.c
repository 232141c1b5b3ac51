
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_body.h"

#include "core/keepers_form.h"
#include "core/keepers_json.h"
#include "core/keepers_keyring.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_residue.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_BODY_HEAP   16384       /* of keepers_json_read() */
#define NGX_KEEPERS_BODY_SHORT  1024        /* nearly all are shorter */


typedef struct {
    size_t    size;
    u_char    data[];
} ngx_keepers_secret_t;


typedef struct {
    ngx_event_t                       timer;
    ngx_http_client_body_handler_pt   handler;
} ngx_keepers_body_time_t;


static ngx_uint_t ngx_keepers_body_is(ngx_str_t type, ngx_str_t name);
static void ngx_keepers_body_read_done(ngx_http_request_t *r);
static void ngx_keepers_body_late(ngx_event_t *ev);
static void ngx_keepers_body_time_end(void *data);
static void ngx_keepers_secret_wipe(void *data);


/* Of whoever reads a body just now; the reader leaves nothing in it. */
static u_char  ngx_keepers_body_heap[NGX_KEEPERS_BODY_HEAP
                                     + 4 * NGX_KEEPERS_BODY_SHORT];


void
ngx_keepers_body_conf(ngx_conf_t *cf, size_t size)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /*
     * nginx spills a body into a file when it is larger than its buffer, or
     * when it is told to: nothing of a person may stand in a file.
     */

    clcf->client_body_in_file_only = 0;
    clcf->client_body_in_single_buffer = 1;
    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            size);

    /* chunked bodies have no length to look at before they are read */

    clcf->client_max_body_size = (off_t) size;
}


ngx_keepers_body_type_e
ngx_keepers_body_type(ngx_http_request_t *r)
{
    u_char           *p, *end;
    ngx_str_t         type;
    ngx_table_elt_t  *h;

    static const ngx_str_t  form =
        ngx_string("application/x-www-form-urlencoded");
    static const ngx_str_t  json = ngx_string("application/json");

    h = r->headers_in.content_type;

    if (h == NULL) {
        return NGX_KEEPERS_BODY_OTHER;
    }

    type = h->value;
    end = type.data + type.len;

    for (p = type.data; p < end && *p != ';' && *p != ' '; p++) { /* void */ }

    type.len = p - type.data;

    if (p < end
        && ngx_strlcasestrn(p, end, (u_char *) "charset=", 8 - 1) != NULL
        && ngx_strlcasestrn(p, end, (u_char *) "utf-8", 5 - 1) == NULL)
    {
        return NGX_KEEPERS_BODY_OTHER;
    }

    if (ngx_keepers_body_is(type, form)) {
        return NGX_KEEPERS_BODY_FORM;
    }

    if (ngx_keepers_body_is(type, json)) {
        return NGX_KEEPERS_BODY_JSON;
    }

    return NGX_KEEPERS_BODY_OTHER;
}


/* As everybody writes it, or in other letters. */

static ngx_uint_t
ngx_keepers_body_is(ngx_str_t type, ngx_str_t name)
{
    return type.len == name.len
           && (ngx_memcmp(type.data, name.data, name.len) == 0
               || ngx_strncasecmp(type.data, name.data, name.len) == 0);
}


ngx_int_t
ngx_keepers_body_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler)
{
    ngx_int_t                  rc;
    ngx_http_cleanup_t        *cln;
    ngx_keepers_body_time_t   *time;
    ngx_http_core_loc_conf_t  *clcf;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_keepers_body_time_t));

    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    time = cln->data;

    ngx_memzero(time, sizeof(ngx_keepers_body_time_t));

    time->timer.handler = ngx_keepers_body_late;
    time->timer.data = r;
    time->timer.log = r->connection->log;
    time->handler = handler;

    cln->handler = ngx_keepers_body_time_end;

    ngx_keepers_residue_preread(r);

    rc = ngx_http_read_client_request_body(r, ngx_keepers_body_read_done);

    /* most bodies come with their header, and need no timer */

    if (rc == NGX_AGAIN) {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
        ngx_add_timer(&time->timer, clcf->client_body_timeout);
    }

    return rc;
}


static void
ngx_keepers_body_read_done(ngx_http_request_t *r)
{
    ngx_http_cleanup_t       *cln;
    ngx_keepers_body_time_t  *time;

    for (cln = r->cleanup; cln != NULL; cln = cln->next) {

        if (cln->handler == ngx_keepers_body_time_end) {
            time = cln->data;

            ngx_keepers_body_time_end(time);
            time->handler(r);
            return;
        }
    }

    ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
}


/* As nginx ends a request whose body stands still. */

static void
ngx_keepers_body_late(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    c->timedout = 1;

    ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
    ngx_http_run_posted_requests(c);
}


static void
ngx_keepers_body_time_end(void *data)
{
    ngx_keepers_body_time_t  *time;

    time = data;

    if (time->timer.timer_set) {
        ngx_del_timer(&time->timer);
    }
}


ngx_int_t
ngx_keepers_body_take(ngx_http_request_t *r, size_t size, keepers_str_t *body)
{
    u_char       *p, *start;
    off_t         len;
    ngx_chain_t  *cl;

    *body = keepers_str(NULL, 0);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {

        if (!ngx_buf_in_memory(cl->buf) && ngx_buf_size(cl->buf) != 0) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }

        len += ngx_buf_size(cl->buf);
    }

    if (len > (off_t) size) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    start = ngx_keepers_secret_alloc(r, (size_t) len + 1);

    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {

        /* the last buffer may be one without memory */

        if (cl->buf->pos != cl->buf->last) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }
    }

    *body = keepers_str(start, p - start);

    return NGX_OK;
}


ngx_int_t
ngx_keepers_body_fields(ngx_http_request_t *r, keepers_str_t body,
    ngx_keepers_body_type_e type, keepers_fieldset_t *set, int *fault)
{
    void           *heap, *values;
    size_t          size;
    keepers_out_t   arena;

    values = ngx_keepers_secret_alloc(r, body.len + 1);

    if (values == NULL) {
        return NGX_ERROR;
    }

    keepers_out_init(&arena, values, body.len + 1);

    if (type == NGX_KEEPERS_BODY_FORM) {
        *fault = keepers_form_read(body, set, &arena);

    } else {
        size = NGX_KEEPERS_BODY_HEAP + 4 * body.len;
        heap = ngx_keepers_body_heap;

        if (size > sizeof(ngx_keepers_body_heap)) {
            heap = ngx_palloc(r->pool, size);

            if (heap == NULL) {
                return NGX_ERROR;
            }
        }

        *fault = keepers_json_read(body, set, &arena, heap, size);

        /* wiped by the reader: not once more, with all that it did not use */

        if (heap != ngx_keepers_body_heap) {
            (void) ngx_pfree(r->pool, heap);
        }
    }

    return *fault == KEEPERS_OK ? NGX_OK : NGX_DECLINED;
}


void *
ngx_keepers_secret_alloc(ngx_http_request_t *r, size_t size)
{
    ngx_pool_cleanup_t    *cln;
    ngx_keepers_secret_t  *secret;

    secret = ngx_palloc(r->pool, sizeof(ngx_keepers_secret_t) + size);
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (secret == NULL || cln == NULL) {
        return NULL;
    }

    secret->size = size;

    cln->handler = ngx_keepers_secret_wipe;
    cln->data = secret;

    return secret->data;
}


void
ngx_keepers_secret_cut(void *data, size_t size)
{
    ngx_keepers_secret_t  *secret;

    secret = (ngx_keepers_secret_t *)
                 ((u_char *) data - offsetof(ngx_keepers_secret_t, data));

    secret->size = size;
}


static void
ngx_keepers_secret_wipe(void *data)
{
    ngx_keepers_secret_t  *secret;

    secret = data;

    keepers_wipe(secret->data, secret->size);
}
