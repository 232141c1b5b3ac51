
/*
 * Copyright (C) Keepers
 *
 * The only user of yajl (its stream parser, never its tree).  Limits are
 * ours: depth, number of keys, no repeated known key, strict UTF-8 after
 * decoding, for Debian's yajl accepts what PostgreSQL later refuses.
 */


#ifndef _KEEPERS_JSON_H_INCLUDED_
#define _KEEPERS_JSON_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_field.h"
#include "core/keepers_out.h"


#define KEEPERS_JSON_DEPTH_MAX  8


/*
 * Fills "set" from a body that must be one JSON object and nothing behind it.
 * Nested values make a known field KEEPERS_FIELD_OTHER and are skipped.
 * Strings are decoded into "arena" (at least body.len bytes).  yajl's own
 * memory comes from "heap", a piece of memory of the caller: at least
 * 16 KB + 4 * body.len; nothing is allocated, and what was used is wiped.
 * KEEPERS_OK or a code of keepers_field.h.  A lone surrogate escape is
 * ENCODING; so is a string that is not UTF-8.
 */
int keepers_json_read(keepers_str_t body, keepers_fieldset_t *set,
    keepers_out_t *arena, void *heap, size_t heap_size) keepers_checked;

/* A quoted JSON string, escaped ("<" too, so that it may stand in HTML). */
void keepers_json_string(keepers_out_t *out, keepers_str_t s);


#endif /* _KEEPERS_JSON_H_INCLUDED_ */
