
/*
 * Copyright (C) Keepers
 *
 * Codes of an authenticator app, RFC 6238 by liboath: six digits, 30 seconds,
 * SHA-1, which is what every app has; and the recovery codes beside them.
 */


#ifndef _WRITER_TOTP_H_INCLUDED_
#define _WRITER_TOTP_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"
#include "core/keepers_out.h"


#define WRITER_TOTP_SECRET_LEN    20        /* RFC 4226: 160 bits */
#define WRITER_TOTP_DIGITS        6
#define WRITER_TOTP_RECOVERY_LEN  16        /* base32: 80 random bits */


/* Once, before threads start. */
bool writer_totp_init(void) keepers_checked;

/*
 * The step that "code" is of, one before or behind now allowed, and later
 * than "last": none is good twice.  False: it is of none.  The time it takes
 * says nothing of the code.
 */
bool writer_totp_check(const unsigned char secret[WRITER_TOTP_SECRET_LEN],
    keepers_str_t code, uint64_t now_ms, uint64_t last, uint64_t *step)
    keepers_checked;

/* RFC 4648, without padding: len is a multiple of five. */
void writer_totp_base32(const unsigned char *bytes, size_t len,
    keepers_out_t *out);

/* As it is hashed: no blanks, no hyphens, capitals; false: it is none. */
bool writer_totp_recovery(keepers_str_t typed,
    char code[WRITER_TOTP_RECOVERY_LEN]) keepers_checked;

/* otpauth://totp/..., for an app to scan. */
void writer_totp_uri(keepers_str_t email, keepers_str_t secret,
    keepers_out_t *out);


#endif /* _WRITER_TOTP_H_INCLUDED_ */
