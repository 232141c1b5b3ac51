
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_cli.h"

#include "writer/writer_accounts.h"
#include "writer/writer_call.h"
#include "writer/writer_command.h"
#include "writer/writer_links.h"
#include "writer/writer_lock.h"
#include "writer/writer_mail.h"
#include "writer/writer_operator.h"
#include "writer/writer_pool.h"
#include "writer/writer_password.h"

#include "core/keepers_json.h"
#include "core/keepers_text.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>


typedef struct {
    const char  *name;
    const char  *field;         /* of the JSON command */
    bool         flag;
} writer_cli_option_t;


typedef struct {
    const char                 *noun;
    const char                 *verb;
    const char                 *path;
    writer_run_pt               run;
    bool                        password;       /* reads one */
    const writer_cli_option_t  *options;
} writer_cli_command_t;


static const writer_cli_command_t *writer_cli_find(int argc, char **argv);
static int writer_cli_words(const writer_cli_command_t *command, int argc,
    char **argv);
static int writer_cli_body(const writer_cli_command_t *command, int argc,
    char **argv, keepers_out_t *body, char *slug);
static int writer_cli_slug(const char *value, char *slug);
static const writer_cli_option_t *writer_cli_option(
    const writer_cli_command_t *command, const char *word);
static keepers_str_t writer_cli_value(const writer_cli_command_t *command,
    int argc, char **argv, const char *field);
static int writer_cli_password(const writer_conf_t *conf, keepers_str_t email,
    keepers_str_t business, keepers_out_t *body);
static int writer_cli_report(const writer_call_t *call);
static void writer_cli_print(const char *body, const char *name);
static int writer_cli_migrate(const writer_conf_t *conf);
static int writer_cli_store(const writer_conf_t *conf, bool writable);
static int writer_cli_list(const writer_conf_t *conf, int argc, char **argv);
static int writer_cli_each(void *data, const writer_store_link_t *link);


static const writer_cli_option_t  writer_cli_account_options[] = {
    { "--business", "name", false },
    { "--business-id", "business", false },
    { "--email", "email", false },
    { "--role", "role", false },
    { NULL, NULL, false }
};


static const writer_cli_option_t  writer_cli_email_options[] = {
    { "--email", "email", false },
    { NULL, NULL, false }
};


static const writer_cli_option_t  writer_cli_no_options[] = {
    { NULL, NULL, false }
};


static const writer_cli_option_t  writer_cli_link_options[] = {
    { "--business", "business", false },
    { "--slug", "slug", false },
    { "--offer", "offer", false },
    { "--phone", "phone", true },
    { "--name-optional", "name_optional", true },
    { "--no-disposable", "no_disposable", true },
    { "--consent-email", "consent_email", false },
    { "--consent-sms", "consent_sms", false },
    { "--country", "country", false },
    { "--locale", "locale", false },
    { "--color", "color", false },
    { "--retention-days", "retention_days", false },
    { NULL, NULL, false }
};


static const writer_cli_option_t  writer_cli_slug_options[] = {
    { "--slug", "slug", false },
    { NULL, NULL, false }
};


static const writer_cli_command_t  writer_cli_commands[] = {
    { "account", "add", "/v1/admin/accounts", writer_operator_account, true,
      writer_cli_account_options },
    { "account", "password", "/v1/admin/password", writer_operator_password,
      true, writer_cli_email_options },
    { "account", "totp remove", "/v1/admin/totp/remove",
      writer_operator_totp_remove, false, writer_cli_email_options },
    { "mail", "retry", "/v1/admin/mail/retry", writer_mail_retry, false,
      writer_cli_no_options },
    { "account", "passkeys remove", "/v1/admin/passkeys/remove",
      writer_operator_passkeys_remove, false, writer_cli_email_options },
    { "link", "add", "/v1/admin/links", writer_operator_link, false,
      writer_cli_link_options },
    { "link", "open", "/v1/admin/links/%s/open", writer_operator_link_open,
      false, writer_cli_slug_options },
    { "link", "close", "/v1/admin/links/%s/close",
      writer_operator_link_close, false, writer_cli_slug_options },
    { "link", "delete", "/v1/admin/links/%s/delete",
      writer_operator_link_delete, false, writer_cli_slug_options },
    { NULL, NULL, NULL, NULL, false, NULL }
};


int
writer_cli(const writer_conf_t *conf, int argc, char **argv)
{
    int                          words;
    char                         slug[KEEPERS_SLUG_LEN_MAX + 1];
    keepers_out_t                body;
    writer_call_t                call;
    unsigned char                buf[WRITER_JOB_ROOM];
    const writer_cli_command_t  *command;

    if (argc == 1 && strcmp(argv[0], "migrate") == 0) {
        return writer_cli_migrate(conf);
    }

    if (argc >= 2 && strcmp(argv[0], "link") == 0
        && strcmp(argv[1], "list") == 0)
    {
        return writer_cli_list(conf, argc - 2, argv + 2);
    }

    command = writer_cli_find(argc, argv);

    if (command == NULL) {
        fputs(WRITER_CLI_USAGE, stderr);
        return 2;
    }

    keepers_out_init(&body, buf, sizeof(buf));

    words = writer_cli_words(command, argc, argv);

    if (writer_cli_body(command, argc - words, argv + words, &body, slug)
        != 0)
    {
        return 2;
    }

    if (command->password
        && writer_cli_password(conf,
                       writer_cli_value(command, argc - 2, argv + 2, "email"),
                       writer_cli_value(command, argc - 2, argv + 2, "name"),
                       &body)
           != 0)
    {
        return 1;
    }

    keepers_out_byte(&body, '}');

    if (body.overflow) {
        fputs("keepers-writer: the texts are too long\n", stderr);
        return 2;
    }

    if (writer_call(conf, command->path, command->run, slug,
                    keepers_out_written(&body), &call)
        != 0)
    {
        return 1;
    }

    return writer_cli_report(&call);
}


static const writer_cli_command_t *
writer_cli_find(int argc, char **argv)
{
    const writer_cli_command_t  *command;

    for (command = writer_cli_commands; command->noun != NULL; command++) {
        if (writer_cli_words(command, argc, argv) != 0) {
            return command;
        }
    }

    return NULL;
}


/* How many words of the line the command is; 0: another. */
static int
writer_cli_words(const writer_cli_command_t *command, int argc, char **argv)
{
    int          i;
    size_t       len;
    const char  *verb;

    if (argc < 2 || strcmp(command->noun, argv[0]) != 0) {
        return 0;
    }

    verb = command->verb;

    for (i = 1; i < argc; i++) {
        len = strlen(argv[i]);

        if (strncmp(verb, argv[i], len) != 0) {
            return 0;
        }

        verb += len;

        if (*verb == '\0') {
            return i + 1;
        }

        if (*verb++ != ' ') {
            return 0;
        }
    }

    return 0;
}


/* The options as a JSON object that is not yet closed. */
static int
writer_cli_body(const writer_cli_command_t *command, int argc, char **argv,
    keepers_out_t *body, char *slug)
{
    int                         i;
    const char                 *value;
    const writer_cli_option_t  *option;

    slug[0] = '\0';
    keepers_out_byte(body, '{');

    for (i = 0; i < argc; i++) {
        option = writer_cli_option(command, argv[i]);

        if (option == NULL || (!option->flag && i + 1 == argc)) {
            fprintf(stderr, "keepers-writer: \"%s\" is no option of \"%s %s\", "
                    "or lacks its value\n%s", argv[i], command->noun,
                    command->verb, WRITER_CLI_USAGE);
            return -1;
        }

        if (body->len > 1) {
            keepers_out_byte(body, ',');
        }

        keepers_json_string(body, keepers_str(option->field,
                                              strlen(option->field)));
        keepers_out_byte(body, ':');

        if (option->flag) {
            keepers_out_text(body, "true");
            continue;
        }

        value = argv[++i];
        keepers_json_string(body, keepers_str(value, strlen(value)));

        if (strcmp(option->field, "slug") == 0
            && writer_cli_slug(value, slug) != 0)
        {
            return -1;
        }
    }

    if (slug[0] == '\0' && strcmp(command->noun, "link") == 0) {
        fprintf(stderr, "keepers-writer: which link? Add --slug SLUG\n");
        return -1;
    }

    return 0;
}


/* It becomes part of a path: cut short it would name another link. */
static int
writer_cli_slug(const char *value, char *slug)
{
    size_t  len;

    len = strlen(value);

    if (!keepers_text_slug(keepers_str(value, len))) {
        fprintf(stderr, "keepers-writer: \"%s\" is no slug: 1 to %d of a-z, "
                "0-9 and, within, \"-\"\n", value, KEEPERS_SLUG_LEN_MAX);
        return -1;
    }

    memcpy(slug, value, len + 1);

    return 0;
}


static const writer_cli_option_t *
writer_cli_option(const writer_cli_command_t *command, const char *word)
{
    const writer_cli_option_t  *option;

    for (option = command->options; option->name != NULL; option++) {
        if (strcmp(option->name, word) == 0) {
            return option;
        }
    }

    return NULL;
}


/* What an option was given, or nothing; its shape has been checked. */
static keepers_str_t
writer_cli_value(const writer_cli_command_t *command, int argc, char **argv,
    const char *field)
{
    int                         i;
    const writer_cli_option_t  *option;

    for (i = 0; i < argc; i++) {
        option = writer_cli_option(command, argv[i]);

        if (option == NULL || option->flag) {
            continue;
        }

        i++;

        if (strcmp(option->field, field) == 0) {
            return keepers_str(argv[i], strlen(argv[i]));
        }
    }

    return keepers_str(NULL, 0);
}


/* Its hash goes on: the password itself stays in this process. */
static int
writer_cli_password(const writer_conf_t *conf, keepers_str_t email,
    keepers_str_t business, keepers_out_t *body)
{
    int     rc, fault;
    char    line[KEEPERS_PASSWORD_LEN_MAX + 2], hash[WRITER_HASH_TEXT_MAX];
    size_t  len;

    if (fgets(line, sizeof(line), stdin) == NULL) {
        line[0] = '\0';
    }

    len = strcspn(line, "\r\n");
    rc = -1;
    fault = writer_password_check(keepers_str(line, len), email, business);

    if (fault != KEEPERS_OK) {
        fprintf(stderr, "keepers-writer: that is no password: %s; give "
                "another, of %d characters to %d bytes, as one line of "
                "standard input\n", writer_password_words(fault),
                WRITER_PASSWORD_CHARS_MIN, KEEPERS_PASSWORD_LEN_MAX);

    } else if (!writer_accounts_password(conf, keepers_str(line, len), hash)) {
        fprintf(stderr, "keepers-writer: no memory to hash a password: lower "
                "[argon2] memory_kib\n");

    } else {
        keepers_out_text(body, body->len > 1 ? ",\"password\":"
                                             : "\"password\":");
        keepers_json_string(body, keepers_str(hash, strlen(hash)));
        rc = 0;
    }

    keepers_wipe(line, sizeof(line));

    return rc;
}


static int
writer_cli_report(const writer_call_t *call)
{
    if (call->status < 200 || call->status > 299) {
        fprintf(stderr, "keepers-writer: refused: %s\n", call->body);
        return 1;
    }

    writer_cli_print(call->body, "business");
    writer_cli_print(call->body, "user");
    writer_cli_print(call->body, "slug");

    return 0;
}


/* "name=value" of a string in an answer of our own. */
static void
writer_cli_print(const char *body, const char *name)
{
    char         key[16];
    const char  *value;

    (void) snprintf(key, sizeof(key), "\"%s\":\"", name);

    value = strstr(body, key);

    if (value != NULL) {
        value += strlen(key);
        printf("%s=%.*s\n", name, (int) strcspn(value, "\""), value);
    }
}


/* A running writer did it when it started, and has the only connection. */
static int
writer_cli_migrate(const writer_conf_t *conf)
{
    int  fd, rc;

    fd = writer_lock(conf);

    if (fd != -1 || errno == EWOULDBLOCK) {
        rc = writer_cli_store(conf, fd != -1);
    } else {
        rc = WRITER_FAULT;
    }

    if (fd != -1) {
        close(fd);

    } else if (rc == WRITER_NONE) {
        fprintf(stderr, "keepers-writer: the running writer has another "
                "version of \"%s\": restart it\n", conf->database);
        return 1;
    }

    if (rc != WRITER_OK) {
        fprintf(stderr, "keepers-writer: cannot bring \"%s\" up to date: is "
                "its folder writable, and is it a database of ours?\n",
                conf->database);
        return 1;
    }

    return 0;
}


static int
writer_cli_store(const writer_conf_t *conf, bool writable)
{
    int             rc;
    writer_store_t *store;

    rc = writer_store_open(conf->database, writable, &store);

    if (rc == WRITER_OK) {
        rc = writable ? writer_store_migrate(store)
                      : writer_store_current(store);
        writer_store_close(store);
    }

    return rc;
}


static int
writer_cli_list(const writer_conf_t *conf, int argc, char **argv)
{
    int                       rc;
    keepers_uuid_t            uuid;
    writer_context_t          ctx;
    const writer_business_t  *business;

    if (argc != 2 || strcmp(argv[0], "--business") != 0
        || !keepers_text_uuid_parse(keepers_str(argv[1], strlen(argv[1])),
                                    &uuid))
    {
        fputs(WRITER_CLI_USAGE, stderr);
        return 2;
    }

    if (!writer_context_open(&ctx, conf, false)) {
        return 1;
    }

    rc = writer_business_find(&ctx.businesses, ctx.store, &uuid, &business);

    if (rc == WRITER_OK) {
        rc = writer_store_links(ctx.store, business->row,
                                writer_cli_each, NULL);
    }

    writer_context_close(&ctx);

    if (rc != WRITER_OK) {
        fprintf(stderr, "keepers-writer: no business has the id \"%s\"\n",
                argv[1]);
    }

    return rc == WRITER_OK ? 0 : 1;
}


static int
writer_cli_each(void *data, const writer_store_link_t *link)
{
    (void) data;

    printf("%s %s %llu %s\n", link->slug,
           link->state == KEEPERS_LINK_OPEN ? "open" : "closed",
           (unsigned long long) link->signups, link->offer);

    return 0;
}
