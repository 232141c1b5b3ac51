
/*
 * Copyright (C) Keepers
 *
 * An address, whatever it is: what is stored keeps every rule, is a fixed
 * point, and so is its key.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_email.h"
#include "core/keepers_text.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void check_stored(keepers_str_t s, bool eai);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            rc;
    bool           eai, eai_again;
    keepers_out_t  out, again, key, key_again;
    unsigned char  buf[KEEPERS_EMAIL_LEN_MAX], again_buf[KEEPERS_EMAIL_LEN_MAX];
    unsigned char  key_buf[KEEPERS_EMAIL_LEN_MAX];
    unsigned char  key_again_buf[KEEPERS_EMAIL_LEN_MAX];

    keepers_out_init(&out, buf, sizeof(buf));
    rc = keepers_email_read(keepers_str(data, size), &out, &eai);

    check(!out.overflow);

    if (rc != KEEPERS_OK) {
        check(rc == KEEPERS_EMAIL_SYNTAX || rc == KEEPERS_EMAIL_TOO_LONG);
        check(out.len == 0);
        return 0;
    }

    check_stored(keepers_out_written(&out), eai);

    keepers_out_init(&again, again_buf, sizeof(again_buf));
    check(keepers_email_read(keepers_out_written(&out), &again, &eai_again)
          == KEEPERS_OK);
    check(keepers_str_eq(keepers_out_written(&out),
                         keepers_out_written(&again)));
    check(eai == eai_again);

    keepers_out_init(&key, key_buf, sizeof(key_buf));
    keepers_email_key(keepers_out_written(&out), &key);
    keepers_out_init(&key_again, key_again_buf, sizeof(key_again_buf));
    keepers_email_key(keepers_out_written(&key), &key_again);
    check(keepers_str_eq(keepers_out_written(&key),
                         keepers_out_written(&key_again)));

    return 0;
}


static void
check_stored(keepers_str_t s, bool eai)
{
    bool                  ascii;
    size_t                i, local;
    const unsigned char  *at;

    check(s.len >= 5 && s.len <= KEEPERS_EMAIL_LEN_MAX);
    check(keepers_text_utf8(s) && !keepers_text_has_control(s));

    at = memchr(s.data, '@', s.len);
    check(at != NULL);
    local = (size_t) (at - s.data);
    check(local >= 1 && local <= KEEPERS_EMAIL_LOCAL_MAX);
    check(memchr(at, '.', s.len - local) != NULL);

    ascii = true;

    for (i = 0; i < s.len; i++) {

        if (i < local) {
            ascii = ascii && s.data[i] < 0x80;
            check(strchr(" \"(),:;<>@[\\]", s.data[i]) == NULL);

        } else if (i > local) {
            check((s.data[i] >= 'a' && s.data[i] <= 'z')
                  || (s.data[i] >= '0' && s.data[i] <= '9')
                  || s.data[i] == '.' || s.data[i] == '-');
        }
    }

    check(eai == !ascii);
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
