
/*
 * Copyright (C) Keepers
 *
 * The store as named operations.  Nothing here knows a person: what is
 * personal arrives sealed.  A store belongs to one thread; exactly one of a
 * process is opened for writing.
 */


#ifndef _WRITER_STORE_H_INCLUDED_
#define _WRITER_STORE_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"
#include "core/keepers_keyring.h"
#include "core/keepers_link.h"


#define WRITER_OFFER_LEN_MAX     300
#define WRITER_BUSINESS_LEN_MAX  100
#define WRITER_CONSENT_LEN_MAX   500
#define WRITER_SEALED_MAX        1536
#define WRITER_HELD_SEALED_MAX   2304
#define WRITER_HASH_TEXT_MAX     128        /* crypto_pwhash_STRBYTES */
#define WRITER_WORD_LEN_MAX      80
#define WRITER_TOKEN_NAME_MAX    60
#define WRITER_TOKEN_ID_LEN      16         /* hex: 8 bytes of its hash */
#define WRITER_MAIL_PLAIN_LEN    304        /* all alike, whatever is in it */
#define WRITER_MAIL_SEALED_LEN   (WRITER_MAIL_PLAIN_LEN + 40)
#define WRITER_PASSKEY_NAME_MAX  60
#define WRITER_PASSKEY_ID_LEN    16         /* hex: 8 bytes of its mark */
#define WRITER_PASSKEY_SEALED    960
#define WRITER_LINK_DELETED      3          /* behind keepers_link_state_e */


/* What every operation returns. */
enum {
    WRITER_OK = 0,
    WRITER_NONE,                /* no such row, or it was there already */
    WRITER_FAULT                /* the store failed: the transaction is lost */
};


typedef struct writer_store_s  writer_store_t;


typedef struct {
    int64_t          row;
    keepers_uuid_t   uuid;
    uint64_t         customers;
    size_t           wrapped_len;
    unsigned char    wrapped[80];
    char             master[KEEPERS_KEY_ID_LEN_MAX + 1];
    char             name[WRITER_BUSINESS_LEN_MAX + 1];
} writer_store_business_t;


typedef struct {
    int64_t          business;
    keepers_uuid_t   uuid;
    keepers_uuid_t   business_uuid;
    uint8_t          role;
    unsigned char    email_hash[KEEPERS_HASH_LEN];
    size_t           email_len;
    unsigned char    email[320];            /* sealed */
    char             master[KEEPERS_KEY_ID_LEN_MAX + 1];
    char             password[WRITER_HASH_TEXT_MAX];
} writer_store_account_t;


typedef struct {
    uint64_t         confirmed_ms;          /* 0: not yet */
    uint64_t         last_step;             /* of a code that was used */
    unsigned char    sealed[60];            /* the secret */
    char             master[KEEPERS_KEY_ID_LEN_MAX + 1];
} writer_store_factor_t;


/* What an account has of second factors, all in all. */
typedef struct {
    bool             totp;                  /* confirmed */
    uint64_t         passkeys;
    uint64_t         codes;                 /* for recovery, not used */
    char             codes_master[KEEPERS_KEY_ID_LEN_MAX + 1];  /* or empty */
} writer_store_second_t;


typedef struct {
    keepers_uuid_t   user;
    uint64_t         created_ms;
    uint64_t         used_ms;               /* 0: not yet */
    uint32_t         counter;               /* of signatures; 0: it has none */
    unsigned char    mark[KEEPERS_HASH_LEN];        /* of the credential id */
    char             master[KEEPERS_KEY_ID_LEN_MAX + 1];
    size_t           sealed_len;
    unsigned char    sealed[WRITER_PASSKEY_SEALED];
} writer_store_passkey_t;


typedef struct {
    int64_t          row;
    int64_t          business;
    keepers_uuid_t   business_uuid;
    uint64_t         created_ms;
    uint64_t         updated_ms;
    uint64_t         signups;
    uint16_t         retention_days;
    uint8_t          state;
    uint8_t          flags;
    unsigned char    color[3];
    unsigned char    consent_email_hash[KEEPERS_HASH_LEN];
    unsigned char    consent_sms_hash[KEEPERS_HASH_LEN];
    char             slug[KEEPERS_SLUG_LEN_MAX + 1];
    char             country[3];
    char             locale[KEEPERS_LOCALE_LEN_MAX + 1];
    char             business_name[WRITER_BUSINESS_LEN_MAX + 1];
    char             offer[WRITER_OFFER_LEN_MAX + 1];
    char             consent_email[WRITER_CONSENT_LEN_MAX + 1];
    char             consent_sms[WRITER_CONSENT_LEN_MAX + 1];
} writer_store_link_t;


typedef struct {
    keepers_uuid_t   id;
    int64_t          business;
    int64_t          link;
    uint64_t         joined_ms;
    uint64_t         expires_ms;            /* 0: until asked to delete */
    unsigned char    email_hash[KEEPERS_HASH_LEN];
    char             slug[KEEPERS_SLUG_LEN_MAX + 1];
    size_t           sealed_len;
    unsigned char    sealed[WRITER_SEALED_MAX];
} writer_store_customer_t;


typedef enum {
    WRITER_CONSENT_EMAIL = 1,
    WRITER_CONSENT_SMS = 2
} writer_consent_e;


/* What a signup agrees to, by the hash of the text; NULL: not to this. */
typedef struct {
    keepers_uuid_t        signup;
    int64_t               link;
    uint64_t              given_ms;
    const unsigned char  *email;
    const unsigned char  *sms;
    uint8_t               method;           /* 1 form, 2 JSON */
    unsigned char         net[8];           /* rough; zeros: not known */
    char                  locale[KEEPERS_LOCALE_LEN_MAX + 1];
} writer_store_given_t;


/* One of those, as it is shown. */
typedef struct {
    uint64_t         given_ms;
    uint8_t          kind;                  /* writer_consent_e */
    uint8_t          method;
    unsigned char    net[8];
    char             locale[KEEPERS_LOCALE_LEN_MAX + 1];
    char             slug[KEEPERS_SLUG_LEN_MAX + 1];
    char             text[WRITER_CONSENT_LEN_MAX + 1];
} writer_store_consent_t;


typedef struct {
    keepers_uuid_t   id;
    int64_t          business;
    int64_t          link;
    uint64_t         received_ms;
    uint64_t         expires_ms;
    uint16_t         reason;                /* KEEPERS_SIGNUP_HELD_* */
    unsigned char    digest[KEEPERS_HASH_LEN];
    char             slug[KEEPERS_SLUG_LEN_MAX + 1];
    size_t           sealed_len;
    unsigned char    sealed[WRITER_HELD_SEALED_MAX];
} writer_store_held_t;


typedef struct {
    int64_t          seq;
    int64_t          business;
    uint64_t         at_ms;
    unsigned char    hash[KEEPERS_HASH_LEN];
    char             who[WRITER_WORD_LEN_MAX + 1];
    char             what[WRITER_WORD_LEN_MAX + 1];
    char             subject[WRITER_WORD_LEN_MAX + 1];
} writer_store_audit_t;


/* Of a token for machines; without the token. */
typedef struct {
    int64_t          business;
    keepers_uuid_t   business_uuid;
    keepers_uuid_t   user;                  /* who made it */
    uint64_t         created_ms;
    uint64_t         expires_ms;
    uint64_t         used_ms;               /* to the hour; 0: never */
    uint64_t         ended_ms;              /* 0: not ended */
    uint64_t         changed_ms;            /* later than any before */
    uint32_t         scopes;
    unsigned char    hash[KEEPERS_HASH_LEN];
    unsigned char    tag[8];
    char             name[WRITER_TOKEN_NAME_MAX + 1];
    char             shown[12];             /* how the token begins */
} writer_store_token_t;


/* A mail that waits for its delivery; its contents are sealed. */
typedef struct {
    keepers_uuid_t   id;
    uint64_t         made_ms;
    uint64_t         expires_ms;            /* useless from then on */
    uint64_t         next_ms;               /* not to be tried before */
    uint64_t         tries;                 /* that failed */
    char             master[KEEPERS_KEY_ID_LEN_MAX + 1];
    unsigned char    sealed[WRITER_MAIL_SEALED_LEN];
} writer_store_mail_t;


typedef struct {
    uint64_t         waiting;
    uint64_t         aside;
    uint64_t         oldest_ms;             /* of those that wait; 0: none */
} writer_store_mails_t;


/* Of a business's audit log: how many rows, and the MAC of that; see audit. */
typedef struct {
    uint64_t         rows;
    bool             sealed;
    unsigned char    seal[KEEPERS_HASH_LEN];
} writer_store_head_t;


/* A row of a page; anything but 0 ends the page. */
typedef int (*writer_store_customer_pt)(void *data,
    const writer_store_customer_t *customer);
typedef int (*writer_store_link_pt)(void *data,
    const writer_store_link_t *link);
typedef int (*writer_store_consent_pt)(void *data,
    const writer_store_consent_t *consent);
typedef int (*writer_store_held_pt)(void *data,
    const writer_store_held_t *held);
typedef int (*writer_store_audit_pt)(void *data,
    const writer_store_audit_t *audit);
typedef int (*writer_store_end_pt)(void *data, uint64_t at_ms,
    const keepers_uuid_t *user);
typedef int (*writer_store_token_pt)(void *data,
    const writer_store_token_t *token);
typedef int (*writer_store_passkey_pt)(void *data,
    const writer_store_passkey_t *passkey);
typedef int (*writer_store_business_pt)(void *data,
    const keepers_uuid_t *uuid);
typedef int (*writer_store_day_pt)(void *data, uint64_t day, uint64_t signups);
typedef int (*writer_store_joined_pt)(void *data, const char *slug,
    uint64_t joined_ms);
typedef int (*writer_store_change_pt)(void *data, uint64_t proposed_ms,
    const keepers_uuid_t *signup, keepers_str_t sealed);


/* open, transactions, health */

int writer_store_open(const char *path, bool writable, writer_store_t **store)
    keepers_checked;
void writer_store_close(writer_store_t *store);
int writer_store_migrate(writer_store_t *store) keepers_checked;
int writer_store_current(writer_store_t *store) keepers_checked;
int writer_store_begin(writer_store_t *store) keepers_checked;
int writer_store_commit(writer_store_t *store) keepers_checked;
void writer_store_rollback(writer_store_t *store);

/*
 * From now on commits do not wait for the disk: what was committed is there
 * for who reads, and is durable once writer_store_sync() has returned that was
 * called behind the commit.  It alone may be called by another thread, beside
 * what the store's own does.  It ends the process if the disk fails: the system
 * has forgotten what it could not write, and later commits stand on that.
 */
int writer_store_sync_apart(writer_store_t *store) keepers_checked;
void writer_store_sync(writer_store_t *store);

/* Was the last failure of the disk, rather than of one item? */
bool writer_store_disk_fault(const writer_store_t *store);

/* Bytes of the log as of this connection's last commit; it begins anew. */
size_t writer_store_log(const writer_store_t *store);

/*
 * Moves the log into the database, as far as nobody reads what that would
 * replace, while others go on; between transactions of this connection.
 * Bytes of the log that have been moved so far; 0 also if it failed.  Ends the
 * process if what was moved cannot be made durable.
 */
size_t writer_store_checkpoint(writer_store_t *store);

/* businesses and accounts */

int writer_store_business_add(writer_store_t *store,
    writer_store_business_t *business, uint64_t now_ms) keepers_checked;
int writer_store_business_find(writer_store_t *store,
    const keepers_uuid_t *uuid, writer_store_business_t *business)
    keepers_checked;
int writer_store_business_get(writer_store_t *store, int64_t row,
    writer_store_business_t *business) keepers_checked;
int writer_store_businesses(writer_store_t *store,
    writer_store_business_pt each, void *data) keepers_checked;
int writer_store_account_add(writer_store_t *store,
    const writer_store_account_t *account, uint64_t now_ms) keepers_checked;
int writer_store_account_find(writer_store_t *store,
    const unsigned char email_hash[KEEPERS_HASH_LEN],
    writer_store_account_t *account) keepers_checked;
int writer_store_account_get(writer_store_t *store,
    const keepers_uuid_t *uuid, writer_store_account_t *account)
    keepers_checked;
/* Ends what was sent to whoever had forgotten the one before, too. */
int writer_store_account_password(writer_store_t *store,
    const keepers_uuid_t *uuid, const char *password, uint64_t now_ms)
    keepers_checked;

/*
 * Links by which a user sets another password, by the hash of their token.
 * NONE from _add: the user has as many as "max" that live; _find: there is no
 * such one, or it has expired.
 */
int writer_store_reset_add(writer_store_t *store, const keepers_uuid_t *user,
    const unsigned char hash[KEEPERS_HASH_LEN], uint64_t now_ms,
    uint64_t expires_ms, unsigned max) keepers_checked;
int writer_store_reset_find(writer_store_t *store,
    const unsigned char hash[KEEPERS_HASH_LEN], uint64_t now_ms,
    keepers_uuid_t *user) keepers_checked;
int writer_store_resets_end(writer_store_t *store, const keepers_uuid_t *user)
    keepers_checked;
int writer_store_resets_purge(writer_store_t *store, uint64_t now_ms)
    keepers_checked;

/*
 * The outbox.  _due: the one that is to be tried next, NONE if nothing waits;
 * "mail->next_ms" may lie ahead.  _aside: it is kept, with "why", a code, and
 * not tried again until _again, which counts them.
 */
int writer_store_mail_add(writer_store_t *store,
    const writer_store_mail_t *mail) keepers_checked;
int writer_store_mail_due(writer_store_t *store, writer_store_mail_t *mail)
    keepers_checked;
int writer_store_mail_remove(writer_store_t *store, const keepers_uuid_t *id)
    keepers_checked;
int writer_store_mail_later(writer_store_t *store, const keepers_uuid_t *id,
    uint64_t next_ms) keepers_checked;
int writer_store_mail_aside(writer_store_t *store, const keepers_uuid_t *id,
    const char *why) keepers_checked;
int writer_store_mail_again(writer_store_t *store, uint64_t now_ms,
    uint64_t *n) keepers_checked;
int writer_store_mails_purge(writer_store_t *store, uint64_t now_ms)
    keepers_checked;
int writer_store_mails_count(writer_store_t *store,
    writer_store_mails_t *counts) keepers_checked;

/*
 * The second factor of a user.  NONE from _put: one is confirmed; _confirm:
 * there is none, or it was; _step: not a later one than the last; _use: no
 * such code, or it was used.
 */
int writer_store_factor_put(writer_store_t *store, const keepers_uuid_t *user,
    const writer_store_factor_t *factor, uint64_t now_ms) keepers_checked;
int writer_store_factor_get(writer_store_t *store, const keepers_uuid_t *user,
    writer_store_factor_t *factor) keepers_checked;
int writer_store_factor_confirm(writer_store_t *store,
    const keepers_uuid_t *user, uint64_t step, uint64_t now_ms)
    keepers_checked;
int writer_store_factor_step(writer_store_t *store,
    const keepers_uuid_t *user, uint64_t step) keepers_checked;
int writer_store_factor_remove(writer_store_t *store,
    const keepers_uuid_t *user) keepers_checked;
int writer_store_second_get(writer_store_t *store, const keepers_uuid_t *user,
    writer_store_second_t *second) keepers_checked;
int writer_store_codes_clear(writer_store_t *store,
    const keepers_uuid_t *user) keepers_checked;
int writer_store_code_add(writer_store_t *store, const keepers_uuid_t *user,
    const char *master, const unsigned char hash[KEEPERS_HASH_LEN])
    keepers_checked;
int writer_store_code_find(writer_store_t *store, const keepers_uuid_t *user,
    const unsigned char hash[KEEPERS_HASH_LEN]) keepers_checked;
int writer_store_code_use(writer_store_t *store, const keepers_uuid_t *user,
    const unsigned char hash[KEEPERS_HASH_LEN], uint64_t now_ms)
    keepers_checked;

/*
 * Passkeys.  NONE from _add: it is somebody's already; _find: not this user's;
 * _remove: no such id, in text, or not theirs.  A challenge that was answered
 * is kept until it would be void: NONE from _use, it was.
 */
int writer_store_passkey_add(writer_store_t *store,
    const writer_store_passkey_t *passkey) keepers_checked;
int writer_store_passkeys(writer_store_t *store, const keepers_uuid_t *user,
    writer_store_passkey_pt each, void *data) keepers_checked;
int writer_store_passkey_counter(writer_store_t *store,
    const keepers_uuid_t *user, const unsigned char mark[KEEPERS_HASH_LEN],
    uint32_t *counter) keepers_checked;
int writer_store_passkey_used(writer_store_t *store,
    const keepers_uuid_t *user, const unsigned char mark[KEEPERS_HASH_LEN],
    uint32_t counter, uint64_t now_ms) keepers_checked;
int writer_store_passkey_remove(writer_store_t *store,
    const keepers_uuid_t *user, keepers_str_t id) keepers_checked;
int writer_store_passkeys_remove(writer_store_t *store,
    const keepers_uuid_t *user) keepers_checked;
int writer_store_challenge_use(writer_store_t *store,
    const unsigned char challenge[KEEPERS_HASH_LEN], uint64_t expires_ms,
    uint64_t now_ms) keepers_checked;

/*
 * Sessions of a user that are to end, once the transaction is durable: each
 * has a time of its own, later than any before.  Those later than after_ms.
 * The user's tokens end with them.
 */
int writer_store_end_add(writer_store_t *store, const keepers_uuid_t *user,
    uint64_t now_ms) keepers_checked;
int writer_store_ends(writer_store_t *store, uint64_t after_ms,
    writer_store_end_pt each, void *data) keepers_checked;

/* tokens for machines; those of a business that are not ended */

int writer_store_token_add(writer_store_t *store,
    const writer_store_token_t *token) keepers_checked;
int writer_store_token_count(writer_store_t *store, int64_t business,
    uint64_t *n) keepers_checked;
int writer_store_tokens(writer_store_t *store, int64_t business,
    writer_store_token_pt each, void *data) keepers_checked;
int writer_store_token_find(writer_store_t *store,
    const unsigned char hash[KEEPERS_HASH_LEN], writer_store_token_t *token)
    keepers_checked;
/* By the id, in text: NONE if it is not this business's, or has ended. */
int writer_store_token_end(writer_store_t *store, int64_t business,
    keepers_str_t id, uint64_t now_ms) keepers_checked;
int writer_store_tokens_end(writer_store_t *store, const keepers_uuid_t *user,
    uint64_t now_ms) keepers_checked;
int writer_store_token_used(writer_store_t *store,
    const unsigned char hash[KEEPERS_HASH_LEN], uint64_t used_ms)
    keepers_checked;
/* In order, those that changed later than after_ms; "all": and every other
 * that is not ended. */
int writer_store_tokens_changed(writer_store_t *store, uint64_t after_ms,
    bool all, writer_store_token_pt each, void *data) keepers_checked;

/* links */

int writer_store_link_add(writer_store_t *store,
    const writer_store_link_t *link) keepers_checked;
int writer_store_link_find(writer_store_t *store, keepers_str_t slug,
    writer_store_link_t *link) keepers_checked;
int writer_store_link_state(writer_store_t *store, int64_t row, uint8_t state,
    uint64_t now_ms) keepers_checked;
/* Those of a business that are not deleted; those of all, deleted or not. */
int writer_store_links(writer_store_t *store, int64_t business,
    writer_store_link_pt each, void *data) keepers_checked;
int writer_store_links_all(writer_store_t *store, writer_store_link_pt each,
    void *data) keepers_checked;
/* Notes that a link shows this text. */
int writer_store_link_text_add(writer_store_t *store, int64_t link,
    uint8_t kind, const unsigned char *hash, const char *text,
    uint64_t now_ms) keepers_checked;

/* Has the link ever shown this text for this kind of consent? */
int writer_store_link_text(writer_store_t *store, int64_t link, uint8_t kind,
    const unsigned char hash[KEEPERS_HASH_LEN]) keepers_checked;

/* signups; NONE from an _add: it is there already */

int writer_store_signup_seen(writer_store_t *store, const keepers_uuid_t *id)
    keepers_checked;
int writer_store_signup_add(writer_store_t *store, const keepers_uuid_t *id,
    int64_t link, uint64_t received_ms) keepers_checked;
/* Who joins, and what they agree to by that. */
int writer_store_customer_add(writer_store_t *store,
    const writer_store_customer_t *customer, const writer_store_given_t *given)
    keepers_checked;
int writer_store_customer_find(writer_store_t *store, int64_t business,
    const unsigned char email_hash[KEEPERS_HASH_LEN],
    writer_store_customer_t *customer) keepers_checked;
int writer_store_customer_get(writer_store_t *store, int64_t business,
    const keepers_uuid_t *id, writer_store_customer_t *customer)
    keepers_checked;
int writer_store_customers(writer_store_t *store, int64_t business,
    uint64_t before_ms, const keepers_uuid_t *before_id,
    writer_store_customer_pt each, void *data) keepers_checked;
int writer_store_customer_erase(writer_store_t *store, int64_t business,
    const keepers_uuid_t *id, uint64_t now_ms) keepers_checked;
/* The first one behind *customer, which is zeros at first, by expiry and id. */
int writer_store_customer_expired(writer_store_t *store, uint64_t now_ms,
    writer_store_customer_t *customer) keepers_checked;
int writer_store_customer_keep(writer_store_t *store,
    const keepers_uuid_t *id, uint64_t expires_ms) keepers_checked;

/* A further link: the first is in the customer's row.  NONE: it was there. */
int writer_store_membership_add(writer_store_t *store,
    const keepers_uuid_t *customer, int64_t link, const keepers_uuid_t *signup,
    uint64_t joined_ms) keepers_checked;

/* All links, the first too, each since when. */
int writer_store_memberships(writer_store_t *store,
    const keepers_uuid_t *customer, writer_store_joined_pt each, void *data)
    keepers_checked;

/* What a customer agrees to later.  _consents: all that they ever have. */
int writer_store_consents_add(writer_store_t *store,
    const keepers_uuid_t *customer, const writer_store_given_t *given)
    keepers_checked;
int writer_store_consents(writer_store_t *store,
    const keepers_uuid_t *customer, writer_store_consent_pt each, void *data)
    keepers_checked;

/* At most eight wait for one customer: more would be someone's game. */
int writer_store_change_add(writer_store_t *store,
    const keepers_uuid_t *customer, const keepers_uuid_t *signup,
    const unsigned char digest[KEEPERS_HASH_LEN], keepers_str_t sealed,
    uint64_t now_ms) keepers_checked;
int writer_store_changes(writer_store_t *store,
    const keepers_uuid_t *customer, writer_store_change_pt each, void *data)
    keepers_checked;

/* held signups */

int writer_store_held_add(writer_store_t *store,
    const writer_store_held_t *held) keepers_checked;
int writer_store_held_get(writer_store_t *store, int64_t business,
    const keepers_uuid_t *id, writer_store_held_t *held) keepers_checked;
int writer_store_held_remove(writer_store_t *store, int64_t business,
    const keepers_uuid_t *id) keepers_checked;
int writer_store_held_purge(writer_store_t *store, uint64_t now_ms)
    keepers_checked;
int writer_store_held(writer_store_t *store, int64_t business,
    uint64_t before_ms, const keepers_uuid_t *before_id, uint64_t now_ms,
    writer_store_held_pt each, void *data) keepers_checked;
int writer_store_held_count(writer_store_t *store, int64_t business,
    uint64_t now_ms, uint64_t *n) keepers_checked;

/*
 * Counters are gathered in memory and written once a transaction, at its
 * commit: two hundred people at one poster are one row's worth of work.
 */
int writer_store_tally(writer_store_t *store, int64_t business, int64_t link,
    uint64_t day, int customers, int joined) keepers_checked;
int writer_store_days(writer_store_t *store, int64_t business, uint64_t from,
    writer_store_day_pt each, void *data) keepers_checked;

/* audit */

int writer_store_audit_last(writer_store_t *store, int64_t business,
    unsigned char hash[KEEPERS_HASH_LEN]) keepers_checked;
int writer_store_audit_add(writer_store_t *store,
    const writer_store_audit_t *audit) keepers_checked;
int writer_store_audit_head(writer_store_t *store, int64_t business,
    writer_store_head_t *head) keepers_checked;
int writer_store_audit_seal(writer_store_t *store, int64_t business,
    const writer_store_head_t *head) keepers_checked;
/* The head and all rows from the first on, as they stood at one moment. */
int writer_store_audit_walk(writer_store_t *store, int64_t business,
    writer_store_head_t *head, writer_store_audit_pt each, void *data)
    keepers_checked;
int writer_store_audits(writer_store_t *store, int64_t business,
    int64_t before_seq, writer_store_audit_pt each, void *data)
    keepers_checked;


#endif /* _WRITER_STORE_H_INCLUDED_ */
