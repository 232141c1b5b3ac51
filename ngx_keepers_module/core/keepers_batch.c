
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_batch.h"

#include "core/keepers_in.h"


void
keepers_batch_begin(keepers_out_t *out)
{
    keepers_out_text(out, "KB");
}


void
keepers_batch_add(keepers_out_t *out, keepers_str_t envelope)
{
    keepers_out_lstr(out, envelope);
}


bool
keepers_batch_is(keepers_str_t body)
{
    return body.len >= KEEPERS_BATCH_HEAD
           && memcmp(body.data, "KB", KEEPERS_BATCH_HEAD) == 0;
}


size_t
keepers_batch_read(keepers_str_t body,
    keepers_str_t envelopes[KEEPERS_BATCH_MAX])
{
    size_t        n;
    keepers_in_t  in;

    if (!keepers_batch_is(body) || body.len > KEEPERS_BATCH_LEN_MAX) {
        return 0;
    }

    keepers_in_init(&in, keepers_str(body.data + KEEPERS_BATCH_HEAD,
                                     body.len - KEEPERS_BATCH_HEAD));

    for (n = 0; !keepers_in_done(&in); n++) {

        if (n == KEEPERS_BATCH_MAX) {
            return 0;
        }

        envelopes[n] = keepers_in_lstr(&in);

        if (envelopes[n].len == 0) {
            /* or the bytes end before it does */
            return 0;
        }
    }

    return n;
}


void
keepers_batch_say(keepers_out_t *out, unsigned status)
{
    keepers_out_byte(out, (unsigned char) ('0' + status / 100 % 10));
    keepers_out_byte(out, (unsigned char) ('0' + status / 10 % 10));
    keepers_out_byte(out, (unsigned char) ('0' + status % 10));
}


unsigned
keepers_batch_said(keepers_str_t said, size_t count, size_t n)
{
    size_t    i;
    unsigned  status;

    if (n >= count || said.len != count * KEEPERS_BATCH_SAID) {
        return 0;
    }

    status = 0;

    for (i = n * KEEPERS_BATCH_SAID; i < (n + 1) * KEEPERS_BATCH_SAID; i++) {

        if (said.data[i] < '0' || said.data[i] > '9') {
            return 0;
        }

        status = status * 10 + (unsigned) (said.data[i] - '0');
    }

    return status >= 100 ? status : 0;
}
