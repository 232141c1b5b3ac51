
/*
 * Copyright (C) Keepers
 *
 * The list is a text, a password a line, sorted by bytes, in small letters: in
 * the program itself, so that it cannot be missing.  See decision 0025.
 */


#include "writer/writer_password.h"

#include "core/keepers_keyring.h"


/* "baseball2026!" is "baseball" to whoever guesses; "x8Tq..." is not "x". */
#define WRITER_PASSWORD_TAIL  4


/* Small letters; and the same without signs at the end. */
typedef struct {
    size_t         len;
    size_t         stem_len;
    unsigned char  text[KEEPERS_PASSWORD_LEN_MAX];
} writer_password_t;


static size_t writer_password_chars(keepers_str_t password);
static void writer_password_fold(writer_password_t *folded,
    keepers_str_t password);
static bool writer_password_letter(unsigned char c);
static unsigned char writer_password_small(unsigned char c);
static bool writer_password_common(keepers_str_t word);
static int writer_password_compare(keepers_str_t word,
    const unsigned char *line, const unsigned char *end);
static bool writer_password_named(keepers_str_t word, keepers_str_t email,
    keepers_str_t business);
static bool writer_password_same(keepers_str_t word, keepers_str_t name);


extern const unsigned char  writer_password_list[];
extern const unsigned char  writer_password_list_end[];

__asm__(".section .rodata\n"
        ".hidden writer_password_list\n"
        ".hidden writer_password_list_end\n"
        ".global writer_password_list\n"
        ".global writer_password_list_end\n"
        "writer_password_list:\n"
        ".incbin \"writer/writer_password_list.txt\"\n"
        "writer_password_list_end:\n"
        ".byte 0\n"
        ".text\n");


int
writer_password_check(keepers_str_t password, keepers_str_t email,
    keepers_str_t business)
{
    int                rc;
    keepers_str_t      whole, stem;
    writer_password_t  folded;

    if (password.len > KEEPERS_PASSWORD_LEN_MAX) {
        return WRITER_PASSWORD_LONG;
    }

    if (writer_password_chars(password) < WRITER_PASSWORD_CHARS_MIN) {
        return WRITER_PASSWORD_SHORT;
    }

    writer_password_fold(&folded, password);

    whole = keepers_str(folded.text, folded.len);
    stem = keepers_str(folded.text, folded.stem_len);
    rc = KEEPERS_OK;

    if (writer_password_named(whole, email, business)
        || writer_password_named(stem, email, business))
    {
        rc = WRITER_PASSWORD_NAMED;

    } else if (writer_password_common(whole) || writer_password_common(stem)) {
        rc = WRITER_PASSWORD_COMMON;
    }

    keepers_wipe(&folded, sizeof(folded));

    return rc;
}


const char *
writer_password_code(int fault)
{
    static const char *const  codes[] = {
        "", "too_short", "too_long", "common", "named"
    };

    return codes[fault];
}


const char *
writer_password_words(int fault)
{
    static const char *const  words[] = {
        "",
        "it is too short",
        "it is too long",
        "it is one of those that are tried first",
        "it is the address or the name of the business"
    };

    return words[fault];
}


/* A character is what starts one in UTF-8: no one need count bytes. */
static size_t
writer_password_chars(keepers_str_t password)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < password.len; i++) {
        n += (password.data[i] & 0xc0) != 0x80;
    }

    return n;
}


static void
writer_password_fold(writer_password_t *folded, keepers_str_t password)
{
    size_t  i;

    for (i = 0; i < password.len; i++) {
        folded->text[i] = writer_password_small(password.data[i]);
    }

    folded->len = password.len;
    folded->stem_len = password.len;

    for (i = 0; i < WRITER_PASSWORD_TAIL; i++) {
        if (writer_password_letter(folded->text[folded->stem_len - 1])) {
            break;
        }

        folded->stem_len--;
    }
}


/* Not of ASCII is a letter, too: this only finds what is stuck on behind. */
static bool
writer_password_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || c >= 0x80;
}


static unsigned char
writer_password_small(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char) (c | 0x20) : c;
}


/* The first line that is not before the word, by halves of the text. */
static bool
writer_password_common(keepers_str_t word)
{
    const unsigned char  *low, *high, *line, *end;

    low = writer_password_list;
    high = writer_password_list_end;

    while (low < high) {
        line = low + (high - low) / 2;

        while (line > low && line[-1] != '\n') {
            line--;
        }

        end = memchr(line, '\n', (size_t) (high - line));

        if (writer_password_compare(word, line, end) == 0) {
            return true;
        }

        if (writer_password_compare(word, line, end) < 0) {
            high = line;

        } else {
            low = end + 1;
        }
    }

    return false;
}


static int
writer_password_compare(keepers_str_t word, const unsigned char *line,
    const unsigned char *end)
{
    int     rc;
    size_t  len;

    len = (size_t) (end - line);
    rc = memcmp(word.data, line, word.len < len ? word.len : len);

    return rc != 0 ? rc : (word.len > len) - (word.len < len);
}


/* The address, what stands before and behind its '@', the business. */
static bool
writer_password_named(keepers_str_t word, keepers_str_t email,
    keepers_str_t business)
{
    size_t                local;
    const unsigned char  *at;

    if (writer_password_same(word, email)
        || writer_password_same(word, business))
    {
        return true;
    }

    at = email.len != 0 ? memchr(email.data, '@', email.len) : NULL;

    if (at == NULL) {
        return false;
    }

    local = (size_t) (at - email.data);

    return writer_password_same(word, keepers_str(email.data, local))
           || writer_password_same(word, keepers_str(at + 1,
                                                     email.len - local - 1));
}


/* By its letters and digits alone: "Corner Coffee" is "cornercoffee". */
static bool
writer_password_same(keepers_str_t word, keepers_str_t name)
{
    bool           some;
    size_t         i, j;
    unsigned char  c;

    j = 0;
    some = false;

    for (i = 0; i < name.len; i++) {
        c = writer_password_small(name.data[i]);

        if (!writer_password_letter(c) && (c < '0' || c > '9')) {
            continue;
        }

        while (j < word.len && !writer_password_letter(word.data[j])
               && (word.data[j] < '0' || word.data[j] > '9'))
        {
            j++;
        }

        if (j == word.len || word.data[j] != c) {
            return false;
        }

        some = true;
        j++;
    }

    while (j < word.len && !writer_password_letter(word.data[j])
           && (word.data[j] < '0' || word.data[j] > '9'))
    {
        j++;
    }

    return some && j == word.len;
}
