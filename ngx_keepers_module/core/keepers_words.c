
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_words.h"

#include "core/keepers_text.h"


#define KEEPERS_WORDS_NAME_MAX  64
#define KEEPERS_WORDS_NO_TAG    SIZE_MAX


static int keepers_words_line(keepers_words_t *words, size_t room,
    keepers_str_t line);
static bool keepers_words_name(keepers_str_t name);
static size_t keepers_words_next(keepers_str_t page, size_t from);
static size_t keepers_words_end(keepers_str_t page, size_t from);
static void keepers_words_text(const keepers_word_t *word, keepers_out_t *out);


size_t
keepers_words_lines(keepers_str_t text)
{
    size_t  i, n;

    n = 1;

    for (i = 0; i < text.len; i++) {
        n += (text.data[i] == '\n');
    }

    return n;
}


int
keepers_words_read(keepers_words_t *words, keepers_str_t text, size_t *line)
{
    int     rc;
    size_t  i, from, room;

    room = words->n;
    words->n = 0;
    *line = 1;

    if (!keepers_text_utf8(text)) {
        *line = keepers_words_lines(keepers_str(text.data,
                                                keepers_text_utf8_valid(text)));
        return KEEPERS_WORDS_ENCODING;
    }

    for (from = 0; from < text.len; from = i + 1) {

        for (i = from; i < text.len && text.data[i] != '\n'; i++) {
            /* void */
        }

        rc = keepers_words_line(words, room,
                                keepers_text_trim(keepers_str(&text.data[from],
                                                              i - from)));
        if (rc != KEEPERS_OK) {
            return rc;
        }

        (*line)++;
    }

    return KEEPERS_OK;
}


static int
keepers_words_line(keepers_words_t *words, size_t room, keepers_str_t line)
{
    keepers_str_t          name, text;
    const unsigned char   *p;

    if (line.len == 0 || line.data[0] == '#') {
        return KEEPERS_OK;
    }

    p = memchr(line.data, '=', line.len);

    if (p == NULL) {
        return KEEPERS_WORDS_SYNTAX;
    }

    name = keepers_text_trim(keepers_str(line.data, (size_t) (p - line.data)));
    text = keepers_text_trim(keepers_str(p + 1, line.len - 1
                                                - (size_t) (p - line.data)));

    if (!keepers_words_name(name) || text.len == 0) {
        return KEEPERS_WORDS_SYNTAX;
    }

    if (keepers_words_find(words, name) != NULL) {
        return KEEPERS_WORDS_REPEATED;
    }

    if (words->n == room) {
        return KEEPERS_WORDS_TOO_MANY;
    }

    words->words[words->n].name = name;
    words->words[words->n].text = text;
    words->words[words->n].html = false;
    words->n++;

    return KEEPERS_OK;
}


static bool
keepers_words_name(keepers_str_t name)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }

    return name.len != 0 && name.len <= KEEPERS_WORDS_NAME_MAX;
}


const keepers_word_t *
keepers_words_find(const keepers_words_t *words, keepers_str_t name)
{
    size_t  i;

    for (i = 0; i < words->n; i++) {
        if (keepers_str_eq(words->words[i].name, name)) {
            return &words->words[i];
        }
    }

    return NULL;
}


bool
keepers_words_wanted(keepers_str_t page)
{
    return keepers_words_next(page, 0) != KEEPERS_WORDS_NO_TAG;
}


int
keepers_words_put(const keepers_words_t *words, keepers_str_t page,
    keepers_out_t *out, size_t *line)
{
    size_t                 at, end, from;
    const keepers_word_t  *word;

    *line = 0;
    from = 0;

    for ( ;; ) {
        at = keepers_words_next(page, from);

        if (at == KEEPERS_WORDS_NO_TAG) {
            keepers_out_bytes(out, &page.data[from], page.len - from);
            return KEEPERS_OK;
        }

        keepers_out_bytes(out, &page.data[from], at - from);

        end = keepers_words_end(page, at + 3);

        word = (end == KEEPERS_WORDS_NO_TAG)
                   ? NULL
                   : keepers_words_find(words, keepers_str(&page.data[at + 3],
                                                           end - at - 3));
        if (word == NULL) {
            *line = keepers_words_lines(keepers_str(page.data, at));
            return KEEPERS_WORDS_UNKNOWN;
        }

        keepers_words_text(word, out);

        from = end + 2;
    }
}


/* The values in a word pass unchanged: no escape touches a brace. */

static void
keepers_words_text(const keepers_word_t *word, keepers_out_t *out)
{
    if (word->html) {
        keepers_out_str(out, word->text);
        return;
    }

    keepers_out_html(out, word->text);
}


static size_t
keepers_words_next(keepers_str_t page, size_t from)
{
    size_t  i;

    for (i = from; i + 3 <= page.len; i++) {
        if (memcmp(&page.data[i], "{{@", 3) == 0) {
            return i;
        }
    }

    return KEEPERS_WORDS_NO_TAG;
}


static size_t
keepers_words_end(keepers_str_t page, size_t from)
{
    size_t  i;

    for (i = from; i + 2 <= page.len; i++) {
        if (memcmp(&page.data[i], "}}", 2) == 0) {
            return i;
        }
    }

    return KEEPERS_WORDS_NO_TAG;
}


const char *
keepers_words_fault(int rc)
{
    switch (rc) {

    case KEEPERS_OK:
        return "no fault";

    case KEEPERS_WORDS_SYNTAX:
        return "a line is \"name = text\", a comment, or empty";

    case KEEPERS_WORDS_ENCODING:
        return "this is not UTF-8";

    case KEEPERS_WORDS_REPEATED:
        return "this name stands above already";

    case KEEPERS_WORDS_TOO_MANY:
        return "too many words";

    case KEEPERS_WORDS_UNKNOWN:
        return "there are no words of this name";

    default:
        return "unknown fault";
    }
}
