
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_mail_conf.h"

#include "core/keepers_email.h"
#include "core/keepers_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


static int writer_mail_check_off(writer_conf_t *conf);
static int writer_mail_check_url(writer_conf_t *conf);
static bool writer_mail_here(const char *host);
static size_t writer_mail_host(const char *host);
static int writer_mail_check_from(writer_conf_t *conf);
static int writer_mail_check_smtp(writer_conf_t *conf);
static int writer_mail_check_login(writer_conf_t *conf);
static int writer_mail_check_default(writer_conf_t *conf);


int
writer_mail_check(writer_conf_t *conf)
{
    if (conf->mail_url[0] == '\0') {
        return writer_mail_check_off(conf);
    }

    if (writer_mail_check_url(conf) != 0
        || writer_mail_check_from(conf) != 0)
    {
        return -1;
    }

    if (conf->mail_folder[0] != '\0' && conf->mail_smtp[0] != '\0') {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] has folder and smtp: remove one");
        return -1;
    }

    return conf->mail_smtp[0] != '\0' ? writer_mail_check_smtp(conf)
                                      : writer_mail_check_default(conf);
}


/* Who has written some of it believes that mail is sent. */
static int
writer_mail_check_off(writer_conf_t *conf)
{
    if (conf->mail_from[0] == '\0' && conf->mail_folder[0] == '\0'
        && conf->mail_smtp[0] == '\0' && conf->mail_smtp_user[0] == '\0'
        && conf->mail_smtp_password_file[0] == '\0'
        && conf->mail_smtp_ca[0] == '\0')
    {
        return 0;
    }

    snprintf(conf->fault, sizeof(conf->fault),
             "[mail] url is missing: add \"url = https://HOST\", where people "
             "find the sign-in page, or remove the section [mail]");
    return -1;
}


static int
writer_mail_check_url(writer_conf_t *conf)
{
    size_t       len;
    const char  *host;

    host = NULL;

    if (strncmp(conf->mail_url, "https://", 8) == 0) {
        host = conf->mail_url + 8;

    } else if (strncmp(conf->mail_url, "http://", 7) == 0
               && writer_mail_here(conf->mail_url + 7))
    {
        host = conf->mail_url + 7;
    }

    len = host != NULL ? writer_mail_host(host) : 0;

    if (len == 0 || host[len] != '\0') {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] url is \"%.128s\": give \"https://HOST\" or "
                 "\"https://HOST:PORT\", nothing behind it; http:// is for "
                 "127.0.0.1 and localhost", conf->mail_url);
        return -1;
    }

    return 0;
}


static bool
writer_mail_here(const char *host)
{
    size_t  i, len;

    static const char *const  here[] = { "127.0.0.1", "localhost", "[::1]" };

    for (i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
        len = strlen(here[i]);

        if (strncmp(host, here[i], len) == 0
            && (host[len] == '\0' || host[len] == ':'))
        {
            return true;
        }
    }

    return false;
}


/* Bytes of "HOST" or "HOST:PORT"; 0: neither. */
static size_t
writer_mail_host(const char *host)
{
    size_t    len, digits;
    uint64_t  port;

    if (host[0] == '[') {
        len = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");

        if (host[len++] != ']') {
            return 0;
        }

    } else {
        len = strspn(host, "abcdefghijklmnopqrstuvwxyz"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
    }

    if (len == 0 || host[len] != ':') {
        return len;
    }

    digits = strspn(host + len + 1, "0123456789");

    if (!keepers_text_uint(keepers_str(host + len + 1, digits), &port)
        || port == 0 || port > 65535)
    {
        return 0;
    }

    return len + 1 + digits;
}


static int
writer_mail_check_from(writer_conf_t *conf)
{
    bool           eai;
    keepers_str_t  from;
    keepers_out_t  out;
    unsigned char  stored[KEEPERS_EMAIL_LEN_MAX];

    from = keepers_str(conf->mail_from, strlen(conf->mail_from));
    keepers_out_init(&out, stored, sizeof(stored));

    if (keepers_email_read(from, &out, &eai) == KEEPERS_OK
        && keepers_text_ascii(from))
    {
        return 0;
    }

    snprintf(conf->fault, sizeof(conf->fault),
             "[mail] from is \"%.64s\": give the address that mails come from, "
             "as in \"from = no-reply@loyalty.example\"", conf->mail_from);
    return -1;
}


static int
writer_mail_check_smtp(writer_conf_t *conf)
{
    bool         tls;
    size_t       len;
    const char  *host;

    host = NULL;
    tls = strncmp(conf->mail_smtp, "smtps://", 8) == 0;

    if (tls || strncmp(conf->mail_smtp, "smtp://", 7) == 0) {
        host = conf->mail_smtp + (tls ? 8 : 7);
    }

    len = host != NULL ? writer_mail_host(host) : 0;

    if (len == 0 || host[len] != '\0') {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] smtp is \"%.128s\": give \"smtp://HOST:587\" or "
                 "\"smtps://HOST:465\"; user and password have settings of "
                 "their own", conf->mail_smtp);
        return -1;
    }

    if (conf->mail_smtp_tls == 0
        && (tls || conf->mail_smtp_ca[0] != '\0'
            || conf->mail_smtp_user[0] != '\0'
            || !writer_mail_here(host)))
    {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] smtp_tls = 0 is for a server on this machine, without "
                 "a user and without smtp_ca: mails would go through the "
                 "network in the clear; remove it");
        return -1;
    }

    if (conf->mail_smtp_ca[0] != '\0'
        && access(conf->mail_smtp_ca, R_OK) != 0)
    {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] smtp_ca: cannot read \"%s\": %s; give a file of "
                 "certificates in PEM", conf->mail_smtp_ca, strerror(errno));
        return -1;
    }

    return writer_mail_check_login(conf);
}


static int
writer_mail_check_login(writer_conf_t *conf)
{
    if ((conf->mail_smtp_user[0] == '\0')
        == (conf->mail_smtp_password_file[0] == '\0'))
    {
        return 0;
    }

    snprintf(conf->fault, sizeof(conf->fault),
             "[mail] has one of smtp_user and smtp_password_file: give both, "
             "or neither");
    return -1;
}


/* Where there is no server mails go into a folder. */
static int
writer_mail_check_default(writer_conf_t *conf)
{
    int          n, len;
    const char  *slash;

    if (conf->mail_smtp_user[0] != '\0' || conf->mail_smtp_ca[0] != '\0'
        || conf->mail_smtp_password_file[0] != '\0')
    {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] has settings of smtp and no smtp: add \"smtp = "
                 "smtp://HOST:587\", or remove them");
        return -1;
    }

    if (conf->mail_folder[0] != '\0') {
        return 0;
    }

    slash = strrchr(conf->database, '/');
    len = slash != NULL ? (int) (slash - conf->database) + 1 : 0;

    n = snprintf(conf->mail_folder, sizeof(conf->mail_folder), "%.*s%s", len,
                 conf->database, WRITER_MAIL_FOLDER);

    if (n < 0 || n >= (int) sizeof(conf->mail_folder)) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] folder is missing, and the path of [store] database "
                 "is too long to put one beside it: add \"folder = PATH\"");
        return -1;
    }

    conf->mail_folder_made = true;

    return 0;
}


int
writer_mail_check_folder(writer_conf_t *conf)
{
    struct stat  st;

    if (conf->mail_folder[0] == '\0') {
        return 0;
    }

    if (stat(conf->mail_folder, &st) != 0) {
        if (errno == ENOENT && conf->mail_folder_made) {
            return 0;
        }

        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] folder: \"%s\": %s; make it, with mode 0700 and of "
                 "the writer's user", conf->mail_folder, strerror(errno));
        return -1;
    }

    if (!S_ISDIR(st.st_mode) || access(conf->mail_folder, W_OK | X_OK) != 0) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] folder: \"%s\" is no folder that the writer can write "
                 "to: give it to the writer's user", conf->mail_folder);
        return -1;
    }

    if ((st.st_mode & 07) != 0) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[mail] folder: \"%s\" holds links to set passwords and "
                 "everybody can reach it (mode %04o): chmod 700 it, or 750 for "
                 "a group that sends them", conf->mail_folder,
                 (unsigned) st.st_mode & 07777);
        return -1;
    }

    return 0;
}
