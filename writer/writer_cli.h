
/*
 * Copyright (C) Keepers
 *
 * The subcommands: accounts, links, migrate.  While the writer runs they go
 * through its socket, proved by the master key; else they open the store.
 */


#ifndef _WRITER_CLI_H_INCLUDED_
#define _WRITER_CLI_H_INCLUDED_


#include "writer/writer_conf.h"


#define WRITER_CLI_USAGE                                                      \
    "usage: keepers-writer keygen DIR\n"                                      \
    "       keepers-writer --config FILE [COMMAND]\n"                         \
    "\n"                                                                      \
    "Without a command it serves.  Commands:\n"                               \
    "  check-config\n"                                                        \
    "  migrate\n"                                                             \
    "  spool       (signups that wait in Redis, and that were set aside)\n"   \
    "  spool requeue\n"                                                       \
    "              (what was set aside is tried again)\n"                     \
    "  mail        (mails that wait, and that were set aside)\n"               \
    "  mail retry  (what was set aside is tried again)\n"                      \
    "  account add --business NAME | --business-id ID\n"                      \
    "              --email ADDRESS --role owner|manager|staff|auditor\n"      \
    "  account password --email ADDRESS\n"                                    \
    "              (the password is one line of standard input)\n"            \
    "  account totp remove --email ADDRESS\n"                                 \
    "  account passkeys remove --email ADDRESS\n"                             \
    "              (the phone is lost; ends all sessions)\n"                  \
    "  audit verify [BUSINESS]\n"                                            \
    "              (whether the audit logs are as they were written)\n"      \
    "  link add --business ID --slug SLUG --offer TEXT [--phone]\n"           \
    "           [--name-optional] [--no-disposable]\n"                        \
    "           [--consent-email TEXT] [--consent-sms TEXT]\n"                \
    "           [--country GB] [--locale en]\n"                               \
    "           [--color 7a3e1d] [--retention-days N]\n"                      \
    "           (TEXT \"standard\": ours, in the reader's language)\n"         \
    "  link open|close|delete --slug SLUG\n"                                  \
    "  link list --business ID\n"


/* The exit status: 0, 1 it failed, 2 it was called wrongly. */
int writer_cli(const writer_conf_t *conf, int argc, char **argv);


#endif /* _WRITER_CLI_H_INCLUDED_ */
