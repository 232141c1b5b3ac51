
/*
 * Copyright (C) Keepers
 *
 * Delivery into a folder, a file a mail, for a program that sends them, or for
 * a person.  A file is there whole or not at all, and on disk when it is.
 */


#ifndef _WRITER_OUTBOX_FOLDER_H_INCLUDED_
#define _WRITER_OUTBOX_FOLDER_H_INCLUDED_


#include "writer/writer_outbox.h"
#include "writer/writer_outbox_smtp.h"


/* The default one, if it is not there. */
bool writer_folder_make(const writer_conf_t *conf) keepers_checked;

writer_outbox_e writer_folder_send(const writer_conf_t *conf,
    const writer_mail_t *mail, keepers_str_t text, char why[WRITER_SMTP_WHY])
    keepers_checked;


#endif /* _WRITER_OUTBOX_FOLDER_H_INCLUDED_ */
