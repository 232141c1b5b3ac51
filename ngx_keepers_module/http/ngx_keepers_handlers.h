
/*
 * Copyright (C) Keepers
 *
 * The handlers that the directive table and the phases know; each stands in
 * the file of its concern.
 */


#ifndef _NGX_KEEPERS_HANDLERS_H_INCLUDED_
#define _NGX_KEEPERS_HANDLERS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"

#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_wait.h"


/* phases */
ngx_int_t ngx_keepers_headers_handler(ngx_http_request_t *r); /* post-read */

/* server rewrite, rewrite */
ngx_int_t ngx_keepers_headers_internal_handler(ngx_http_request_t *r);

ngx_int_t ngx_keepers_access_handler(ngx_http_request_t *r);  /* access */
ngx_int_t ngx_keepers_guard_handler(ngx_http_request_t *r);   /* precontent */
ngx_int_t ngx_keepers_link_handler(ngx_http_request_t *r);    /* precontent */

/*
 * Decides the rules of a stage: the access phase calls it before the session
 * is looked up and once it is known, the signup phase and a sign-in when the
 * fields were read.  May be called again at any moment, and charges a request
 * once a rule.  NGX_OK: go on; NGX_AGAIN: waiting; else what the phase
 * returns.
 *
 * "wake" NULL: a phase, which runs again.  Else a content handler: "wake" goes
 * on when the answer is there, the request's count was raised for NGX_AGAIN,
 * and who is refused is answered by it: ctx->limit says so.
 */
ngx_int_t ngx_keepers_limit_check(ngx_http_request_t *r,
    ngx_keepers_limit_stage_e stage, ngx_keepers_wake_pt wake);

/* Gives back what rules that count failures reserved: the log phase. */
ngx_int_t ngx_keepers_limit_log_handler(ngx_http_request_t *r);

/* content */
ngx_int_t ngx_keepers_forward_handler(ngx_http_request_t *r);

/* What the writer says of a signup that another request took to it. */
ngx_int_t ngx_keepers_outcome_told(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_uint_t status);

ngx_int_t ngx_keepers_signin_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_password_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_step_up_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_forgot_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_reset_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_signout_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_sessions_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_thanks_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_page_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_spool_handler(ngx_http_request_t *r);
ngx_int_t ngx_keepers_status_handler(ngx_http_request_t *r);

/* what a request's limits tell the client; called at postconfiguration */
ngx_int_t ngx_keepers_limit_headers_init(ngx_conf_t *cf);

/* filters of the signup's answer; called at postconfiguration */
ngx_int_t ngx_keepers_outcome_init(ngx_conf_t *cf);

/* variables, those for the keys of limits, for probes and for the pages of a
 * sign-in and of a forgotten password too; called at preconfiguration */
ngx_int_t ngx_keepers_variables_add(ngx_conf_t *cf);
extern ngx_http_variable_t  ngx_keepers_limit_variables[];
extern ngx_http_variable_t  ngx_keepers_probe_variables[];
extern ngx_http_variable_t  ngx_keepers_page_variables[];
void ngx_keepers_variable_set(ngx_http_variable_value_t *v,
    keepers_str_t value);

/* setters of directives that stand with their handler */
char *ngx_keepers_thanks_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_template_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);            /* link, thanks, problem_template: by offset */
char *ngx_keepers_spool_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_page_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_limit_rule_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_keepers_limit_status_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_keepers_limit_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_status_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_KEEPERS_HANDLERS_H_INCLUDED_ */
