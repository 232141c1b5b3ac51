
/*
 * Copyright (C) Keepers
 *
 * A name, whatever it is: what is stored keeps every rule and is a fixed
 * point.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_name.h"
#include "core/keepers_text.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void check_name(keepers_str_t typed);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_name(keepers_str(data, size));

    (void) keepers_name_has_markup(keepers_str(data, size));
    (void) keepers_name_has_url(keepers_str(data, size));

    return 0;
}


static void
check_name(keepers_str_t typed)
{
    int            rc;
    keepers_str_t  s;
    keepers_out_t  out, again;
    unsigned char  buf[KEEPERS_NAME_LEN_MAX], again_buf[KEEPERS_NAME_LEN_MAX];

    keepers_out_init(&out, buf, sizeof(buf));
    rc = keepers_name_read(typed, &out);

    check(!out.overflow);

    if (rc != KEEPERS_OK) {
        check(rc != KEEPERS_NAME_NO_SPACE && out.len == 0);
        return;
    }

    s = keepers_out_written(&out);
    check(keepers_text_utf8(s) && !keepers_text_has_control(s));
    check(s.len == 0 || (s.data[0] != ' ' && s.data[s.len - 1] != ' '));

    keepers_out_init(&again, again_buf, sizeof(again_buf));
    check(keepers_name_read(s, &again) == KEEPERS_OK);
    check(keepers_str_eq(s, keepers_out_written(&again)));
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
