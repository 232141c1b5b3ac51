
/*
 * Copyright (C) Keepers
 *
 * A signup from body to record.  The first byte is the link's rules, the second
 * chooses: a form as it came, JSON as it came, or a list of fields
 *
 *   field 1 | length 1 | bytes
 *
 * that is sent both ways and must give the same record, or the same faults.
 * Whatever passes is text that may be stored: NFC, without controls, not too
 * long; the record is read back as it was, and the writer finds nothing wrong.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_form.h"
#include "core/keepers_json.h"
#include "core/keepers_signup.h"
#include "core/keepers_text.h"

#include <unigbrk.h>
#include <uninorm.h>


#define INPUT_MAX  8192
#define BODY_MAX   (8 * INPUT_MAX)
#define HEAP_MAX   (16 * 1024 + 4 * BODY_MAX)


/* One signup on its way. */
typedef struct {
    int                 rc;
    keepers_field_t     fields[KEEPERS_SIGNUP_FIELDS];
    keepers_fieldset_t  set;
    keepers_signup_t    signup;
    keepers_faults_t    faults;
    size_t              len;
    unsigned char       record[KEEPERS_SIGNUP_RECORD_MAX];
    unsigned char       values[BODY_MAX];
    unsigned char       arena[KEEPERS_SIGNUP_ARENA];
} way_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void make_link(keepers_link_t *link, uint8_t rules);
static void send_form(way_t *way, const keepers_link_t *link,
    keepers_str_t body);
static void send_json(way_t *way, const keepers_link_t *link,
    keepers_str_t body);
static void judge(way_t *way, const keepers_link_t *link);
static void check_stored(const way_t *way, const keepers_link_t *link);
static void check_text(keepers_str_t s, size_t max);
static void check_record(way_t *way);
static void both(keepers_str_t list, const keepers_link_t *link);
static bool next(keepers_str_t *list, size_t *field, keepers_str_t *value);
static void add_form(keepers_out_t *out, keepers_str_t name, keepers_str_t v);
static void add_json(keepers_out_t *out, keepers_str_t name, keepers_str_t v);


static way_t          form, json;
static unsigned char  form_buf[BODY_MAX], json_buf[BODY_MAX], heap[HEAP_MAX];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    keepers_str_t   rest;
    keepers_link_t  link;

    if (size < 2 || size > INPUT_MAX) {
        return 0;
    }

    make_link(&link, data[0]);
    rest = keepers_str(data + 2, size - 2);

    switch (data[1] % 3) {

    case 0:
        both(rest, &link);
        break;

    case 1:
        send_form(&form, &link, rest);
        break;

    default:
        send_json(&json, &link, rest);
    }

    return 0;
}


static void
make_link(keepers_link_t *link, uint8_t rules)
{
    memset(link, 0, sizeof(keepers_link_t));

    link->state = KEEPERS_LINK_OPEN;
    link->flags = rules & (KEEPERS_LINK_PHONE | KEEPERS_LINK_NAME_OPTIONAL
                           | KEEPERS_LINK_CONSENT_EMAIL
                           | KEEPERS_LINK_CONSENT_SMS);
    link->slug = keepers_str("corner-coffee", 13);
    link->locale = keepers_str("en", 2);
    link->consent_email = keepers_str("Yes, by e-mail", 14);
    link->consent_sms = keepers_str("Yes, by text", 12);
}


static void
send_form(way_t *way, const keepers_link_t *link, keepers_str_t body)
{
    keepers_out_t  values;

    keepers_out_init(&values, way->values, sizeof(way->values));
    keepers_signup_fields(way->fields, &way->set);

    way->rc = keepers_form_read(body, &way->set, &values);
    check(way->rc != KEEPERS_FIELDS_NO_SPACE);

    judge(way, link);
}


static void
send_json(way_t *way, const keepers_link_t *link, keepers_str_t body)
{
    keepers_out_t  values;

    keepers_out_init(&values, way->values, sizeof(way->values));
    keepers_signup_fields(way->fields, &way->set);

    way->rc = keepers_json_read(body, &way->set, &values, heap,
                                16 * 1024 + 4 * body.len);
    check(way->rc != KEEPERS_FIELDS_NO_SPACE);

    judge(way, link);
}


static void
judge(way_t *way, const keepers_link_t *link)
{
    keepers_out_t  arena;

    memset(&way->signup, 0, sizeof(keepers_signup_t));
    memset(&way->faults, 0, sizeof(keepers_faults_t));
    way->len = 0;

    if (way->rc != KEEPERS_OK) {
        return;
    }

    way->signup.slug = link->slug;
    way->signup.received_ms = 1795000000000;

    keepers_out_init(&arena, way->arena, sizeof(way->arena));
    keepers_signup_check(&way->set, link, &way->signup, &way->faults, &arena,
                         NULL);

    check(!arena.overflow);

    if (way->faults.n == 0) {
        check_stored(way, link);
        check_record(way);
    }
}


static void
check_stored(const way_t *way, const keepers_link_t *link)
{
    size_t                  i, clusters;
    const uint8_t          *p, *end;
    const keepers_signup_t *s;

    s = &way->signup;

    check_text(s->name, KEEPERS_NAME_LEN_MAX);
    check_text(s->email, KEEPERS_EMAIL_LEN_MAX);
    check_text(s->phone, 1 + KEEPERS_PHONE_DIGITS_MAX);

    check(s->name.len != 0 || (link->flags & KEEPERS_LINK_NAME_OPTIONAL));
    check(s->email.len != 0);
    check(s->phone.len == 0 || (link->flags & KEEPERS_LINK_PHONE));
    check(keepers_link_locale(s->locale));

    clusters = 0;

    if (s->name.len != 0) {
        end = s->name.data + s->name.len;

        for (p = s->name.data; p != NULL && p < end;
             p = u8_grapheme_next(p, end))
        {
            clusters++;
        }
    }

    check(clusters <= KEEPERS_NAME_GRAPHEMES_MAX);

    for (i = 0; i < sizeof(s->source) / sizeof(s->source[0]); i++) {
        check(s->source[i].len <= KEEPERS_SOURCE_LEN_MAX);
        check(keepers_text_utf8(s->source[i]));
        check(!keepers_text_has_control(s->source[i]));
    }
}


static void
check_text(keepers_str_t s, size_t max)
{
    size_t   len;
    uint8_t  *nfc, buf[2 * KEEPERS_NAME_LEN_MAX];

    check(s.len <= max);
    check(keepers_text_utf8(s) && !keepers_text_has_control(s));

    if (s.len == 0) {
        return;
    }

    len = sizeof(buf);
    nfc = u8_normalize(UNINORM_NFC, s.data, s.len, buf, &len);

    check(nfc == buf && keepers_str_eq(keepers_str(buf, len), s));
}


static void
check_record(way_t *way)
{
    keepers_out_t     out, again;
    unsigned char     buf[KEEPERS_SIGNUP_RECORD_MAX];
    keepers_signup_t  back;

    keepers_out_init(&out, way->record, sizeof(way->record));
    keepers_signup_encode(&way->signup, &out);
    check(!out.overflow);
    way->len = out.len;

    check(keepers_signup_decode(keepers_out_written(&out), &back)
          == KEEPERS_OK);
    check(keepers_signup_sound(&back));

    keepers_out_init(&again, buf, sizeof(buf));
    keepers_signup_encode(&back, &again);
    check(keepers_str_eq(keepers_out_written(&out),
                         keepers_out_written(&again)));
}


static void
both(keepers_str_t list, const keepers_link_t *link)
{
    bool             seen[KEEPERS_SIGNUP_FIELDS] = { false };
    size_t           field;
    keepers_str_t    v;
    keepers_out_t    f, j;
    keepers_field_t  fields[KEEPERS_SIGNUP_FIELDS];

    keepers_signup_fields(fields, &form.set);

    keepers_out_init(&f, form_buf, sizeof(form_buf));
    keepers_out_init(&j, json_buf, sizeof(json_buf));
    keepers_out_byte(&j, '{');

    while (next(&list, &field, &v)) {

        /* JSON has no way to write what is no text */

        if (seen[field] || !keepers_text_utf8(v)) {
            continue;
        }

        seen[field] = true;

        add_form(&f, fields[field].name, v);
        add_json(&j, fields[field].name, v);
    }

    keepers_out_byte(&j, '}');
    check(!f.overflow && !j.overflow);

    send_form(&form, link, keepers_out_written(&f));
    send_json(&json, link, keepers_out_written(&j));

    check(form.rc == KEEPERS_OK && json.rc == KEEPERS_OK);
    check(memcmp(&form.faults, &json.faults, sizeof(keepers_faults_t)) == 0);
    check(form.len == json.len
          && memcmp(form.record, json.record, form.len) == 0);
}


static bool
next(keepers_str_t *list, size_t *field, keepers_str_t *value)
{
    size_t  len;

    if (list->len < 2) {
        return false;
    }

    *field = list->data[0] % KEEPERS_SIGNUP_FIELDS;
    len = list->data[1];

    list->data += 2;
    list->len -= 2;

    /* a name may have 400 bytes, an address 254 */

    if (len >= 0xf0) {
        len = (len - 0xef) * 32;
    }

    if (len > list->len) {
        len = list->len;
    }

    *value = keepers_str(list->data, len);

    list->data += len;
    list->len -= len;

    return true;
}


static void
add_form(keepers_out_t *out, keepers_str_t name, keepers_str_t v)
{
    size_t  i;

    if (out->len != 0) {
        keepers_out_byte(out, '&');
    }

    keepers_out_str(out, name);
    keepers_out_byte(out, '=');

    for (i = 0; i < v.len; i++) {

        if (v.data[i] == ' ') {
            keepers_out_byte(out, '+');
            continue;
        }

        keepers_out_byte(out, '%');
        keepers_text_hex(out, keepers_str(&v.data[i], 1));
    }
}


static void
add_json(keepers_out_t *out, keepers_str_t name, keepers_str_t v)
{
    if (out->len > 1) {
        keepers_out_byte(out, ',');
    }

    keepers_json_string(out, name);
    keepers_out_byte(out, ':');
    keepers_json_string(out, v);
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
