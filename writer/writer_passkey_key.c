
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_passkey_key.h"

#include "core/keepers_out.h"

#include <openssl/evp.h>
#include <openssl/x509.h>


#define WRITER_PASSKEY_DER_MAX  384


/* What stands before and behind a key in a SubjectPublicKeyInfo (RFC 5280). */
typedef struct {
    int          algorithm;
    size_t       key_len;
    size_t       head_len;
    const char  *head;
    size_t       tail_len;
    const char  *tail;
} writer_passkey_key_form_t;


static EVP_PKEY *writer_passkey_key_read(const writer_passkey_t *passkey);


#define writer_der(text)  sizeof(text) - 1, text


static const writer_passkey_key_form_t  writer_passkey_key_forms[] = {

    /* id-ecPublicKey, prime256v1, a point that is not compressed */
    { WRITER_PASSKEY_ES256, WRITER_PASSKEY_ES256_LEN,
      writer_der("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08"
                 "\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04"),
      writer_der("") },

    /* id-Ed25519 */
    { WRITER_PASSKEY_EDDSA, WRITER_PASSKEY_EDDSA_LEN,
      writer_der("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"),
      writer_der("") },

    /* rsaEncryption: a modulus of 2048 bits, 65537 */
    { WRITER_PASSKEY_RS256, WRITER_PASSKEY_RS256_LEN,
      writer_der("\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
                 "\x01\x01\x05\x00\x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82"
                 "\x01\x01\x00"),
      writer_der("\x02\x03\x01\x00\x01") }
};

#define WRITER_PASSKEY_KEY_FORMS                                              \
    (sizeof(writer_passkey_key_forms) / sizeof(writer_passkey_key_forms[0]))


bool
writer_passkey_key_good(const writer_passkey_t *passkey)
{
    bool       good;
    EVP_PKEY  *key;

    key = writer_passkey_key_read(passkey);
    good = key != NULL;
    EVP_PKEY_free(key);

    return good;
}


/* By its DER, which OpenSSL of any version reads, and judges as it reads. */
static EVP_PKEY *
writer_passkey_key_read(const writer_passkey_t *passkey)
{
    size_t                            i;
    keepers_out_t                     out;
    unsigned char                     der[WRITER_PASSKEY_DER_MAX];
    const unsigned char              *p;
    const writer_passkey_key_form_t  *form;

    for (i = 0; i < WRITER_PASSKEY_KEY_FORMS; i++) {
        form = &writer_passkey_key_forms[i];

        if (form->algorithm != passkey->algorithm) {
            continue;
        }

        if (form->key_len != passkey->key_len
            || (form->tail_len != 0 && passkey->key[0] < 0x80))
        {
            /* of fewer bits than its length says */
            return NULL;
        }

        keepers_out_init(&out, der, sizeof(der));
        keepers_out_bytes(&out, form->head, form->head_len);
        keepers_out_bytes(&out, passkey->key, passkey->key_len);
        keepers_out_bytes(&out, form->tail, form->tail_len);

        p = der;

        return d2i_PUBKEY(NULL, &p, (long) out.len);
    }

    return NULL;
}


bool
writer_passkey_key_signed(const writer_passkey_t *passkey,
    keepers_str_t bytes, keepers_str_t signature)
{
    bool          good;
    EVP_PKEY     *key;
    EVP_MD_CTX   *ctx;

    key = writer_passkey_key_read(passkey);
    ctx = EVP_MD_CTX_new();

    good = key != NULL && ctx != NULL
           && EVP_DigestVerifyInit(ctx, NULL,
                                   passkey->algorithm == WRITER_PASSKEY_EDDSA
                                   ? NULL : EVP_sha256(), NULL, key)
              == 1
           && EVP_DigestVerify(ctx, signature.data, signature.len, bytes.data,
                               bytes.len)
              == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);

    return good;
}
