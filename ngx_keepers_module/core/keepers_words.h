
/*
 * Copyright (C) Keepers
 *
 * The words of our pages in one language: a text of lines "name = text", and
 * a template with "{{@name}}" in which they are put.  Both happen once, when
 * nginx loads its configuration; what a request renders has no words to look
 * for.
 *
 *   # a comment
 *   join_business = Join {{business}}
 *
 * A text is plain text, not HTML, in which values of the template may stand.
 */


#ifndef _KEEPERS_WORDS_H_INCLUDED_
#define _KEEPERS_WORDS_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


typedef struct {
    keepers_str_t     name;         /* [a-z0-9_]{1,64} */
    keepers_str_t     text;
    bool              html;         /* put in as it is */
} keepers_word_t;


typedef struct {
    keepers_word_t   *words;        /* of the caller */
    size_t            n;
} keepers_words_t;


enum {
    KEEPERS_WORDS_SYNTAX = 1,       /* no "name = text", an empty text */
    KEEPERS_WORDS_ENCODING,         /* not UTF-8 */
    KEEPERS_WORDS_REPEATED,
    KEEPERS_WORDS_TOO_MANY,         /* more than there is room for */
    KEEPERS_WORDS_UNKNOWN           /* a template wants one that is not there */
};


/*
 * Reads into words->words, with room for words->n; sets words->n.  The words
 * are views into "text".  On a fault *line is its line, from 1.
 * keepers_words_lines() is room enough.
 */
size_t keepers_words_lines(keepers_str_t text);
int keepers_words_read(keepers_words_t *words, keepers_str_t text,
    size_t *line) keepers_checked;

/* NULL: there is none of that name. */
const keepers_word_t *keepers_words_find(const keepers_words_t *words,
    keepers_str_t name);

/*
 * A template with the words in it, escaped for HTML; a word is one line, so
 * that lines stay where they were.  Does it have words at all?
 */
int keepers_words_put(const keepers_words_t *words, keepers_str_t page,
    keepers_out_t *out, size_t *line) keepers_checked;
bool keepers_words_wanted(keepers_str_t page);

const char *keepers_words_fault(int rc);


#endif /* _KEEPERS_WORDS_H_INCLUDED_ */
