
/*
 * Copyright (C) Keepers
 *
 * What an edge sends the writer, without an edge, for the tests:
 *
 *     envelope KEYS signup|signin|step_up|forgot|reset|identity|ticket
 *              [NAME=VALUE]...
 *
 * writes a sealed record, the value of Keepers-Identity, or the token of a
 * form, to standard output.  KEYS is a folder of "keepers-writer keygen".
 * NAME:VALUE has the value in hexadecimal: what no argument can carry.
 */


#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/keepers_envelope.h"
#include "core/keepers_identity.h"
#include "core/keepers_reset.h"
#include "core/keepers_session.h"
#include "core/keepers_signin.h"
#include "core/keepers_signup.h"
#include "core/keepers_step_up.h"
#include "core/keepers_text.h"
#include "core/keepers_token.h"


#define ENVELOPE_FILE_MAX  1024


typedef struct {
    int                  argc;
    char               **argv;
    const char          *dir;
    keepers_keyring_t   *ring;
    uint64_t             now_ms;
} envelope_t;


static size_t envelope_file(const envelope_t *e, const char *name, char *buf);
static keepers_str_t envelope_str(const envelope_t *e, const char *name);
static keepers_str_t envelope_hex(const char *digits);
static uint64_t envelope_number(const envelope_t *e, const char *name,
    uint64_t otherwise);
static void envelope_uuid(const envelope_t *e, const char *name,
    keepers_uuid_t *uuid);
static void envelope_consent(const envelope_t *e, const char *name,
    unsigned char hash[KEEPERS_HASH_LEN]);
static void envelope_sid(const envelope_t *e, unsigned char sid[8]);
static void envelope_signup(const envelope_t *e, keepers_out_t *record);
static void envelope_signin(const envelope_t *e, keepers_out_t *record);
static void envelope_step_up(const envelope_t *e, keepers_out_t *record);
static void envelope_forgot(const envelope_t *e, keepers_out_t *record);
static void envelope_reset(const envelope_t *e, keepers_out_t *record);
static void envelope_identity(const envelope_t *e, keepers_out_t *out);
static void envelope_ticket(const envelope_t *e, keepers_out_t *out);
static int envelope_seal(const envelope_t *e, keepers_str_t record,
    keepers_out_t *out);


int
main(int argc, char **argv)
{
    int              rc;
    char             text[ENVELOPE_FILE_MAX];
    size_t           line;
    envelope_t       e;
    const char      *file;
    keepers_out_t    out, record;
    struct timespec  now;
    unsigned char    plain[4096], sealed[8192];

    if (argc < 3 || keepers_keyring_init() != KEEPERS_OK) {
        return 2;
    }

    e.argc = argc - 3;
    e.argv = argv + 3;
    e.dir = argv[1];

    clock_gettime(CLOCK_REALTIME, &now);
    e.now_ms = (uint64_t) now.tv_sec * 1000
               + (uint64_t) now.tv_nsec / 1000000;
    e.now_ms = envelope_number(&e, "now_ms", e.now_ms);

    /* a form's token is of the edges alone */

    file = strcmp(argv[2], "ticket") == 0 ? "edge.keys" : "shared.keys";

    rc = keepers_keyring_read(keepers_str(text,
                                          envelope_file(&e, file, text)),
                              &e.ring, &line);
    if (rc != KEEPERS_OK) {
        return 1;
    }

    keepers_out_init(&record, plain, sizeof(plain));
    keepers_out_init(&out, sealed, sizeof(sealed));

    if (strcmp(argv[2], "identity") == 0) {
        envelope_identity(&e, &out);

    } else if (strcmp(argv[2], "ticket") == 0) {
        envelope_ticket(&e, &out);

    } else {
        if (strcmp(argv[2], "signup") == 0) {
            envelope_signup(&e, &record);
        } else if (strcmp(argv[2], "step_up") == 0) {
            envelope_step_up(&e, &record);
        } else if (strcmp(argv[2], "forgot") == 0) {
            envelope_forgot(&e, &record);
        } else if (strcmp(argv[2], "reset") == 0) {
            envelope_reset(&e, &record);
        } else {
            envelope_signin(&e, &record);
        }

        rc = envelope_seal(&e, keepers_out_written(&record), &out);
    }

    keepers_keyring_free(e.ring);

    if (rc != KEEPERS_OK || out.overflow) {
        return 1;
    }

    return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}


static size_t
envelope_file(const envelope_t *e, const char *name, char *buf)
{
    char    path[4096];
    FILE   *file;
    size_t  n;

    (void) snprintf(path, sizeof(path), "%s/%s", e->dir, name);

    file = fopen(path, "r");

    if (file == NULL) {
        perror(path);
        exit(1);
    }

    n = fread(buf, 1, ENVELOPE_FILE_MAX, file);
    fclose(file);

    return n;
}


static keepers_str_t
envelope_str(const envelope_t *e, const char *name)
{
    int     i;
    char   *value;
    size_t  len;

    len = strlen(name);

    for (i = 0; i < e->argc; i++) {
        if (strncmp(e->argv[i], name, len) != 0) {
            continue;
        }

        value = e->argv[i] + len + 1;

        if (value[-1] == '=') {
            return keepers_str(value, strlen(value));
        }

        if (value[-1] == ':') {
            return envelope_hex(value);
        }
    }

    return keepers_str("", 0);
}


/* Never freed: the program ends when it has sealed. */

static keepers_str_t
envelope_hex(const char *digits)
{
    size_t          i, len;
    unsigned char  *bytes;

    len = strlen(digits) / 2;
    bytes = malloc(len + 1);

    if (bytes == NULL) {
        exit(1);
    }

    for (i = 0; i < len; i++) {
        bytes[i] = (unsigned char)
                   (keepers_text_nibble((unsigned char) digits[2 * i]) << 4
                    | keepers_text_nibble((unsigned char) digits[2 * i + 1]));
    }

    return keepers_str(bytes, len);
}


static uint64_t
envelope_number(const envelope_t *e, const char *name, uint64_t otherwise)
{
    uint64_t  n;

    return keepers_text_uint(envelope_str(e, name), &n) ? n : otherwise;
}


static void
envelope_uuid(const envelope_t *e, const char *name, keepers_uuid_t *uuid)
{
    unsigned char  random[10];

    if (!keepers_text_uuid_parse(envelope_str(e, name), uuid)) {
        keepers_random(random, sizeof(random));
        keepers_text_uuid7(uuid, e->now_ms, random);
    }
}


static void
envelope_consent(const envelope_t *e, const char *name,
    unsigned char hash[KEEPERS_HASH_LEN])
{
    keepers_str_t  text;

    text = envelope_str(e, name);

    if (text.len != 0) {
        keepers_signup_text_hash(text, hash);
    }
}


static void
envelope_sid(const envelope_t *e, unsigned char sid[8])
{
    memset(sid, (int) envelope_number(e, "sid", 0), 8);
}


static void
envelope_signup(const envelope_t *e, keepers_out_t *record)
{
    size_t                    i;
    keepers_signup_t          signup;
    static const char *const  sources[] = {
        "placement", "utm_source", "utm_medium", "utm_campaign", "utm_term",
        "utm_content"
    };

    memset(&signup, 0, sizeof(signup));

    envelope_uuid(e, "id", &signup.id);
    signup.received_ms = envelope_number(e, "received_ms", e->now_ms);
    signup.flags = (uint16_t) envelope_number(e, "flags", 0);
    signup.slug = envelope_str(e, "slug");
    signup.name = envelope_str(e, "name");
    signup.email = envelope_str(e, "email");
    signup.phone = envelope_str(e, "phone");
    signup.phone_typed = envelope_str(e, "phone_typed");
    signup.locale = envelope_str(e, "locale");
    envelope_consent(e, "consent_email", signup.consent_email);
    envelope_consent(e, "consent_sms", signup.consent_sms);

    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        signup.source[i] = envelope_str(e, sources[i]);
    }

    keepers_signup_encode(&signup, record);
}


static void
envelope_signin(const envelope_t *e, keepers_out_t *record)
{
    keepers_signin_t  signin;

    memset(&signin, 0, sizeof(signin));

    signin.asked_ms = envelope_number(e, "asked_ms", e->now_ms);
    signin.email = envelope_str(e, "email");
    signin.password = envelope_str(e, "password");
    signin.code = envelope_str(e, "code");
    signin.passkey = envelope_str(e, "passkey");

    keepers_signin_encode(&signin, record);
}


static void
envelope_step_up(const envelope_t *e, keepers_out_t *record)
{
    keepers_step_up_t  step_up;

    memset(&step_up, 0, sizeof(step_up));

    step_up.asked_ms = envelope_number(e, "asked_ms", e->now_ms);
    envelope_uuid(e, "user", &step_up.user);
    step_up.password = envelope_str(e, "password");
    step_up.code = envelope_str(e, "code");
    step_up.passkey = envelope_str(e, "passkey");
    envelope_sid(e, step_up.sid);

    keepers_step_up_encode(&step_up, record);
}


static void
envelope_forgot(const envelope_t *e, keepers_out_t *record)
{
    keepers_forgot_t  forgot;

    memset(&forgot, 0, sizeof(forgot));

    forgot.asked_ms = envelope_number(e, "asked_ms", e->now_ms);
    forgot.email = envelope_str(e, "email");

    keepers_forgot_encode(&forgot, record);
}


static void
envelope_reset(const envelope_t *e, keepers_out_t *record)
{
    keepers_reset_t  reset;

    memset(&reset, 0, sizeof(reset));

    reset.asked_ms = envelope_number(e, "asked_ms", e->now_ms);
    reset.fresh = envelope_str(e, "new");

    if (!keepers_text_base64url_decode(envelope_str(e, "token"), reset.token,
                                       sizeof(reset.token)))
    {
        memset(reset.token, 0, sizeof(reset.token));
    }

    keepers_reset_encode(&reset, record);
}


static void
envelope_identity(const envelope_t *e, keepers_out_t *out)
{
    keepers_identity_t  identity;

    memset(&identity, 0, sizeof(identity));

    envelope_uuid(e, "user", &identity.user);
    envelope_uuid(e, "business", &identity.business);
    identity.issued_s = e->now_ms / 1000;
    identity.role = (uint8_t) keepers_role_read(envelope_str(e, "role"));
    identity.aal = (uint8_t) envelope_number(e, "aal", 1);
    envelope_sid(e, identity.sid);

    keepers_identity_write(e->ring, &identity, out);
}


static void
envelope_ticket(const envelope_t *e, keepers_out_t *out)
{
    unsigned char  nonce[KEEPERS_FORM_NONCE_LEN];

    keepers_random(nonce, sizeof(nonce));
    keepers_form_token_write(e->ring, envelope_str(e, "slug"), e->now_ms,
                             nonce, out);
}


static int
envelope_seal(const envelope_t *e, keepers_str_t record, keepers_out_t *out)
{
    char                       text[ENVELOPE_FILE_MAX];
    unsigned char              public[KEEPERS_KEY_LEN];
    keepers_envelope_sender_t  sender;

    if (!keepers_envelope_key_read(keepers_str(text,
                                               envelope_file(e, "writer.pub",
                                                             text)),
                                   public))
    {
        return KEEPERS_ENVELOPE_OTHER_WRITER;
    }

    memset(&sender, 0, sizeof(sender));

    return keepers_envelope_seal(&sender, e->ring, public, e->now_ms,
                                 record, out);
}
