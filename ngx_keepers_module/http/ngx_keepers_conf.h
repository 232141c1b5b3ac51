
/*
 * Copyright (C) Keepers
 *
 * Types of the configuration, constant once loaded; the functions that make
 * them are in ngx_keepers_conf.c.
 */


#ifndef _NGX_KEEPERS_CONF_H_INCLUDED_
#define _NGX_KEEPERS_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_keyring.h"
#include "core/keepers_language.h"
#include "core/keepers_page.h"
#include "core/keepers_rate.h"
#include "http/ngx_keepers_shm.h"
#include "http/ngx_keepers_value.h"
#include "redis/ngx_keepers_redis.h"


#define NGX_KEEPERS_LIMITS_MAX  8       /* rules of one location */


typedef enum {
    NGX_KEEPERS_SESSION_OFF = 0,
    NGX_KEEPERS_SESSION_OPTIONAL,
    NGX_KEEPERS_SESSION_REQUIRED
} ngx_keepers_session_mode_e;


typedef enum {
    NGX_KEEPERS_STATUS_OFF = 0,
    NGX_KEEPERS_STATUS_ASKED,           /* a page for a person, else text */
    NGX_KEEPERS_STATUS_PROMETHEUS,
    NGX_KEEPERS_STATUS_JSON
} ngx_keepers_status_format_e;


/* When a rule can be decided: when what its key and its cost name is known. */
typedef enum {
    NGX_KEEPERS_LIMIT_EARLY = 0,            /* before anything was looked up */
    NGX_KEEPERS_LIMIT_SESSION,
    NGX_KEEPERS_LIMIT_SIGNUP,               /* of a link: its fields are read */
    NGX_KEEPERS_LIMIT_LATER,                /* early, but asked with those */
    NGX_KEEPERS_LIMIT_SIGNIN                /* the same, of a sign-in */
} ngx_keepers_limit_stage_e;


/* What becomes of a request that a rule has no room for. */
typedef enum {
    NGX_KEEPERS_LIMIT_ENFORCE = 0,          /* refused */
    NGX_KEEPERS_LIMIT_SHADOW,               /* nothing */
    NGX_KEEPERS_LIMIT_TAP,                  /* a signup: one more tap */
    NGX_KEEPERS_LIMIT_HOLD                  /* a signup: held */
} ngx_keepers_limit_mode_e;


/* A rule of "keepers_limit_rule". */
typedef struct ngx_keepers_limit_rule_s  ngx_keepers_limit_rule_t;

/* A key as bytes, with no memory of its own; empty: there is none. */
typedef keepers_str_t (*ngx_keepers_limit_bytes_pt)(ngx_http_request_t *r);

struct ngx_keepers_limit_rule_s {
    ngx_str_t                  name;
    ngx_keepers_value_t       *key;
    ngx_keepers_limit_bytes_pt bytes;       /* in place of "key", or NULL */
    size_t                     net;         /* the key is so much of the
                                               client's address; 0: "key" */
    ngx_keepers_value_t       *condition;   /* if=; NULL: always */
    keepers_rate_t             rate;
    keepers_rate_t             share;       /* of this machine, without Redis */
    ngx_uint_t                 number;      /* in limit_rules */
    ngx_keepers_shm_rule_t    *counters;
    ngx_keepers_limit_mode_e   mode;
    ngx_keepers_limit_stage_e  stage;
    ngx_keepers_limit_rule_t  *wide;        /* the key names the client: its
                                               /48, if it is one of IPv6 */
    unsigned                   failures:1;  /* an answer < 400 is refunded */
    unsigned                   used:1;      /* by a "keepers_limit" */

    /* what is said of it in every request, as text: to Redis, encoded */
    keepers_str_t              before;      /* its key, up to the hash */
    keepers_str_t              behind;      /* from the hash on */
    keepers_str_t              bounds;      /* interval, tolerance, in us */
    keepers_str_t              charge;      /* these, cost 1, its mode */
    keepers_str_t              alone;       /* behind the hash, and charge */
    keepers_str_t              policy;      /* "name";q=20;w=20 */
    keepers_str_t              remains;     /* "name";r= */
};


/* A "keepers_limit" of a location. */
typedef struct {
    ngx_keepers_limit_rule_t  *rule;
    ngx_keepers_value_t       *cost;        /* NULL: 1 */
    ngx_keepers_limit_stage_e  stage;
    unsigned                   at_signup:1; /* asked with a signup's others */
} ngx_keepers_limit_t;


/* A template in one language: with its words, compiled. */
typedef struct {
    ngx_str_t                  text;
    ngx_str_t                  styles;      /* CSP: of its CSS, and scripts */
    ngx_str_t                  language;    /* empty: it has no words */
    keepers_page_t             page;
} ngx_keepers_view_t;


typedef struct {
    ngx_str_t                  file;        /* as written */
    ngx_str_t                  text;
    ngx_keepers_view_t        *views;       /* by language; set when merged */
    ngx_array_t               *variables;   /* of keepers_page: ngx_int_t */
} ngx_keepers_template_t;


typedef struct {
    ngx_shm_zone_t            *zone;        /* data: ngx_keepers_shm_t */
    ngx_keepers_shm_t         *shm;         /* set in the zone's init */
    keepers_keyring_t         *edge;        /* of the hosts alone */
    keepers_keyring_t         *shared;      /* with the writer */
    ngx_str_t                  writer_key;  /* file name; empty: none */
    u_char                     writer_public[KEEPERS_KEY_LEN];
    ngx_keepers_redis_conf_t   redis;
    ngx_array_t               *limit_rules; /* ngx_keepers_limit_rule_t *;
                                               NULL: none */
    ngx_uint_t                 limit_nodes;
    ngx_array_t               *effective;   /* locations to speak of, or NULL */
    ngx_array_t               *words;       /* ngx_keepers_words_t: what the
                                               files say, English first */
    keepers_str_t              languages[KEEPERS_LANGUAGES_MAX];    /* tags */

    /* built-in, where no other is named */
    ngx_keepers_template_t    *link_template;
    ngx_keepers_template_t    *thanks_template;
    ngx_keepers_template_t    *problem_template;

    unsigned                   redis_set:1;
    unsigned                   used:1;      /* a location of ours exists */
    unsigned                   links:1;     /* something is sealed */
    unsigned                   pages:1;     /* a link has a page, or thanks */
    unsigned                   errors:1;    /* there is an "error_page" */
    unsigned                   spools:1;    /* signups may wait in Redis */
} ngx_keepers_main_conf_t;


typedef struct {
    /* the session check */
    ngx_uint_t                 session;     /* ngx_keepers_session_mode_e */
    ngx_uint_t                 roles;       /* bit mask; 0: any */
    ngx_uint_t                 aal;
    ngx_msec_t                 fresh_ms;    /* 0: any age */
    ngx_uint_t                 bind;        /* NGX_KEEPERS_CHANGED_..., 0: no */
    ngx_uint_t                 proof;       /* any of these three */
    ngx_str_t                  cookie;
    ngx_flag_t                 cookie_insecure;
    ngx_str_t                  cookie_device;   /* name; set when merged */
    time_t                     idle_s;
    time_t                     absolute_s;
    time_t                     remember_s;  /* 0: off */
    ngx_msec_t                 cache_ms;
    ngx_uint_t                 session_max;
    ngx_msec_t                 stale_ms;    /* 0: deny */
    ngx_str_t                  signin_url;
    ngx_str_t                  step_up_url;
    ngx_flag_t                 csrf;

    /* limits; NULL: none */
    ngx_array_t               *limits;      /* ngx_keepers_limit_t */
    ngx_uint_t                 limit_session;   /* one of them names it */
    ngx_uint_t                 limit_status;
    keepers_str_t              limit_problem;   /* the document of it */

    /* links */
    ngx_keepers_value_t       *link;
    ngx_http_complex_value_t  *thanks;
    ngx_keepers_template_t    *link_template;
    ngx_keepers_template_t    *thanks_template;
    ngx_keepers_template_t    *problem_template;
    ngx_keepers_template_t    *page;        /* of keepers_page */
    size_t                     body_size;
    size_t                     form_size;   /* of what is no signup */
    ngx_int_t                  signup_batch;    /* that go together; 1: none */

    /* handlers */
    ngx_str_t                  signin;      /* internal location */
    ngx_str_t                  password;    /* the same */
    ngx_str_t                  step_up;     /* the same */
    ngx_str_t                  forgot;      /* the same */
    ngx_str_t                  reset;       /* the same */
    ngx_uint_t                 spool_max;   /* entries; 0: no spool here */
    ngx_flag_t                 signout;
    ngx_flag_t                 sessions;
    ngx_uint_t                 status;      /* ngx_keepers_status_format_e */
} ngx_keepers_loc_conf_t;


extern ngx_module_t  ngx_http_keepers_module;


#define ngx_keepers_main_conf(r)                                             \
    ((ngx_keepers_main_conf_t *)                                             \
        ngx_http_get_module_main_conf(r, ngx_http_keepers_module))

#define ngx_keepers_loc_conf(r)                                              \
    ((ngx_keepers_loc_conf_t *)                                              \
        ngx_http_get_module_loc_conf(r, ngx_http_keepers_module))


void *ngx_keepers_create_main_conf(ngx_conf_t *cf);
char *ngx_keepers_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_keepers_create_loc_conf(ngx_conf_t *cf);
char *ngx_keepers_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);

/* Setters of the directive table. */
char *ngx_keepers_shm_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_keepers_conf_writer_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_keepers_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_conf_session(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_conf_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_conf_session_error(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_keepers_conf_asking(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);            /* signin and the like: by offset */
char *ngx_keepers_conf_signout(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_keepers_conf_sessions(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* When locations are merged: the name of the cookie of a known device. */
ngx_int_t ngx_keepers_conf_device(ngx_conf_t *cf,
    const ngx_keepers_loc_conf_t *prev, ngx_keepers_loc_conf_t *conf);

/* When locations are merged: refuses "return" under a required session. */
char *ngx_keepers_conf_return(ngx_conf_t *cf, ngx_keepers_loc_conf_t *conf);

/* Refuses handlers of sessions where none is looked for. */
char *ngx_keepers_conf_session_users(ngx_conf_t *cf,
    const ngx_keepers_loc_conf_t *conf);


#endif /* _NGX_KEEPERS_CONF_H_INCLUDED_ */
