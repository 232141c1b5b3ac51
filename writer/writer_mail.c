
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_mail.h"

#include "writer/writer_accounts.h"
#include "writer/writer_log.h"

#include "core/keepers_in.h"
#include "core/keepers_text.h"


#define WRITER_MAIL_SEAL          "keepers outbox seal 1"
#define WRITER_MAIL_CHANGED_DAYS  3


_Static_assert(WRITER_MAIL_PLAIN_LEN
               >= 1 + 2 + KEEPERS_EMAIL_LEN_MAX
                  + 2 + KEEPERS_RESET_TOKEN_TEXT_LEN, "plain");
_Static_assert(WRITER_MAIL_SEALED_LEN
               == WRITER_MAIL_PLAIN_LEN + WRITER_VAULT_OVERHEAD, "sealed");


bool
writer_mail_wanted(const writer_conf_t *conf)
{
    return conf->mail_url[0] != '\0';
}


int
writer_mail_put(writer_context_t *ctx, writer_job_t *job, writer_mail_t *mail,
    uint64_t life_ms)
{
    int                       rc;
    keepers_out_t             out;
    unsigned char             random[10], key[KEEPERS_KEY_LEN];
    unsigned char             plain[WRITER_MAIL_PLAIN_LEN];
    writer_store_mail_t       sealed;
    const keepers_keyring_t  *master;

    master = ctx->conf->master_ring;

    keepers_random(random, sizeof(random));
    keepers_text_uuid7(&mail->id, job->now_ms, random);

    memset(plain, 0, sizeof(plain));
    memset(&sealed, 0, sizeof(sealed));

    keepers_out_init(&out, plain, sizeof(plain));
    keepers_out_byte(&out, (unsigned char) mail->kind);
    keepers_out_lstr(&out, keepers_str(mail->to, mail->to_len));
    keepers_out_lstr(&out, keepers_str(mail->token, strlen(mail->token)));

    sealed.id = mail->id;
    sealed.made_ms = job->now_ms;
    sealed.expires_ms = job->now_ms + life_ms;
    memcpy(sealed.master, master->keys[0].id, sizeof(sealed.master));

    writer_vault_platform(master, 0, WRITER_MAIL_SEAL, key);
    writer_vault_seal(key, WRITER_VAULT_MAIL, &mail->id, &mail->id,
                      keepers_str(plain, sizeof(plain)), sealed.sealed);

    keepers_wipe(key, sizeof(key));
    keepers_wipe(plain, sizeof(plain));

    rc = writer_store_mail_add(ctx->store, &sealed);

    job->mailed = rc == WRITER_OK;

    return rc;
}


int
writer_mail_changed(writer_context_t *ctx, writer_job_t *job,
    const keepers_uuid_t *user)
{
    int            rc;
    keepers_out_t  to;
    writer_mail_t  mail;

    if (!writer_mail_wanted(ctx->conf)) {
        return WRITER_OK;
    }

    memset(&mail, 0, sizeof(mail));
    mail.kind = WRITER_MAIL_CHANGED;

    keepers_out_init(&to, mail.to, sizeof(mail.to));

    if (writer_accounts_email(ctx, user, &to) != WRITER_OK) {

        /* an address whose key is gone keeps no operator from helping */

        writer_log(WRITER_LOG_WARN, "mail_kept", "state=lost why=unsealed");
        return WRITER_OK;
    }

    mail.to_len = to.len;

    rc = writer_mail_put(ctx, job, &mail,
                         WRITER_MAIL_CHANGED_DAYS * WRITER_MAIL_DAY_MS);

    keepers_wipe(&mail, sizeof(mail));

    return rc;
}


bool
writer_mail_open(const keepers_keyring_t *master,
    const writer_store_mail_t *sealed, writer_mail_t *mail)
{
    bool           ok;
    size_t         i, len;
    keepers_in_t   in;
    keepers_str_t  to, token;
    unsigned char  key[KEEPERS_KEY_LEN], plain[WRITER_MAIL_PLAIN_LEN];

    memset(mail, 0, sizeof(*mail));

    for (i = 0; i < master->n; i++) {
        if (strcmp(master->keys[i].id, sealed->master) == 0) {
            break;
        }
    }

    if (i == master->n) {
        return false;
    }

    writer_vault_platform(master, i, WRITER_MAIL_SEAL, key);

    ok = writer_vault_open(key, WRITER_VAULT_MAIL, &sealed->id, &sealed->id,
                           keepers_str(sealed->sealed, sizeof(sealed->sealed)),
                           plain, sizeof(plain), &len);
    keepers_wipe(key, sizeof(key));

    if (!ok) {
        return false;
    }

    keepers_in_init(&in, keepers_str(plain, len));

    mail->kind = (writer_mail_e) keepers_in_u8(&in);
    mail->id = sealed->id;
    mail->made_ms = sealed->made_ms;
    to = keepers_in_lstr(&in);
    token = keepers_in_lstr(&in);

    ok = !in.fault && to.len <= sizeof(mail->to)
         && token.len < sizeof(mail->token);

    if (ok) {
        mail->to_len = to.len;
        memcpy(mail->to, to.data, to.len);
        memcpy(mail->token, token.data, token.len);
    }

    keepers_wipe(plain, sizeof(plain));

    return ok;
}


int
writer_mail_purge(writer_context_t *ctx, uint64_t now_ms)
{
    int  rc;

    rc = writer_store_resets_purge(ctx->store, now_ms);

    return rc == WRITER_OK ? writer_store_mails_purge(ctx->store, now_ms) : rc;
}
