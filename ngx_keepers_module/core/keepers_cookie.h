
/*
 * Copyright (C) Keepers
 *
 * The Cookie request header (RFC 6265 section 5.4 as browsers send it) and
 * one Set-Cookie of at most 200 bytes.  A cookie's name matches byte by byte.
 */


#ifndef _KEEPERS_COOKIE_H_INCLUDED_
#define _KEEPERS_COOKIE_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


/*
 * Finds the next value of "name" in one Cookie header line, from *pos on
 * (start with 0); moves *pos behind it.  False: no further one.  The value is
 * a view into the header.
 */
bool keepers_cookie_next(keepers_str_t header, keepers_str_t name,
    size_t *pos, keepers_str_t *value);

/* The same for two names in one scan; *which is 0 or 1. */
bool keepers_cookie_next_of(keepers_str_t header,
    const keepers_str_t names[2], size_t *pos, keepers_str_t *value,
    unsigned int *which);

/*
 * Writes the header line without every cookie called "name", other cookies
 * and their order byte for byte as they were.  Writes nothing if none is left.
 */
void keepers_cookie_strip(keepers_str_t header, keepers_str_t name,
    keepers_out_t *out);

/*
 * The value of Set-Cookie: "NAME=VALUE; Path=/; [Max-Age=N; ][Secure; ]
 * HttpOnly; SameSite=Lax".  max_age_s < 0: a session cookie, no Max-Age;
 * 0 removes the cookie.
 */
void keepers_cookie_write(keepers_out_t *out, keepers_str_t name,
    keepers_str_t value, int64_t max_age_s, bool secure);


#endif /* _KEEPERS_COOKIE_H_INCLUDED_ */
