
/*
 * Copyright (C) Keepers
 *
 * Asks the writer through an internal location: a subrequest with a body in
 * memory, whose answer stays in memory.
 */


#ifndef _NGX_KEEPERS_ASK_H_INCLUDED_
#define _NGX_KEEPERS_ASK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "http/ngx_keepers_ctx.h"


/* Goes on with the main request; what it returns finalizes it. */
typedef ngx_int_t (*ngx_keepers_asked_pt)(ngx_http_request_t *r,
    ngx_keepers_ask_t *ask);


struct ngx_keepers_ask_s {
    ngx_keepers_asked_pt    done;
    void                   *data;       /* of the owner */
    ngx_uint_t              status;     /* of the writer; 0: none came */
    keepers_str_t           answer;     /* its body; a view */
    unsigned                answered:1;
};


/*
 * POSTs "body" (memory of the request) to the internal location "uri".  To be
 * called where what is returned finalizes the request.  NGX_OK: "done" will be
 * called, and the request's count was raised: return NGX_DONE; NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_keepers_ask(ngx_http_request_t *r, ngx_keepers_ask_t *ask,
    const ngx_str_t *uri, keepers_str_t body);


#endif /* _NGX_KEEPERS_ASK_H_INCLUDED_ */
