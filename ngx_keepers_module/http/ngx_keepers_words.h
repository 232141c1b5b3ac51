
/*
 * Copyright (C) Keepers
 *
 * The words of the pages by language: English is inside the module, a file of
 * "keepers_words" adds a language or replaces one.  Each has every word, so
 * that no page is in two languages by mistake.
 */


#ifndef _NGX_KEEPERS_WORDS_H_INCLUDED_
#define _NGX_KEEPERS_WORDS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_signup.h"
#include "core/keepers_words.h"
#include "http/ngx_keepers_conf.h"


/* Those that are chosen while a page is made; first what faults say. */
typedef enum {
    NGX_KEEPERS_WORD_NONE = 0,
    NGX_KEEPERS_WORD_NAME_REQUIRED,
    NGX_KEEPERS_WORD_NAME_CONTROL,
    NGX_KEEPERS_WORD_NAME_TOO_LONG,
    NGX_KEEPERS_WORD_EMAIL_REQUIRED,
    NGX_KEEPERS_WORD_EMAIL_SYNTAX,
    NGX_KEEPERS_WORD_EMAIL_TOO_LONG,
    NGX_KEEPERS_WORD_EMAIL_DISPOSABLE,
    NGX_KEEPERS_WORD_PHONE_POSSIBLE,
    NGX_KEEPERS_WORD_TYPE,
    NGX_KEEPERS_WORD_ENCODING,

    NGX_KEEPERS_WORD_SAY_INVALID,
    NGX_KEEPERS_WORD_SAY_ENCODING,
    NGX_KEEPERS_WORD_SAY_DUPLICATE,
    NGX_KEEPERS_WORD_SAY_MALFORMED,
    NGX_KEEPERS_WORD_SAY_TOKEN,
    NGX_KEEPERS_WORD_SAY_TOO_LARGE,
    NGX_KEEPERS_WORD_SAY_UNKNOWN,
    NGX_KEEPERS_WORD_SAY_UNAVAILABLE,
    NGX_KEEPERS_WORD_SAY_LATER,
    NGX_KEEPERS_WORD_BUSY_SECONDS,
    NGX_KEEPERS_WORD_BUSY_MINUTE,
    NGX_KEEPERS_WORD_BUSY_MINUTES,
    NGX_KEEPERS_WORD_BUSY_LATER,

    NGX_KEEPERS_WORD_TITLE_UNKNOWN,
    NGX_KEEPERS_WORD_TITLE_BUSY,
    NGX_KEEPERS_WORD_TITLE_FAILED,
    NGX_KEEPERS_WORDS
} ngx_keepers_word_e;


typedef struct {
    ngx_str_t          file;                    /* empty: not read yet */
    keepers_words_t    words;                   /* for templates */
    keepers_str_t      of[NGX_KEEPERS_WORDS];
} ngx_keepers_words_t;


/* The English ones, a file that is in the module. */
extern const ngx_str_t  ngx_keepers_words_english;


/* A list that has English in the first place; NULL: no memory. */
ngx_array_t *ngx_keepers_words_create(ngx_conf_t *cf);

/* The setter of "keepers_words". */
char *ngx_keepers_words_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Once all files are read: every language has all words, and their list. */
char *ngx_keepers_words_init(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf);

keepers_str_t ngx_keepers_word(ngx_http_request_t *r, ngx_uint_t language,
    ngx_keepers_word_e word);

/* "Please try again in a few seconds", or in as many as it will take. */
ngx_keepers_word_e ngx_keepers_word_busy(ngx_uint_t retry_s);


#endif /* _NGX_KEEPERS_WORDS_H_INCLUDED_ */
