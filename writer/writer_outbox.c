
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_outbox.h"

#include "writer/writer_log.h"
#include "writer/writer_outbox_folder.h"
#include "writer/writer_outbox_smtp.h"
#include "writer/writer_wait.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_OUTBOX_IDLE_MS       60000
#define WRITER_OUTBOX_STORE_MS      1000        /* a store that failed */
#define WRITER_OUTBOX_DOWN_MIN_MS   500
#define WRITER_OUTBOX_DOWN_MAX_MS   60000
#define WRITER_OUTBOX_LATER_MIN_MS  2000
#define WRITER_OUTBOX_LATER_MAX_MS  600000


/* What the thread has of its own. */
typedef struct {
    writer_outbox_t     *outbox;
    writer_store_t      *store;
    bool                 down;
    unsigned             down_ms;       /* how long to wait next time */
    bool                 unsettled;     /* "end" is not in the store yet */
    writer_mail_end_t    end;
} writer_postman_t;


static void *writer_outbox_main(void *data);
static unsigned writer_outbox_turn(writer_postman_t *postman);
static unsigned writer_outbox_deliver(writer_postman_t *postman,
    const writer_store_mail_t *sealed, uint64_t now_ms);
static writer_outbox_e writer_outbox_send(writer_postman_t *postman,
    const writer_mail_t *mail, char why[WRITER_SMTP_WHY]);
static unsigned writer_outbox_down(writer_postman_t *postman,
    const char *why);
static void writer_outbox_well(writer_postman_t *postman);
static void writer_outbox_end(writer_postman_t *postman,
    writer_outbox_e sent, const writer_store_mail_t *sealed, uint64_t now_ms,
    const char *why);
static uint64_t writer_outbox_later_ms(uint64_t tries);
static bool writer_outbox_settle(writer_postman_t *postman);
static int writer_outbox_settle_run(writer_context_t *ctx, writer_job_t *job);
static void writer_outbox_settled(writer_job_t *job);
static void writer_outbox_wait(writer_outbox_t *outbox, unsigned ms,
    bool for_mail);


bool
writer_outbox_init(writer_outbox_t *outbox, const writer_conf_t *conf)
{
    memset(outbox, 0, sizeof(*outbox));
    outbox->conf = conf;

    pthread_mutex_init(&outbox->lock, NULL);
    writer_wait_init(&outbox->wake);

    if (!writer_mail_wanted(conf)) {
        writer_log(WRITER_LOG_WARN, "mail", "state=off remedy=\"add url and "
                   "from to the section [mail]: without it nobody can reset "
                   "a password\"");
        return true;
    }

    if (conf->mail_smtp[0] != '\0') {
        return writer_smtp_init();
    }

    if (!writer_folder_make(conf)) {
        writer_log(WRITER_LOG_ERROR, "mail", "setting=\"[mail] folder\" "
                   "remedy=\"make it, with mode 0700\"");
        return false;
    }

    return true;
}


int
writer_outbox_start(writer_outbox_t *outbox, writer_commit_t *commit)
{
    if (!writer_mail_wanted(outbox->conf)) {
        return 0;
    }

    outbox->commit = commit;

    if (pthread_create(&outbox->thread, NULL, writer_outbox_main, outbox)
        != 0)
    {
        writer_log(WRITER_LOG_ERROR, "thread",
                   "remedy=\"raise the limit of tasks\"");
        return -1;
    }

    outbox->started = true;

    return 0;
}


void
writer_outbox_wake(void *data)
{
    writer_outbox_t  *outbox;

    outbox = data;

    pthread_mutex_lock(&outbox->lock);
    outbox->waits = true;
    pthread_cond_signal(&outbox->wake);
    pthread_mutex_unlock(&outbox->lock);
}


void
writer_outbox_stop(writer_outbox_t *outbox)
{
    if (!outbox->started) {
        return;
    }

    pthread_mutex_lock(&outbox->lock);
    atomic_store(&outbox->stop, true);
    pthread_cond_signal(&outbox->wake);
    pthread_mutex_unlock(&outbox->lock);

    pthread_join(outbox->thread, NULL);
    outbox->started = false;
}


void
writer_outbox_free(writer_outbox_t *outbox)
{
    if (outbox->conf == NULL) {
        return;
    }

    if (outbox->conf->mail_smtp[0] != '\0') {
        writer_smtp_free();
    }

    pthread_mutex_destroy(&outbox->lock);
    pthread_cond_destroy(&outbox->wake);
    outbox->conf = NULL;
}


static void *
writer_outbox_main(void *data)
{
    unsigned          ms;
    writer_postman_t  postman;

    memset(&postman, 0, sizeof(postman));
    postman.outbox = data;
    postman.down_ms = WRITER_OUTBOX_DOWN_MIN_MS;

    if (writer_store_open(postman.outbox->conf->database, false,
                          &postman.store)
        != WRITER_OK)
    {
        return NULL;
    }

    while (!atomic_load(&postman.outbox->stop)) {
        ms = writer_outbox_turn(&postman);

        if (ms != 0) {
            writer_outbox_wait(postman.outbox, ms,
                               !postman.down && !postman.unsettled);
        }
    }

    writer_store_close(postman.store);

    return NULL;
}


/* How long to wait for the next turn; 0: not at all. */
static unsigned
writer_outbox_turn(writer_postman_t *postman)
{
    int                  rc;
    uint64_t             now_ms;
    writer_store_mail_t  sealed;

    /* what was delivered is not delivered again because a disk is full */

    if (postman->unsettled && !writer_outbox_settle(postman)) {
        return WRITER_OUTBOX_STORE_MS;
    }

    pthread_mutex_lock(&postman->outbox->lock);
    postman->outbox->waits = false;
    pthread_mutex_unlock(&postman->outbox->lock);

    rc = writer_store_mail_due(postman->store, &sealed);

    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OUTBOX_IDLE_MS
                                 : WRITER_OUTBOX_STORE_MS;
    }

    now_ms = writer_now_ms();

    if (sealed.next_ms > now_ms) {
        return sealed.next_ms - now_ms < WRITER_OUTBOX_IDLE_MS
               ? (unsigned) (sealed.next_ms - now_ms) : WRITER_OUTBOX_IDLE_MS;
    }

    return writer_outbox_deliver(postman, &sealed, now_ms);
}


static unsigned
writer_outbox_deliver(writer_postman_t *postman,
    const writer_store_mail_t *sealed, uint64_t now_ms)
{
    char             why[WRITER_SMTP_WHY];
    writer_mail_t    mail;
    writer_outbox_e  sent;

    why[0] = '\0';

    if (!writer_mail_open(postman->outbox->conf->master_ring, sealed, &mail)) {
        (void) snprintf(why, sizeof(why), "unsealed");
        sent = WRITER_OUTBOX_REFUSED;

    } else if (mail.kind == WRITER_MAIL_NOBODY) {
        writer_outbox_end(postman, WRITER_OUTBOX_SENT, sealed, now_ms, why);
        return 0;

    } else if (sealed->expires_ms <= now_ms) {
        (void) snprintf(why, sizeof(why), "expired");
        sent = WRITER_OUTBOX_REFUSED;

    } else {
        sent = writer_outbox_send(postman, &mail, why);
    }

    keepers_wipe(&mail, sizeof(mail));

    if (sent == WRITER_OUTBOX_DOWN) {
        return writer_outbox_down(postman, why);
    }

    if (sent == WRITER_OUTBOX_SENT) {
        writer_outbox_well(postman);
        writer_log(WRITER_LOG_INFO, "mail_sent", "tries=%llu waited_ms=%llu",
                   (unsigned long long) sealed->tries + 1,
                   (unsigned long long) (writer_now_ms() - sealed->made_ms));
    } else {
        writer_log(WRITER_LOG_WARN, "mail_kept", "state=%s why=%s",
                   sent == WRITER_OUTBOX_REFUSED ? "aside" : "later", why);
    }

    writer_outbox_end(postman, sent, sealed, now_ms, why);

    return 0;
}


static writer_outbox_e
writer_outbox_send(writer_postman_t *postman, const writer_mail_t *mail,
    char why[WRITER_SMTP_WHY])
{
    keepers_out_t          out;
    writer_outbox_e        sent;
    unsigned char          text[WRITER_MAIL_TEXT_MAX];
    const writer_conf_t   *conf;

    conf = postman->outbox->conf;

    keepers_out_init(&out, text, sizeof(text));
    writer_mail_write(conf, mail, &out);

    if (out.overflow) {
        (void) snprintf(why, WRITER_SMTP_WHY, "too_long");
        sent = WRITER_OUTBOX_REFUSED;

    } else if (conf->mail_smtp[0] != '\0') {
        sent = writer_smtp_send(conf, mail, keepers_out_written(&out),
                                &postman->outbox->stop, why);
    } else {
        sent = writer_folder_send(conf, mail, keepers_out_written(&out), why);
    }

    keepers_wipe(text, sizeof(text));

    return sent;
}


/* Told once, then each time that it takes longer than ever. */
static unsigned
writer_outbox_down(writer_postman_t *postman, const char *why)
{
    unsigned  ms;

    /* a stop cuts a delivery off, and nothing is wrong */

    if (atomic_load(&postman->outbox->stop)) {
        return 0;
    }

    if (!postman->down) {
        writer_log(WRITER_LOG_WARN, "mail", "state=down why=%s", why);
    }

    postman->down = true;

    ms = postman->down_ms;
    postman->down_ms = ms < WRITER_OUTBOX_DOWN_MAX_MS / 2
                       ? 2 * ms : WRITER_OUTBOX_DOWN_MAX_MS;

    return ms;
}


static void
writer_outbox_well(writer_postman_t *postman)
{
    if (postman->down) {
        writer_log(WRITER_LOG_INFO, "mail", "state=well");
    }

    postman->down = false;
    postman->down_ms = WRITER_OUTBOX_DOWN_MIN_MS;
}


static void
writer_outbox_end(writer_postman_t *postman, writer_outbox_e sent,
    const writer_store_mail_t *sealed, uint64_t now_ms, const char *why)
{
    writer_mail_end_t  *end;

    end = &postman->end;

    memset(end, 0, sizeof(*end));
    end->id = sealed->id;
    (void) snprintf(end->why, sizeof(end->why), "%s", why);

    if (sent == WRITER_OUTBOX_SENT) {
        end->end = WRITER_MAIL_END_SENT;

    } else if (sent == WRITER_OUTBOX_LATER) {
        end->end = WRITER_MAIL_END_LATER;
        end->next_ms = now_ms + writer_outbox_later_ms(sealed->tries);

    } else {
        end->end = WRITER_MAIL_END_ASIDE;
    }

    postman->unsettled = true;
    (void) writer_outbox_settle(postman);
}


static uint64_t
writer_outbox_later_ms(uint64_t tries)
{
    uint64_t  ms;

    for (ms = WRITER_OUTBOX_LATER_MIN_MS;
         tries != 0 && ms < WRITER_OUTBOX_LATER_MAX_MS; tries--)
    {
        ms *= 2;
    }

    return ms < WRITER_OUTBOX_LATER_MAX_MS ? ms : WRITER_OUTBOX_LATER_MAX_MS;
}


/* The committer writes, and is waited for: it stops after this thread. */
static bool
writer_outbox_settle(writer_postman_t *postman)
{
    bool              well;
    writer_job_t     *job;
    writer_outbox_t  *outbox;

    outbox = postman->outbox;

    job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return false;
    }

    job->now_ms = writer_now_ms();
    job->run = writer_outbox_settle_run;
    job->finished = writer_outbox_settled;
    job->owner = outbox;
    job->in.mail = postman->end;
    outbox->settled = false;

    if (!writer_commit_submit(outbox->commit, job)) {
        free(job);
        return false;
    }

    pthread_mutex_lock(&outbox->lock);

    while (!outbox->settled) {
        pthread_cond_wait(&outbox->wake, &outbox->lock);
    }

    well = outbox->settled_well;

    pthread_mutex_unlock(&outbox->lock);

    postman->unsettled = !well;

    return well;
}


static int
writer_outbox_settle_run(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    const writer_mail_end_t  *end;

    end = &job->in.mail;

    switch (end->end) {

    case WRITER_MAIL_END_LATER:
        rc = writer_store_mail_later(ctx->store, &end->id, end->next_ms);
        break;

    case WRITER_MAIL_END_ASIDE:
        rc = writer_store_mail_aside(ctx->store, &end->id, end->why);
        break;

    default:
        rc = writer_store_mail_remove(ctx->store, &end->id);
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}


static void
writer_outbox_settled(writer_job_t *job)
{
    writer_outbox_t  *outbox;

    outbox = job->owner;

    pthread_mutex_lock(&outbox->lock);
    outbox->settled = true;
    outbox->settled_well = job->status == 204;
    pthread_cond_signal(&outbox->wake);
    pthread_mutex_unlock(&outbox->lock);

    free(job);
}


static void
writer_outbox_wait(writer_outbox_t *outbox, unsigned ms, bool for_mail)
{
    uint64_t  now_ms, until_ms;

    now_ms = writer_wait_now_ms();
    until_ms = now_ms + ms;

    pthread_mutex_lock(&outbox->lock);

    while (now_ms < until_ms && !atomic_load(&outbox->stop)
           && !(for_mail && outbox->waits))
    {
        (void) writer_wait(&outbox->wake, &outbox->lock,
                           (unsigned) (until_ms - now_ms));
        now_ms = writer_wait_now_ms();
    }

    pthread_mutex_unlock(&outbox->lock);
}
