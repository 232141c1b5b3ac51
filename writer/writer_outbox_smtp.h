
/*
 * Copyright (C) Keepers
 *
 * Delivery by SMTP, through libcurl: the only place that knows it.
 */


#ifndef _WRITER_OUTBOX_SMTP_H_INCLUDED_
#define _WRITER_OUTBOX_SMTP_H_INCLUDED_


#include "writer/writer_outbox.h"


#define WRITER_SMTP_WHY  24


/* While one thread runs; false with a log line. */
bool writer_smtp_init(void) keepers_checked;
void writer_smtp_free(void);

/* "why" is a code, never what the server said, which may hold the address. */
writer_outbox_e writer_smtp_send(const writer_conf_t *conf,
    const writer_mail_t *mail, keepers_str_t text, atomic_bool *stop,
    char why[WRITER_SMTP_WHY]) keepers_checked;


#endif /* _WRITER_OUTBOX_SMTP_H_INCLUDED_ */
