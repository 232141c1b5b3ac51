
/*
 * Copyright (C) Keepers
 *
 * Which of our languages somebody reads: Accept-Language (RFC 9110, 12.5.4)
 * against a short list of tags.
 */


#ifndef _KEEPERS_LANGUAGE_H_INCLUDED_
#define _KEEPERS_LANGUAGE_H_INCLUDED_


#include "core/keepers_base.h"


#define KEEPERS_LANGUAGES_MAX         16    /* tags to choose from */
#define KEEPERS_LANGUAGE_ITEMS_MAX    32    /* ranges read of a header */
#define KEEPERS_LANGUAGE_HEADER_MAX   1024  /* bytes read of a header */


/*
 * The number of the tag that the header likes best, or -1: it likes none, or
 * says nothing.  "de" serves "de", "DE" and "de-AT", the best of them counts,
 * and "de;q=0" rules it out.  "*" stands for the tags that are not named:
 * "preferred" if it is one of them, else the first.  Among equals the first
 * in the header wins.  An item that is no range with a weight is passed over,
 * and what lies beyond the limits is not read.
 *
 * "tags": lower case; n <= KEEPERS_LANGUAGES_MAX; preferred < n.
 */
int keepers_language_choose(keepers_str_t header, const keepers_str_t *tags,
    size_t n, size_t preferred);

/* The number of a tag that was named outright, in any case, or -1. */
int keepers_language_find(keepers_str_t tag, const keepers_str_t *tags,
    size_t n);


#endif /* _KEEPERS_LANGUAGE_H_INCLUDED_ */
