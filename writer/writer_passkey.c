
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_passkey.h"

#include "writer/writer_passkey_key.h"

#include "core/keepers_in.h"
#include "core/keepers_json.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define WRITER_PASSKEY_VERSION     1
#define WRITER_PASSKEY_CLIENT_MAX  1024
#define WRITER_PASSKEY_PARTS_MAX   6

/* what keepers_json_read() wants */
#define WRITER_PASSKEY_HEAP        (16384 + 4 * WRITER_PASSKEY_CLIENT_MAX)

/* of a signature: somebody was there, and proved who */
#define WRITER_PASSKEY_UP_UV       0x05

/* where the counter is in the data */
#define WRITER_PASSKEY_COUNTER     33

/* behind the counter there is a key, there are extensions */
#define WRITER_PASSKEY_ATTESTED    0x40
#define WRITER_PASSKEY_EXTENDED    0x80


typedef enum {
    WRITER_PASSKEY_TYPE = 0,
    WRITER_PASSKEY_SIGNED,
    WRITER_PASSKEY_FROM,
    WRITER_PASSKEY_CROSS,
    WRITER_PASSKEY_TOP,
    WRITER_PASSKEY_FIELDS
} writer_passkey_field_e;


/* The generator of P-256: a point of the curve, and everybody's secret. */
static const writer_passkey_t  writer_passkey_nobody = {
    .algorithm = WRITER_PASSKEY_ES256,
    .key_len = WRITER_PASSKEY_ES256_LEN,
    .key = {
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47,
        0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
        0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
        0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
        0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b,
        0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
        0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
        0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5
    }
};


static bool writer_passkey_parts(keepers_str_t text, keepers_str_t *parts,
    size_t n);
static bool writer_passkey_bytes(keepers_str_t text, keepers_out_t *room,
    keepers_str_t *bytes);
static bool writer_passkey_views(keepers_str_t *parts, bool add,
    writer_passkey_answer_t *answer);
static writer_passkey_e writer_passkey_client(const writer_conf_t *conf,
    bool add, const writer_passkey_answer_t *answer);
static writer_passkey_e writer_passkey_judge(const writer_conf_t *conf,
    bool add, const writer_passkey_answer_t *answer,
    const keepers_field_t *fields);
static bool writer_passkey_origin(const writer_conf_t *conf,
    keepers_str_t origin);
static bool writer_passkey_is(const keepers_field_t *field, const char *text);
static writer_passkey_e writer_passkey_take(keepers_str_t data,
    writer_passkey_t *passkey);
static uint32_t writer_passkey_counter(keepers_str_t data);
static bool writer_passkey_extended(keepers_str_t data);
static bool writer_passkey_signed(const writer_passkey_answer_t *answer,
    const writer_passkey_t *passkey);
static writer_passkey_e writer_passkey_data(const writer_conf_t *conf,
    bool add, keepers_str_t data);


writer_passkey_e
writer_passkey_read(const writer_conf_t *conf,
    const writer_challenge_for_t *what, keepers_str_t text, uint64_t now_ms,
    writer_passkey_answer_t *answer)
{
    bool           add;
    keepers_str_t  parts[WRITER_PASSKEY_PARTS_MAX];

    memset(answer, 0, sizeof(*answer));

    add = what->purpose == WRITER_CHALLENGE_ADD;

    if (!writer_passkey_parts(text, parts, add ? 3 : 6)
        || !writer_passkey_views(parts, add, answer))
    {
        return WRITER_PASSKEY_MALFORMED;
    }

    if (!writer_challenge_read(conf->master_ring, what, parts[0], now_ms,
                               &answer->challenge))
    {
        return WRITER_PASSKEY_CHALLENGE;
    }

    return writer_passkey_client(conf, add, answer);
}


/* Exactly so many. */
static bool
writer_passkey_parts(keepers_str_t text, keepers_str_t *parts, size_t n)
{
    size_t  i, from, part;

    for (i = 0, from = 0, part = 0; i <= text.len; i++) {
        if (i != text.len && text.data[i] != '.') {
            continue;
        }

        if (part == n) {
            return false;
        }

        parts[part++] = keepers_str(text.data + from, i - from);
        from = i + 1;
    }

    return part == n;
}


static bool
writer_passkey_bytes(keepers_str_t text, keepers_out_t *room,
    keepers_str_t *bytes)
{
    size_t          len;
    unsigned char  *p;

    len = text.len * 3 / 4;
    p = keepers_out_take(room, len);

    if (p == NULL || (len != 0 && !keepers_text_base64url_decode(text, p, len))
        || (len == 0 && text.len != 0))
    {
        return false;
    }

    *bytes = keepers_str(p, len);

    return true;
}


static bool
writer_passkey_views(keepers_str_t *parts, bool add,
    writer_passkey_answer_t *answer)
{
    keepers_out_t  room;

    keepers_out_init(&room, answer->room, sizeof(answer->room));

    if (!writer_passkey_bytes(parts[1], &room, &answer->client)
        || answer->client.len > WRITER_PASSKEY_CLIENT_MAX)
    {
        return false;
    }

    if (add) {
        return writer_passkey_bytes(parts[2], &room, &answer->attestation);
    }

    return writer_passkey_bytes(parts[2], &room, &answer->credential)
           && writer_passkey_bytes(parts[3], &room, &answer->data)
           && writer_passkey_bytes(parts[4], &room, &answer->signature)
           && writer_passkey_bytes(parts[5], &room, &answer->handle);
}


static writer_passkey_e
writer_passkey_client(const writer_conf_t *conf, bool add,
    const writer_passkey_answer_t *answer)
{
    int                 rc;
    keepers_out_t       arena;
    keepers_field_t     fields[WRITER_PASSKEY_FIELDS];
    keepers_fieldset_t  set;
    unsigned char       text[WRITER_PASSKEY_CLIENT_MAX];
    unsigned char       heap[WRITER_PASSKEY_HEAP];

    static const keepers_str_t  names[WRITER_PASSKEY_FIELDS] = {
        keepers_string("type"),
        keepers_string("challenge"),
        keepers_string("origin"),
        keepers_string("crossOrigin"),
        keepers_string("topOrigin")
    };

    keepers_fieldset_init(&set, fields, names, WRITER_PASSKEY_FIELDS);
    keepers_out_init(&arena, text, sizeof(text));

    rc = keepers_json_read(answer->client, &set, &arena, heap, sizeof(heap));

    return rc == KEEPERS_OK ? writer_passkey_judge(conf, add, answer, fields)
                            : WRITER_PASSKEY_MALFORMED;
}


/* In a frame of somebody else, a person does not see where they are. */
static writer_passkey_e
writer_passkey_judge(const writer_conf_t *conf, bool add,
    const writer_passkey_answer_t *answer, const keepers_field_t *fields)
{
    unsigned char          bytes[WRITER_CHALLENGE_LEN];
    const keepers_field_t  *f;

    if (!writer_passkey_is(&fields[WRITER_PASSKEY_TYPE],
                           add ? "webauthn.create" : "webauthn.get"))
    {
        return WRITER_PASSKEY_MALFORMED;
    }

    f = &fields[WRITER_PASSKEY_SIGNED];

    if (f->kind != KEEPERS_FIELD_STRING
        || !keepers_text_base64url_decode(f->value, bytes, sizeof(bytes))
        || !keepers_equal(bytes, answer->challenge.bytes, sizeof(bytes)))
    {
        return WRITER_PASSKEY_CHALLENGE;
    }

    f = &fields[WRITER_PASSKEY_CROSS];

    if ((f->kind != KEEPERS_FIELD_ABSENT && f->kind != KEEPERS_FIELD_FALSE)
        || fields[WRITER_PASSKEY_TOP].kind != KEEPERS_FIELD_ABSENT
        || fields[WRITER_PASSKEY_FROM].kind != KEEPERS_FIELD_STRING
        || !writer_passkey_origin(conf, fields[WRITER_PASSKEY_FROM].value))
    {
        return WRITER_PASSKEY_ORIGIN;
    }

    return WRITER_PASSKEY_OK;
}


/* Byte for byte one of those that the configuration lists, a blank between. */
static bool
writer_passkey_origin(const writer_conf_t *conf, keepers_str_t origin)
{
    size_t       len;
    const char  *p;

    for (p = conf->passkey_origins; *p != '\0'; p += len) {
        p += strspn(p, " ");
        len = strcspn(p, " ");

        if (len != 0 && keepers_str_eq(keepers_str(p, len), origin)) {
            return true;
        }
    }

    return false;
}


static bool
writer_passkey_is(const keepers_field_t *field, const char *text)
{
    return field->kind == KEEPERS_FIELD_STRING
           && keepers_str_eq(field->value, keepers_str(text, strlen(text)));
}


writer_passkey_e
writer_passkey_make(const writer_conf_t *conf,
    const writer_passkey_answer_t *answer, writer_passkey_t *passkey)
{
    keepers_str_t     data;
    writer_passkey_e  rc;

    memset(passkey, 0, sizeof(*passkey));

    if (!writer_attestation_none(answer->attestation, &data)) {
        return WRITER_PASSKEY_ATTESTATION;
    }

    rc = writer_passkey_data(conf, true, data);

    return rc == WRITER_PASSKEY_OK ? writer_passkey_take(data, passkey) : rc;
}


static writer_passkey_e
writer_passkey_take(keepers_str_t data, writer_passkey_t *passkey)
{
    keepers_str_t             id, rest;
    keepers_out_t             out;
    writer_attestation_key_t  key;

    if (!writer_attestation_credential(data, &id, &rest)
        || id.len == 0 || id.len > sizeof(passkey->credential))
    {
        return WRITER_PASSKEY_MALFORMED;
    }

    if (!writer_attestation_key(&rest, &key)) {
        return WRITER_PASSKEY_ALGORITHM;
    }

    if ((rest.len != 0) != writer_passkey_extended(data)) {
        return WRITER_PASSKEY_MALFORMED;
    }

    keepers_out_init(&out, passkey->key, sizeof(passkey->key));
    keepers_out_str(&out, key.key[0]);
    keepers_out_str(&out, key.key[1]);

    memcpy(passkey->credential, id.data, id.len);
    passkey->credential_len = id.len;
    passkey->algorithm = key.algorithm;
    passkey->key_len = out.len;
    passkey->counter = writer_passkey_counter(data);

    return !out.overflow && writer_passkey_key_good(passkey)
           ? WRITER_PASSKEY_OK : WRITER_PASSKEY_ALGORITHM;
}


/* Its place is proven: see writer_passkey_data(). */
static uint32_t
writer_passkey_counter(keepers_str_t data)
{
    keepers_in_t  in;

    keepers_in_init(&in, keepers_str(data.data + WRITER_PASSKEY_COUNTER, 4));

    return keepers_in_u32(&in);
}


static bool
writer_passkey_extended(keepers_str_t data)
{
    return (data.data[WRITER_PASSKEY_COUNTER - 1] & WRITER_PASSKEY_EXTENDED)
           != 0;
}


writer_passkey_e
writer_passkey_verify(const writer_conf_t *conf,
    const writer_passkey_answer_t *answer, const writer_passkey_t *passkey,
    uint32_t *counter)
{
    bool              good;
    writer_passkey_e  rc;

    rc = writer_passkey_data(conf, false, answer->data);
    if (rc != WRITER_PASSKEY_OK) {
        return rc;
    }

    good = writer_passkey_signed(answer, passkey != NULL
                                         ? passkey : &writer_passkey_nobody);

    if (!good || passkey == NULL) {
        return WRITER_PASSKEY_SIGNATURE;
    }

    *counter = writer_passkey_counter(answer->data);

    return WRITER_PASSKEY_OK;
}


/* Signed are the data of the authenticator, and a hash of the browser's. */
static bool
writer_passkey_signed(const writer_passkey_answer_t *answer,
    const writer_passkey_t *passkey)
{
    keepers_out_t  out;
    unsigned char  hash[crypto_hash_sha256_BYTES];
    unsigned char  bytes[WRITER_PASSKEY_ROOM + sizeof(hash)];

    crypto_hash_sha256(hash, answer->client.data, answer->client.len);

    keepers_out_init(&out, bytes, sizeof(bytes));
    keepers_out_str(&out, answer->data);
    keepers_out_bytes(&out, hash, sizeof(hash));

    return writer_passkey_key_signed(passkey, keepers_out_written(&out),
                                     answer->signature);
}


/* hash of the rp id 32 | flags 1 | counter 4 | what two flags say is there */
static writer_passkey_e
writer_passkey_data(const writer_conf_t *conf, bool add, keepers_str_t data)
{
    unsigned char  flags, hash[crypto_hash_sha256_BYTES];

    if (data.len < sizeof(hash) + 5) {
        return WRITER_PASSKEY_MALFORMED;
    }

    crypto_hash_sha256(hash, (const unsigned char *) conf->passkey_rp_id,
                       strlen(conf->passkey_rp_id));

    if (!keepers_equal(data.data, hash, sizeof(hash))) {
        return WRITER_PASSKEY_RP;
    }

    flags = data.data[sizeof(hash)];

    if (add != ((flags & WRITER_PASSKEY_ATTESTED) != 0)
        || (!add && (data.len != sizeof(hash) + 5)
                    != writer_passkey_extended(data)))
    {
        return WRITER_PASSKEY_MALFORMED;
    }

    return (flags & WRITER_PASSKEY_UP_UV) == WRITER_PASSKEY_UP_UV
           ? WRITER_PASSKEY_OK : WRITER_PASSKEY_FLAGS;
}


void
writer_passkey_encode(const writer_passkey_t *passkey, keepers_str_t name,
    keepers_out_t *out)
{
    keepers_out_byte(out, WRITER_PASSKEY_VERSION);
    keepers_out_u16(out, (uint16_t) -passkey->algorithm);
    keepers_out_lstr(out, keepers_str(passkey->credential,
                                      passkey->credential_len));
    keepers_out_lstr(out, keepers_str(passkey->key, passkey->key_len));
    keepers_out_lstr(out, name);
}


/* "name" is a view into "record". */
bool
writer_passkey_decode(keepers_str_t record, writer_passkey_t *passkey,
    keepers_str_t *name)
{
    uint8_t        version;
    keepers_in_t   in;
    keepers_str_t  credential, key;

    memset(passkey, 0, sizeof(*passkey));
    keepers_in_init(&in, record);

    version = keepers_in_u8(&in);
    passkey->algorithm = - (int) keepers_in_u16(&in);
    credential = keepers_in_lstr(&in);
    key = keepers_in_lstr(&in);
    *name = keepers_in_lstr(&in);

    if (!keepers_in_done(&in)
        || version != WRITER_PASSKEY_VERSION
        || credential.len == 0 || credential.len > sizeof(passkey->credential)
        || key.len == 0 || key.len > sizeof(passkey->key))
    {
        return false;
    }

    passkey->credential_len = credential.len;
    passkey->key_len = key.len;
    memcpy(passkey->credential, credential.data, credential.len);
    memcpy(passkey->key, key.data, key.len);

    return true;
}


const char *
writer_passkey_code(writer_passkey_e fault)
{
    static const char *const  codes[] = {
        "ok", "malformed", "challenge", "origin", "rp", "flags",
        "attestation", "algorithm", "signature"
    };

    return codes[fault];
}
