
/*
 * Copyright (C) Keepers
 *
 * What the rules of a signup let through, as it will be stored:
 *
 *     accepted <VALUES       lines "FIELD HEX": those that are taken
 *     accepted all           every character there is, in fields of all kinds
 *
 * Both print lines "FIELD HEX".
 */


#include <stdio.h>
#include <stdlib.h>

#include "core/keepers_signup.h"
#include "core/keepers_text.h"


#define ACCEPTED_ARENA       4096
#define ACCEPTED_LINE        32768
#define ACCEPTED_LAST        0x10ffff
#define ACCEPTED_NAME_PACK   25     /* a value has room for so many */
#define ACCEPTED_SHORT_PACK  11


typedef struct {
    keepers_signup_field_e   field;
    size_t                   pack;
    const char              *behind;
} accepted_kind_t;


static void accepted_lines(void);
static void accepted_all(const accepted_kind_t *kind);
static size_t accepted_put(const accepted_kind_t *kind, uint32_t first,
    size_t n, unsigned char *value);
static bool accepted_print(keepers_signup_field_e field, keepers_str_t typed);
static bool accepted_check(keepers_signup_field_e field, keepers_str_t typed,
    keepers_signup_t *signup, keepers_out_t *arena);
static keepers_str_t accepted_stored(const keepers_signup_t *signup,
    keepers_signup_field_e field);


static const accepted_kind_t  accepted_kinds[] = {
    { KEEPERS_SIGNUP_NAME, ACCEPTED_NAME_PACK, "b" },
    { KEEPERS_SIGNUP_EMAIL, ACCEPTED_SHORT_PACK, "b@x.example" },
    { KEEPERS_SIGNUP_PLACEMENT, ACCEPTED_SHORT_PACK, "b" }
};


int
main(int argc, char **argv)
{
    size_t  i;

    if (argc == 1) {
        accepted_lines();
        return 0;
    }

    if (strcmp(argv[1], "all") != 0) {
        return 2;
    }

    for (i = 0; i < sizeof(accepted_kinds) / sizeof(accepted_kinds[0]); i++) {
        accepted_all(&accepted_kinds[i]);
    }

    return 0;
}


static void
accepted_lines(void)
{
    char                    name[32];
    size_t                  i, len;
    unsigned                byte;
    unsigned char           value[ACCEPTED_LINE / 2];
    static char             hex[ACCEPTED_LINE];
    keepers_signup_field_e  field;

    while (scanf("%31s %32767[0-9a-f.]", name, hex) == 2) {

        /* the dot is there for the empty value */

        len = strlen(hex) / 2;

        for (i = 0; i < len; i++) {
            (void) sscanf(&hex[2 * i], "%2x", &byte);
            value[i] = (unsigned char) byte;
        }

        for (field = 0; field < KEEPERS_SIGNUP_TOKEN; field++) {
            if (strcmp(name, keepers_signup_field_name(field)) == 0) {
                (void) accepted_print(field, keepers_str(value, len));
            }
        }
    }
}


/* Many in one value; one by one where it is refused for one of them. */

static void
accepted_all(const accepted_kind_t *kind)
{
    size_t         n;
    uint32_t       uc, one;
    unsigned char  value[512];

    for (uc = 0; uc <= ACCEPTED_LAST; uc += (uint32_t) n) {
        n = kind->pack;

        if (accepted_print(kind->field,
                           keepers_str(value, accepted_put(kind, uc, n,
                                                           value))))
        {
            continue;
        }

        for (one = uc; one < uc + n; one++) {
            (void) accepted_print(kind->field,
                                  keepers_str(value,
                                              accepted_put(kind, one, 1,
                                                           value)));
        }
    }
}


/* Between letters, so that no mark goes with the mark before it. */

static size_t
accepted_put(const accepted_kind_t *kind, uint32_t first, size_t n,
    unsigned char *value)
{
    size_t    len;
    uint32_t  uc;

    len = 0;

    for (uc = first; uc < first + n; uc++) {
        value[len++] = 'a';

        if (uc < 0x80) {
            value[len++] = (unsigned char) uc;
            continue;
        }

        if (uc >= 0x10000) {
            value[len++] = (unsigned char) (0xf0 | uc >> 18);
            value[len++] = (unsigned char) (0x80 | (uc >> 12 & 0x3f));
        } else if (uc >= 0x800) {
            value[len++] = (unsigned char) (0xe0 | uc >> 12);
        } else {
            value[len++] = (unsigned char) (0xc0 | uc >> 6);
        }

        if (uc >= 0x800) {
            value[len++] = (unsigned char) (0x80 | (uc >> 6 & 0x3f));
        }

        value[len++] = (unsigned char) (0x80 | (uc & 0x3f));
    }

    memcpy(&value[len], kind->behind, strlen(kind->behind));

    return len + strlen(kind->behind);
}


static bool
accepted_print(keepers_signup_field_e field, keepers_str_t typed)
{
    size_t            i;
    keepers_str_t     stored;
    keepers_out_t     arena;
    keepers_signup_t  signup;
    unsigned char     buf[ACCEPTED_ARENA];

    keepers_out_init(&arena, buf, sizeof(buf));

    if (!accepted_check(field, typed, &signup, &arena)) {
        return false;
    }

    stored = accepted_stored(&signup, field);

    if (stored.len == 0) {
        return false;
    }

    printf("%s ", keepers_signup_field_name(field));

    for (i = 0; i < stored.len; i++) {
        printf("%02x", stored.data[i]);
    }

    putchar('\n');

    return true;
}


static bool
accepted_check(keepers_signup_field_e field, keepers_str_t typed,
    keepers_signup_t *signup, keepers_out_t *arena)
{
    keepers_link_t      link;
    keepers_field_t     fields[KEEPERS_SIGNUP_FIELDS];
    keepers_faults_t    faults;
    keepers_fieldset_t  set;

    memset(&link, 0, sizeof(link));
    memset(signup, 0, sizeof(keepers_signup_t));

    link.flags = KEEPERS_LINK_PHONE | KEEPERS_LINK_NAME_OPTIONAL;
    link.locale = keepers_str("en", 2);

    keepers_signup_fields(fields, &set);

    fields[KEEPERS_SIGNUP_EMAIL].kind = KEEPERS_FIELD_STRING;
    fields[KEEPERS_SIGNUP_EMAIL].value = keepers_str("a@x.example", 11);
    fields[field].kind = KEEPERS_FIELD_STRING;
    fields[field].value = typed;

    /* what reads forms and JSON asks for it */

    if (!keepers_text_utf8(typed)) {
        return false;
    }

    keepers_signup_check(&set, &link, signup, &faults, arena, NULL);

    return faults.n == 0;
}


static keepers_str_t
accepted_stored(const keepers_signup_t *signup, keepers_signup_field_e field)
{
    switch (field) {

    case KEEPERS_SIGNUP_NAME:
        return signup->name;

    case KEEPERS_SIGNUP_EMAIL:
        return signup->email;

    case KEEPERS_SIGNUP_PHONE:
        return signup->phone;

    case KEEPERS_SIGNUP_LOCALE:
        return signup->locale;

    default:
        return field >= KEEPERS_SIGNUP_PLACEMENT
               ? signup->source[field - KEEPERS_SIGNUP_PLACEMENT]
               : keepers_str(NULL, 0);
    }
}
