
/*
 * Copyright (C) Keepers
 *
 * The directive "bench_ok": the smallest answer of the content phase.  nginx
 * has none of its own: "return" answers before the access phase, and
 * "empty_gif" writes a Last-Modified header, which costs as much as half of a
 * session check.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


static ngx_int_t ngx_bench_handler(ngx_http_request_t *r);
static char *ngx_bench_ok(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


static ngx_command_t  ngx_bench_commands[] = {

    { ngx_string("bench_ok"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_bench_ok,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_bench_module_ctx = {
    NULL,                               /* preconfiguration */
    NULL,                               /* postconfiguration */

    NULL,                               /* create main configuration */
    NULL,                               /* init main configuration */

    NULL,                               /* create server configuration */
    NULL,                               /* merge server configuration */

    NULL,                               /* create location configuration */
    NULL                                /* merge location configuration */
};


static ngx_module_t  ngx_bench_module = {
    NGX_MODULE_V1,
    &ngx_bench_module_ctx,              /* module context */
    ngx_bench_commands,                 /* module directives */
    NGX_HTTP_MODULE,                    /* module type */
    NULL,                               /* init master */
    NULL,                               /* init module */
    NULL,                               /* init process */
    NULL,                               /* init thread */
    NULL,                               /* exit thread */
    NULL,                               /* exit process */
    NULL,                               /* exit master */
    NGX_MODULE_V1_PADDING
};


/* What nginx looks for in a module's file, and its own build would add. */

extern ngx_module_t  *ngx_modules[];
extern char  *ngx_module_names[];
extern char  *ngx_module_order[];

ngx_module_t *ngx_modules[] = { &ngx_bench_module, NULL };
char *ngx_module_names[] = { (char *) "ngx_bench_module", NULL };
char *ngx_module_order[] = { NULL };


static ngx_int_t
ngx_bench_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  type;
    ngx_http_complex_value_t   body;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&body, sizeof(body));
    ngx_str_set(&body.value, "ok\n");
    ngx_str_set(&type, "text/plain");

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &body);
}


static char *
ngx_bench_ok(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_bench_handler;

    return NGX_CONF_OK;
}
