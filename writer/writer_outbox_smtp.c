
/*
 * Copyright (C) Keepers
 *
 * A connection a mail: there are few, and none waits for another's.  TLS is
 * required and the certificate verified, but where [mail] smtp_tls = 0 says
 * otherwise of a server on this machine.
 */


#include "writer/writer_outbox_smtp.h"

#include "writer/writer_log.h"
#include "writer/writer_wait.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>


#define WRITER_SMTP_SOCKETS  4      /* addresses of one server, in a race */


typedef struct {
    keepers_str_t   text;
    bool            begun;      /* the server has taken everything before */
    bool            late;
    uint64_t        until_ms;
    atomic_bool    *stop;
    size_t          sockets_n;
    curl_socket_t   sockets[WRITER_SMTP_SOCKETS];
} writer_smtp_t;


static bool writer_smtp_options(CURL *curl, const writer_conf_t *conf,
    const writer_mail_t *mail, writer_smtp_t *smtp, struct curl_slist **to);
static bool writer_smtp_server(CURL *curl, const writer_conf_t *conf);
static bool writer_smtp_tls(CURL *curl, const writer_conf_t *conf);
static bool writer_smtp_calls(CURL *curl, writer_smtp_t *smtp);
static int writer_smtp_opened(void *data, curl_socket_t fd,
    curlsocktype purpose);
static int writer_smtp_closed(void *data, curl_socket_t fd);
static size_t writer_smtp_read(char *buf, size_t size, size_t n, void *data);
static int writer_smtp_progress(void *data, curl_off_t dltotal,
    curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow);
static void writer_smtp_cut(const writer_smtp_t *smtp);
static writer_outbox_e writer_smtp_judge(CURL *curl, CURLcode code,
    const writer_smtp_t *smtp, char why[WRITER_SMTP_WHY]);


bool
writer_smtp_init(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        return true;
    }

    writer_log(WRITER_LOG_ERROR, "libcurl", "remedy=\"reinstall libcurl4\"");

    return false;
}


void
writer_smtp_free(void)
{
    curl_global_cleanup();
}


writer_outbox_e
writer_smtp_send(const writer_conf_t *conf, const writer_mail_t *mail,
    keepers_str_t text, atomic_bool *stop, char why[WRITER_SMTP_WHY])
{
    CURL               *curl;
    CURLcode            code;
    writer_smtp_t       smtp;
    writer_outbox_e     sent;
    struct curl_slist  *to;

    memset(&smtp, 0, sizeof(smtp));
    smtp.text = text;
    smtp.until_ms = writer_wait_now_ms() + conf->mail_smtp_timeout_s * 1000;
    smtp.stop = stop;
    to = NULL;

    curl = curl_easy_init();

    if (curl != NULL && writer_smtp_options(curl, conf, mail, &smtp, &to)) {
        code = curl_easy_perform(curl);
        sent = writer_smtp_judge(curl, code, &smtp, why);
        writer_smtp_cut(&smtp);

    } else {
        (void) snprintf(why, WRITER_SMTP_WHY, "memory");
        sent = WRITER_OUTBOX_DOWN;
    }

    curl_slist_free_all(to);
    curl_easy_cleanup(curl);

    return sent;
}


static bool
writer_smtp_options(CURL *curl, const writer_conf_t *conf,
    const writer_mail_t *mail, writer_smtp_t *smtp, struct curl_slist **to)
{
    char  from[WRITER_CONF_TEXT_MAX + 2], address[KEEPERS_EMAIL_LEN_MAX + 3];

    (void) snprintf(from, sizeof(from), "<%s>", conf->mail_from);
    (void) snprintf(address, sizeof(address), "<%.*s>", (int) mail->to_len,
                    (const char *) mail->to);

    *to = curl_slist_append(NULL, address);
    keepers_wipe(address, sizeof(address));

    return *to != NULL
           && writer_smtp_server(curl, conf)
           && writer_smtp_tls(curl, conf)
           && curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, *to) == CURLE_OK
           && writer_smtp_calls(curl, smtp);
}


static bool
writer_smtp_calls(CURL *curl, writer_smtp_t *smtp)
{
    return curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_READFUNCTION, writer_smtp_read)
              == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_READDATA, smtp) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION,
                               writer_smtp_progress)
              == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_XFERINFODATA, smtp) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION,
                               writer_smtp_opened)
              == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, smtp) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION,
                               writer_smtp_closed)
              == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, smtp)
              == CURLE_OK;
}


/*
 * The name behind the slash is what we call ourselves in EHLO: the public one,
 * not that of this machine.  No proxy of the environment, no signals.
 */
static bool
writer_smtp_server(CURL *curl, const writer_conf_t *conf)
{
    char         url[2 * WRITER_CONF_TEXT_MAX];
    const char  *host;

    host = strchr(conf->mail_from, '@');

    (void) snprintf(url, sizeof(url), "%s/%s", conf->mail_smtp,
                    host != NULL ? host + 1 : "");

    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps")
              == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK
           && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
}


static bool
writer_smtp_tls(CURL *curl, const writer_conf_t *conf)
{
    if (conf->mail_smtp_tls == 0) {
        return curl_easy_setopt(curl, CURLOPT_USE_SSL, (long) CURLUSESSL_NONE)
               == CURLE_OK;
    }

    if (curl_easy_setopt(curl, CURLOPT_USE_SSL, (long) CURLUSESSL_ALL)
        != CURLE_OK
        || curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK
        || curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK
        || curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2)
           != CURLE_OK)
    {
        return false;
    }

    if (conf->mail_smtp_ca[0] != '\0'
        && (curl_easy_setopt(curl, CURLOPT_CAINFO, conf->mail_smtp_ca)
            != CURLE_OK
            || curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) != CURLE_OK))
    {
        return false;
    }

    return conf->mail_smtp_user[0] == '\0'
           || (curl_easy_setopt(curl, CURLOPT_USERNAME, conf->mail_smtp_user)
               == CURLE_OK
               && curl_easy_setopt(curl, CURLOPT_PASSWORD,
                                   conf->mail_smtp_password)
                  == CURLE_OK);
}


static size_t
writer_smtp_read(char *buf, size_t size, size_t n, void *data)
{
    size_t          len;
    writer_smtp_t  *smtp;

    smtp = data;
    smtp->begun = true;

    len = size * n < smtp->text.len ? size * n : smtp->text.len;

    memcpy(buf, smtp->text.data, len);
    smtp->text.data += len;
    smtp->text.len -= len;

    return len;
}


static int
writer_smtp_opened(void *data, curl_socket_t fd, curlsocktype purpose)
{
    writer_smtp_t  *smtp;

    (void) purpose;

    smtp = data;

    if (smtp->sockets_n == WRITER_SMTP_SOCKETS) {
        return CURL_SOCKOPT_ERROR;
    }

    smtp->sockets[smtp->sockets_n++] = fd;

    return CURL_SOCKOPT_OK;
}


static int
writer_smtp_closed(void *data, curl_socket_t fd)
{
    size_t          i;
    writer_smtp_t  *smtp;

    smtp = data;

    for (i = 0; i < smtp->sockets_n; i++) {
        if (smtp->sockets[i] == fd) {
            smtp->sockets[i] = smtp->sockets[--smtp->sockets_n];
            break;
        }
    }

    return close(fd);
}


/*
 * Called at least each second, while QUIT is said too, since the connection is
 * not kept.  libcurl's own time-out would say it and wait two minutes for the
 * answer of a server that hangs: so the time is ours, and the connection is of
 * no use when it is over, or when the writer stops.
 */
static int
writer_smtp_progress(void *data, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow)
{
    writer_smtp_t  *smtp;

    (void) dltotal;
    (void) dlnow;
    (void) ultotal;
    (void) ulnow;

    smtp = data;
    smtp->late = writer_wait_now_ms() >= smtp->until_ms;

    if (!smtp->late && !atomic_load(smtp->stop)) {
        return 0;
    }

    writer_smtp_cut(smtp);

    return 1;
}


static void
writer_smtp_cut(const writer_smtp_t *smtp)
{
    size_t  i;

    for (i = 0; i < smtp->sockets_n; i++) {
        (void) shutdown(smtp->sockets[i], SHUT_RDWR);
    }
}


/*
 * Of MAIL, RCPT and DATA libcurl says CURLE_SEND_ERROR; behind the text only
 * the last reply is left.  5xx there is about this mail, 4xx about its hour.
 * All else is about the server, or about us: 421 (it leaves), 530 and its like
 * (it wants TLS, or a login).
 */
static writer_outbox_e
writer_smtp_judge(CURL *curl, CURLcode code, const writer_smtp_t *smtp,
    char why[WRITER_SMTP_WHY])
{
    long  reply;

    if (code == CURLE_OK) {
        return WRITER_OUTBOX_SENT;
    }

    if (smtp->late) {
        (void) snprintf(why, WRITER_SMTP_WHY, "timeout");
        return WRITER_OUTBOX_DOWN;
    }

    reply = 0;
    (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);

    if ((code == CURLE_SEND_ERROR
         || (smtp->begun && smtp->text.len == 0
             && code == CURLE_WEIRD_SERVER_REPLY))
        && reply >= 400 && reply <= 599)
    {
        (void) snprintf(why, WRITER_SMTP_WHY, "smtp_%ld", reply);

        switch (reply) {

        case 421:
        case 530:
        case 534:
        case 535:
        case 538:
            return WRITER_OUTBOX_DOWN;

        default:
            return reply < 500 ? WRITER_OUTBOX_LATER : WRITER_OUTBOX_REFUSED;
        }
    }

    (void) snprintf(why, WRITER_SMTP_WHY, "curl_%d", (int) code);

    return WRITER_OUTBOX_DOWN;
}
