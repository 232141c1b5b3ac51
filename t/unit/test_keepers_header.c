
/*
 * Copyright (C) Keepers
 *
 * Goal: whatever spelling of a header or of a cookie an upstream may take for
 * one of ours is ours, and nothing else is.  A hundred thousand of them, made
 * from a seed, against a model that does it the way an upstream would.
 */


#include "keepers_unit.h"

#include "core/keepers_cookie.h"
#include "core/keepers_header.h"
#include "core/keepers_out.h"


#define SPELLINGS  100000
#define SEED       UINT64_C(0x6b656570657273)
#define ROOM       512


typedef struct {
    char    text[ROOM];
    size_t  len;
} text_t;


static const char *const  stems[] = {
    "keepers", "Keepers", "KEEPERS", "kEEPERS", "keepers-", "Keepers-User",
    "keepers_user", "KEEPERS_IDENTITY", "Keepers.Role", "Keepers-Business",
    "X-Keepers-User", "keeper", "keepersx", "keepers2", "keepersUser",
    "__Host-keepers", "__Secure-keepers", "__host-Keepers", "__Host-Keepers-",
    "__Host-keepers-device", "__Host-keepersX", "__Host-", "__Host_keepers",
    "a", "cookie", "authorization", "_keepers", "-keepers", "$keepers"
};

static const char  odd[] = "-_.:~!$%&'*+^`|\" \t\"=,/\\@#x9Kk\x80\xff";

/* of cookies: what stands between names, values and each other */
static const char *const  between[] = {
    "=", " =", "= ", "\t=", "==", "", ":", "=\"", "=\"v1.", " = "
};
static const char *const  after[] = {
    "; ", ";", " ;", ";;", "\t;", ", ", "; ; ", "\";", " "
};


static uint64_t  state;


static uint64_t
chance(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state % n;
}


static void
put(text_t *text, const char *s)
{
    size_t  len;

    len = strlen(s);
    assert_true(text->len + len < ROOM);
    memcpy(text->text + text->len, s, len);
    text->len += len;
}


static bool
letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}


/* A stem with the case of some letters, and a few characters, changed. */

static void
put_name(text_t *text)
{
    char    *c;
    size_t   i, from, n;

    from = text->len;
    put(text, stems[chance(unit_count(stems))]);
    n = chance(4);

    for (i = 0; i < n && text->len > from; i++) {
        c = &text->text[from + chance(text->len - from)];

        switch (chance(4)) {

        case 0:
            *c = odd[chance(sizeof(odd) - 1)];
            break;

        case 1:
            *c = letter(*c) ? (char) (*c ^ 0x20) : 'k';
            break;

        case 2:
            memmove(c, c + 1, (size_t) (text->text + text->len - c) - 1);
            text->len--;
            break;

        default:
            text->text[text->len++] = odd[chance(sizeof(odd) - 1)];
        }
    }
}


/*
 * As servers do: upper case, and '_' for whatever is no letter and no digit.
 * What begins KEEPERS_ then, or is no more than that, may be taken for ours.
 */

static bool
taken(const char *name, size_t len)
{
    size_t  i;
    char    folded[ROOM + 1];

    for (i = 0; i < len; i++) {
        folded[i] = name[i];

        if (letter(name[i])) {
            folded[i] = (char) (name[i] & ~0x20);

        } else if (name[i] < '0' || name[i] > '9') {
            folded[i] = '_';
        }
    }

    folded[len] = '\0';

    return strcmp(folded, "KEEPERS") == 0
           || strncmp(folded, "KEEPERS_", 8) == 0;
}


static void
test_names(void **unused)
{
    size_t         i, ours;
    text_t         name;
    keepers_str_t  copy;

    (void) unused;

    state = SEED;
    ours = 0;

    for (i = 0; i < SPELLINGS; i++) {
        name.len = 0;
        put_name(&name);

        copy = unit_copy(name.text, name.len);

        if (keepers_header_ours(copy) != taken(name.text, name.len)) {
            fail_msg("spelling %zu: \"%.*s\"", i, (int) name.len, name.text);
        }

        ours += keepers_header_ours(copy);
        unit_free(copy);
    }

    /* neither kind is rare */

    assert_in_range(ours, SPELLINGS / 10, SPELLINGS / 10 * 9);
}


/* The words of a Connection header, for who is content with any separator. */

static bool
word(const char **text, const char *end, const char **begin, size_t *len)
{
    static const char  separators[] = ", \t;\"=:/\\@";

    while (*text < end && strchr(separators, **text) != NULL) {
        (*text)++;
    }

    *begin = *text;

    while (*text < end && strchr(separators, **text) == NULL) {
        (*text)++;
    }

    *len = (size_t) (*text - *begin);

    return *len != 0;
}


static void
test_hops(void **unused)
{
    size_t         i, j, n, len, kept, want;
    text_t         value;
    const char    *p, *q, *begin, *left;
    keepers_str_t  copy;

    (void) unused;

    state = SEED;

    for (i = 0; i < SPELLINGS; i++) {
        value.len = 0;
        n = 1 + chance(5);

        for (j = 0; j < n; j++) {
            put_name(&value);
            put(&value, j + 1 == n && chance(4) ? "" : chance(2) ? ", " : ",");
        }

        copy = unit_copy(value.text, value.len);
        kept = keepers_header_hops((unsigned char *) (uintptr_t) copy.data,
                                   copy.len);
        assert_true(kept <= copy.len);

        /* word by word, what is not ours, and nothing else, is left */

        p = value.text;
        q = (const char *) copy.data;

        while (word(&p, value.text + value.len, &begin, &want)) {

            if (taken(begin, want)) {
                continue;
            }

            if (!word(&q, (const char *) copy.data + kept, &left, &len)
                || len != want
                || memcmp(begin, left, len) != 0)
            {
                fail_msg("value %zu: \"%.*s\" gives \"%.*s\"", i,
                         (int) value.len, value.text, (int) kept,
                         (const char *) copy.data);
            }
        }

        assert_false(word(&q, (const char *) copy.data + kept, &left, &len));
        unit_free(copy);
    }
}


static void
test_hops_known(void **unused)
{
    size_t         i;
    keepers_str_t  copy;

    static const char *const  known[][2] = {
        { "", "" },
        { "close", "close" },
        { "keep-alive", "keep-alive" },
        { "Upgrade, keep-alive", "Upgrade, keep-alive" },
        { "keepers-identity", "" },
        { "close, Keepers-Identity", "close" },
        { "KEEPERS_ROLE,close", "close" },
        { "a,keepers,b", "a,b" },
        { "a , keepers-x , upgrade ,", "a , upgrade" },
        { ",, ,", ",, ," },
        { "close keepers-identity", "close" },
        { "\"keepers-identity\"", "" },
        { "keepersx, x-keepers-y", "keepersx, x-keepers-y" },
        { "a,,keepers-x", "a" },
        { "a;,", "a;," }
    };

    (void) unused;

    for (i = 0; i < unit_count(known); i++) {
        copy = unit_copy(known[i][0], strlen(known[i][0]));
        copy.len = keepers_header_hops(
                            (unsigned char *) (uintptr_t) copy.data, copy.len);
        assert_str(copy, known[i][1]);
        unit_free(copy);
    }
}


/* The next pair of a Cookie line, as a server reads it that trims. */

static bool
pair(const char **p, const char *end, const char **name, size_t *len,
    const char **whole, size_t *whole_len)
{
    const char  *stop, *equals;

    if (*p >= end) {
        return false;
    }

    stop = memchr(*p, ';', (size_t) (end - *p));
    stop = stop != NULL ? stop : end;
    *name = *p;
    *p = stop + 1;

    while (*name < stop && (**name == ' ' || **name == '\t')) {
        (*name)++;
    }

    while (stop > *name && (stop[-1] == ' ' || stop[-1] == '\t')) {
        stop--;
    }

    *whole = *name;
    *whole_len = (size_t) (stop - *name);

    equals = memchr(*name, '=', *whole_len);
    *len = equals != NULL ? (size_t) (equals - *name) : 0;

    while (*len != 0 && ((*name)[*len - 1] == ' ' || (*name)[*len - 1] == '\t'))
    {
        (*len)--;
    }

    return true;
}


static bool
is(const char *name, size_t len, const char *ours)
{
    return len == strlen(ours) && memcmp(name, ours, len) == 0;
}


static void
test_cookies(void **unused)
{
    bool           more;
    size_t         i, j, n, len, left_len, whole_len, left_whole;
    text_t         line;
    const char    *p, *q, *name, *left, *whole, *left_text;
    unsigned char  first[ROOM], second[ROOM];
    keepers_str_t  copy, rest;
    keepers_out_t  out, last;

    (void) unused;

    state = SEED;

    for (i = 0; i < SPELLINGS; i++) {
        line.len = 0;
        n = 1 + chance(6);

        for (j = 0; j < n; j++) {

            if (chance(3) == 0) {
                put(&line, "__Host-keepers");
                put(&line, chance(2) ? "" : "-device");

            } else {
                put_name(&line);
            }

            put(&line, between[chance(unit_count(between))]);
            put(&line, chance(3) ? "v1.secret" : "");
            put(&line, j + 1 == n ? "" : after[chance(unit_count(after))]);
        }

        copy = unit_copy(line.text, line.len);

        keepers_out_init(&out, first, sizeof(first));
        keepers_out_init(&last, second, sizeof(second));

        keepers_cookie_strip(copy, unit_str("__Host-keepers"), &out);
        keepers_cookie_strip(keepers_out_written(&out),
                             unit_str("__Host-keepers-device"), &last);
        rest = keepers_out_written(&last);

        /* the others, in their order, and none of ours */

        p = line.text;
        q = (const char *) rest.data;

        while (pair(&p, line.text + line.len, &name, &len, &whole, &whole_len))
        {
            if (whole_len == 0
                || is(name, len, "__Host-keepers")
                || is(name, len, "__Host-keepers-device"))
            {
                continue;
            }

            do {
                more = pair(&q, (const char *) rest.data + rest.len, &left,
                            &left_len, &left_text, &left_whole);
            } while (more && left_whole == 0);

            if (!more
                || left_whole != whole_len
                || memcmp(left_text, whole, whole_len) != 0)
            {
                fail_msg("line %zu: \"%.*s\" gives \"%.*s\"", i,
                         (int) line.len, line.text, (int) rest.len,
                         (const char *) rest.data);
            }
        }

        while (pair(&q, (const char *) rest.data + rest.len, &left, &left_len,
                    &left_text, &left_whole))
        {
            assert_int_equal(left_whole, 0);
        }

        unit_free(copy);
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_hops_known),
        cmocka_unit_test(test_hops),
        cmocka_unit_test(test_cookies)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
