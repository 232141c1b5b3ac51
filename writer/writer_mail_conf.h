
/*
 * Copyright (C) Keepers
 *
 * What the section [mail] may say.
 */


#ifndef _WRITER_MAIL_CONF_H_INCLUDED_
#define _WRITER_MAIL_CONF_H_INCLUDED_


#include "writer/writer_conf.h"


#define WRITER_MAIL_FOLDER  "outbox"    /* beside the database */


/* 0, or -1: conf->fault names section, key and remedy.  Names the default
 * folder where neither folder nor smtp is given. */
int writer_mail_check(writer_conf_t *conf) keepers_checked;

/* The same of the folder itself, for who is to write to it: the command that
 * tells how many mails wait for a folder does not need it. */
int writer_mail_check_folder(writer_conf_t *conf) keepers_checked;


#endif /* _WRITER_MAIL_CONF_H_INCLUDED_ */
