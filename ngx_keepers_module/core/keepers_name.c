
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_name.h"
#include "core/keepers_text.h"

#include <unictype.h>
#include <unigbrk.h>


/*
 * What is typed may shrink by NFC (a Hangul syllable from nine bytes to
 * three), but nothing this long becomes a name.
 */
#define KEEPERS_NAME_TYPED_MAX  2048
#define KEEPERS_NAME_NFC_SIZE   1024


static keepers_str_t keepers_name_trim(keepers_str_t s);
static bool keepers_name_blank_char(uint32_t uc);
static bool keepers_name_visible(keepers_str_t s);
static size_t keepers_name_graphemes(keepers_str_t s);
static bool keepers_name_alpha(unsigned char c);
static bool keepers_name_url_at(keepers_str_t s, size_t i);
static bool keepers_name_host_slash(keepers_str_t s, size_t dot);


int
keepers_name_read(keepers_str_t typed, keepers_out_t *out)
{
    keepers_str_t  s;
    keepers_out_t  nfc;
    unsigned char  buf[KEEPERS_NAME_NFC_SIZE];

    /* U+0000 is UTF-8 to everyone but us: a control, in words for a person */

    if (typed.len != 0 && memchr(typed.data, '\0', typed.len) != NULL) {
        return KEEPERS_NAME_CONTROL;
    }

    if (!keepers_text_utf8(typed)) {
        return KEEPERS_NAME_ENCODING;
    }

    s = keepers_name_trim(typed);

    if (s.len > KEEPERS_NAME_TYPED_MAX) {
        return KEEPERS_NAME_TOO_LONG;
    }

    if (keepers_text_has_control(s)) {
        return KEEPERS_NAME_CONTROL;
    }

    if (!keepers_name_visible(s)) {
        return KEEPERS_OK;
    }

    keepers_out_init(&nfc, buf, sizeof(buf));

    if (!keepers_text_nfc(s, &nfc)) {
        return KEEPERS_NAME_TOO_LONG;
    }

    s = keepers_out_written(&nfc);

    if (s.len > KEEPERS_NAME_LEN_MAX
        || keepers_name_graphemes(s) > KEEPERS_NAME_GRAPHEMES_MAX)
    {
        return KEEPERS_NAME_TOO_LONG;
    }

    keepers_out_str(out, s);

    return out->overflow ? KEEPERS_NAME_NO_SPACE : KEEPERS_OK;
}


/*
 * Blanks of any script and tabs, which come with copied text.  Line ends stay,
 * and are refused: a form's single line has none.
 */

static keepers_str_t
keepers_name_trim(keepers_str_t s)
{
    size_t    i, n, from, to;
    bool      inside;
    uint32_t  uc;

    /* of what is printed of ASCII, a space alone is a blank */

    if (keepers_text_printable(s)) {
        return keepers_text_trim(s);
    }

    from = 0;
    to = 0;
    inside = false;

    for (i = 0; i < s.len; i += n) {
        n = keepers_text_utf8_char(keepers_str(&s.data[i], s.len - i), &uc);

        if (n == 0) {
            return s;
        }

        if (keepers_name_blank_char(uc)) {
            continue;
        }

        if (!inside) {
            from = i;
            inside = true;
        }

        to = i + n;
    }

    return inside ? keepers_str(&s.data[from], to - from)
                  : keepers_str(s.data, 0);
}


static bool
keepers_name_blank_char(uint32_t uc)
{
    return uc == ' ' || uc == '\t'
           || (uc >= 0x80
               && uc_is_general_category_withtable(uc, UC_CATEGORY_MASK_Zs));
}


/* Joiners and fillers alone are a blank name, whatever they count. */

static bool
keepers_name_visible(keepers_str_t s)
{
    size_t    i, n;
    uint32_t  uc;

    for (i = 0; i < s.len; i += n) {
        n = keepers_text_utf8_char(keepers_str(&s.data[i], s.len - i), &uc);

        if (n == 0) {
            return false;
        }

        if (!keepers_name_blank_char(uc)
            && !uc_is_property_default_ignorable_code_point(uc))
        {
            return true;
        }
    }

    return false;
}


static size_t
keepers_name_graphemes(keepers_str_t s)
{
    size_t          n;
    const uint8_t  *p, *end;

    /* but for the end of a line, which no name has */

    if (keepers_text_ascii(s)) {
        return s.len;
    }

    p = s.data;
    end = p + s.len;

    for (n = 0; p < end; n++) {
        p = u8_grapheme_next(p, end);

        if (p == NULL) {
            break;
        }
    }

    return n;
}


bool
keepers_name_has_markup(keepers_str_t name)
{
    size_t  i;

    for (i = 0; i + 1 < name.len; i++) {
        if (name.data[i] == '<'
            && (name.data[i + 1] == '/' || name.data[i + 1] == '!'
                || keepers_name_alpha(name.data[i + 1])))
        {
            return true;
        }
    }

    return false;
}


static bool
keepers_name_alpha(unsigned char c)
{
    c = keepers_text_lower(c);

    return c >= 'a' && c <= 'z';
}


bool
keepers_name_has_url(keepers_str_t name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {
        if (keepers_name_url_at(name, i)) {
            return true;
        }
    }

    return false;
}


/* "x://", "www." at the start of a word, or "x.yy/". */

static bool
keepers_name_url_at(keepers_str_t s, size_t i)
{
    unsigned char         before;
    const unsigned char  *p;

    before = i == 0 ? ' ' : s.data[i - 1];
    p = &s.data[i];

    switch (*p) {

    case ':':
        return s.len - i >= 3 && keepers_name_alpha(before)
               && p[1] == '/' && p[2] == '/';

    case 'w':
    case 'W':
        return s.len - i > 4 && !keepers_name_alpha(before) && p[3] == '.'
               && keepers_text_lower(p[1]) == 'w'
               && keepers_text_lower(p[2]) == 'w';

    case '.':
        return before != ' ' && keepers_name_host_slash(s, i);

    default:
        return false;
    }
}


/* "evil.example/x"; but "St.John" and "a/b" are names. */

static bool
keepers_name_host_slash(keepers_str_t s, size_t dot)
{
    size_t  i;

    for (i = dot + 1; i < s.len && keepers_name_alpha(s.data[i]); i++) {
        /* a top-level domain */
    }

    return i - dot > 2 && i < s.len && s.data[i] == '/';
}
