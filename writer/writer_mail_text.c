
/*
 * Copyright (C) Keepers
 *
 * What the mails say.  Header and text are ASCII, but for an address that is
 * not; no line of them is longer than 78 characters, but for a link.  Where a
 * link leads is the operator's word and never a client's: no Host header comes
 * here.
 */


#include "writer/writer_mail.h"

#include "core/keepers_text.h"

#include <stdio.h>


static void writer_mail_head(const writer_conf_t *conf,
    const writer_mail_t *mail, keepers_out_t *out);
static void writer_mail_date(uint64_t ms, keepers_out_t *out);
static void writer_mail_reset(const writer_conf_t *conf,
    const writer_mail_t *mail, keepers_out_t *out);
static void writer_mail_was_changed(const writer_conf_t *conf,
    const writer_mail_t *mail, keepers_out_t *out);


void
writer_mail_write(const writer_conf_t *conf, const writer_mail_t *mail,
    keepers_out_t *out)
{
    writer_mail_head(conf, mail, out);

    if (mail->kind == WRITER_MAIL_RESET) {
        writer_mail_reset(conf, mail, out);

    } else {
        writer_mail_was_changed(conf, mail, out);
    }
}


/* Auto-Submitted (RFC 3834): no holiday answers come back for it. */
static void
writer_mail_head(const writer_conf_t *conf, const writer_mail_t *mail,
    keepers_out_t *out)
{
    const char  *domain;

    domain = strchr(conf->mail_from, '@');

    keepers_out_text(out, "From: Keepers Loyalty <");
    keepers_out_text(out, conf->mail_from);
    keepers_out_text(out, ">\r\nTo: <");
    keepers_out_bytes(out, mail->to, mail->to_len);
    keepers_out_text(out, ">\r\nDate: ");
    writer_mail_date(mail->made_ms, out);
    keepers_out_text(out, "\r\nMessage-ID: <");
    keepers_text_uuid(out, &mail->id);
    keepers_out_text(out, domain != NULL ? domain : "@localhost");
    keepers_out_text(out, ">\r\nAuto-Submitted: auto-generated\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: 7bit\r\n");
}


/* RFC 5322, 3.3; strftime() would ask the locale. */
static void
writer_mail_date(uint64_t ms, keepers_out_t *out)
{
    char       text[64];
    time_t     sec;
    struct tm  tm;

    static const char  days[] = "SunMonTueWedThuFriSat";
    static const char  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    sec = (time_t) (ms / 1000);
    gmtime_r(&sec, &tm);

    (void) snprintf(text, sizeof(text), "%.3s, %d %.3s %d %02d:%02d:%02d "
                    "+0000", days + 3 * tm.tm_wday, tm.tm_mday,
                    months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
                    tm.tm_min, tm.tm_sec);

    keepers_out_text(out, text);
}


static void
writer_mail_reset(const writer_conf_t *conf, const writer_mail_t *mail,
    keepers_out_t *out)
{
    keepers_out_text(out, "Subject: Set a new password for Keepers Loyalty\r\n"
                     "\r\n"
                     "Somebody, hopefully you, has forgotten the password of "
                     "your account at\r\n"
                     "Keepers Loyalty, and asked for a new one. To set it, "
                     "open this page\r\n"
                     "within 30 minutes:\r\n"
                     "\r\n");
    keepers_out_text(out, conf->mail_url);
    keepers_out_text(out, "/reset?token=");
    keepers_out_text(out, mail->token);
    keepers_out_text(out, "\r\n"
                     "\r\n"
                     "The page works once. Do not pass this mail on: whoever "
                     "has it can set your\r\n"
                     "password.\r\n"
                     "\r\n"
                     "If it was not you, there is nothing to do. Your password "
                     "stays as it is.\r\n");
}


static void
writer_mail_was_changed(const writer_conf_t *conf, const writer_mail_t *mail,
    keepers_out_t *out)
{
    keepers_out_text(out, "Subject: Your password was changed\r\n"
                     "\r\n"
                     "The password of your account at Keepers Loyalty was "
                     "changed:\r\n"
                     "\r\n");
    writer_mail_date(mail->made_ms, out);
    keepers_out_text(out, "\r\n"
                     "\r\n"
                     "All other devices were signed out. If it was you, there "
                     "is nothing to do.\r\n"
                     "\r\n"
                     "If it was not you, set another one at once:\r\n"
                     "\r\n");
    keepers_out_text(out, conf->mail_url);
    keepers_out_text(out, "/forgot\r\n");
}
