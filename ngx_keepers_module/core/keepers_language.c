
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_language.h"

#include "core/keepers_text.h"


#define KEEPERS_LANGUAGE_SUBTAG_MAX  8
#define KEEPERS_LANGUAGE_DIGITS_MAX  3
#define KEEPERS_LANGUAGE_WEIGHT_ONE  1000


typedef struct {
    int     weight;         /* in thousandths; -1: not named */
    size_t  at;             /* the item that gave it */
    bool    refused;        /* by its own name, with a weight of 0 */
} keepers_language_rank_t;


typedef struct {
    keepers_language_rank_t  of[KEEPERS_LANGUAGES_MAX];
    keepers_language_rank_t  any;
} keepers_language_ranks_t;


static keepers_str_t keepers_language_bounded(keepers_str_t header);
static int keepers_language_best(const keepers_language_ranks_t *ranks,
    size_t n);
static bool keepers_language_item(keepers_str_t item, keepers_str_t *range,
    int *weight);
static bool keepers_language_range(keepers_str_t s);
static bool keepers_language_weight(keepers_str_t s, int *weight);
static bool keepers_language_serves(keepers_str_t tag, keepers_str_t range);
static void keepers_language_rank(keepers_language_ranks_t *ranks,
    const keepers_str_t *tags, size_t n, keepers_str_t range, int weight,
    size_t at);
static void keepers_language_raise(keepers_language_rank_t *rank, int weight,
    size_t at);
static void keepers_language_rest(keepers_language_ranks_t *ranks, size_t n,
    size_t preferred);
static keepers_str_t keepers_language_split(keepers_str_t *rest,
    unsigned char c);


int
keepers_language_choose(keepers_str_t header, const keepers_str_t *tags,
    size_t n, size_t preferred)
{
    int                       weight;
    size_t                    i;
    keepers_str_t             range, rest;
    keepers_language_ranks_t  ranks;

    static const keepers_language_rank_t  unnamed = { -1, 0, false };

    if (n > KEEPERS_LANGUAGES_MAX) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        ranks.of[i] = unnamed;
    }

    ranks.any = unnamed;

    rest = keepers_language_bounded(header);

    for (i = 0; i < KEEPERS_LANGUAGE_ITEMS_MAX && rest.len != 0; i++) {

        if (keepers_language_item(keepers_language_split(&rest, ','), &range,
                                  &weight))
        {
            keepers_language_rank(&ranks, tags, n, range, weight, i);
        }
    }

    keepers_language_rest(&ranks, n, preferred);

    return keepers_language_best(&ranks, n);
}


/* An item that the limit cuts would be another item, and is left out. */

static keepers_str_t
keepers_language_bounded(keepers_str_t header)
{
    size_t  last;

    if (header.len <= KEEPERS_LANGUAGE_HEADER_MAX) {
        return header;
    }

    last = KEEPERS_LANGUAGE_HEADER_MAX;

    while (last > 0 && header.data[last] != ',') {
        last--;
    }

    return keepers_str(header.data, last);
}


static int
keepers_language_best(const keepers_language_ranks_t *ranks, size_t n)
{
    int                             best;
    size_t                          i;
    const keepers_language_rank_t  *rank, *leader;

    best = -1;
    leader = NULL;

    for (i = 0; i < n; i++) {
        rank = &ranks->of[i];

        if (rank->refused || rank->weight <= 0) {
            continue;
        }

        if (leader == NULL
            || rank->weight > leader->weight
            || (rank->weight == leader->weight && rank->at < leader->at))
        {
            leader = rank;
            best = (int) i;
        }
    }

    return best;
}


int
keepers_language_find(keepers_str_t tag, const keepers_str_t *tags, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (keepers_text_eq_nocase(tag, tags[i])) {
            return (int) i;
        }
    }

    return -1;
}


static void
keepers_language_rank(keepers_language_ranks_t *ranks,
    const keepers_str_t *tags, size_t n, keepers_str_t range, int weight,
    size_t at)
{
    size_t  i;

    if (range.len == 1 && range.data[0] == '*') {
        keepers_language_raise(&ranks->any, weight, at);
        return;
    }

    for (i = 0; i < n; i++) {

        if (!keepers_language_serves(tags[i], range)) {
            continue;
        }

        /* who rules out "de-AT" has said nothing of "de" */

        if (weight != 0) {
            keepers_language_raise(&ranks->of[i], weight, at);

        } else if (range.len == tags[i].len) {
            ranks->of[i].refused = true;
        }
    }
}


static void
keepers_language_raise(keepers_language_rank_t *rank, int weight, size_t at)
{
    if (weight > rank->weight) {
        rank->weight = weight;
        rank->at = at;
    }
}


/* "*" is for one tag alone, for all that it stands for are equal. */

static void
keepers_language_rest(keepers_language_ranks_t *ranks, size_t n,
    size_t preferred)
{
    size_t  i, k;

    if (ranks->any.weight <= 0) {
        return;
    }

    for (k = 0; k <= n; k++) {

        i = (k == 0) ? preferred : k - 1;

        if (i < n && ranks->of[i].weight == -1 && !ranks->of[i].refused) {
            ranks->of[i] = ranks->any;
            return;
        }
    }
}


/* range [ OWS ";" OWS "q=" weight ] */

static bool
keepers_language_item(keepers_str_t item, keepers_str_t *range, int *weight)
{
    bool           weighted;
    keepers_str_t  rest;

    rest = item;
    weighted = item.len != 0 && memchr(item.data, ';', item.len) != NULL;

    *range = keepers_text_trim_ows(keepers_language_split(&rest, ';'));
    *weight = KEEPERS_LANGUAGE_WEIGHT_ONE;

    if (!keepers_language_range(*range)) {
        return false;
    }

    return !weighted
           || keepers_language_weight(keepers_text_trim_ows(rest), weight);
}


/* "*", or letters, then letters and digits, 1 to 8 between hyphens */

static bool
keepers_language_range(keepers_str_t s)
{
    bool           first;
    size_t         i, run;
    unsigned char  c;

    if (s.len == 1 && s.data[0] == '*') {
        return true;
    }

    first = true;
    run = 0;

    for (i = 0; i < s.len; i++) {
        c = keepers_text_lower(s.data[i]);

        if (c == '-' && run != 0) {
            first = false;
            run = 0;
            continue;
        }

        if (!(c >= 'a' && c <= 'z') && (first || !(c >= '0' && c <= '9'))) {
            return false;
        }

        if (++run > KEEPERS_LANGUAGE_SUBTAG_MAX) {
            return false;
        }
    }

    return run != 0;
}


/* "q=0", "q=0.5", "q=1.000": at most three decimals, nothing above 1 */

static bool
keepers_language_weight(keepers_str_t s, int *weight)
{
    int     unit;
    size_t  i;

    if (s.len < 3 || s.len > 4 + KEEPERS_LANGUAGE_DIGITS_MAX
        || keepers_text_lower(s.data[0]) != 'q' || s.data[1] != '='
        || (s.data[2] != '0' && s.data[2] != '1')
        || (s.len > 3 && s.data[3] != '.'))
    {
        return false;
    }

    unit = KEEPERS_LANGUAGE_WEIGHT_ONE;
    *weight = (s.data[2] - '0') * unit;

    for (i = 4; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        unit /= 10;
        *weight += (s.data[i] - '0') * unit;
    }

    return *weight <= KEEPERS_LANGUAGE_WEIGHT_ONE;
}


/* RFC 4647, 3.4: "de-AT" is served by "de", but "de" not by "de-AT" */

static bool
keepers_language_serves(keepers_str_t tag, keepers_str_t range)
{
    if (range.len < tag.len
        || (range.len > tag.len && range.data[tag.len] != '-'))
    {
        return false;
    }

    return keepers_text_eq_nocase(keepers_str(range.data, tag.len), tag);
}


/* What stands before the next c, or all; "rest" is what stands behind it. */

static keepers_str_t
keepers_language_split(keepers_str_t *rest, unsigned char c)
{
    size_t         i;
    keepers_str_t  s;

    for (i = 0; i < rest->len && rest->data[i] != c; i++) {
        /* void */
    }

    s = keepers_str(rest->data, i);

    if (i < rest->len) {
        i++;
    }

    *rest = (i < rest->len) ? keepers_str(rest->data + i, rest->len - i)
                            : keepers_str(NULL, 0);

    return s;
}
