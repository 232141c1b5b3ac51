
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_routes.h"

#include "writer/writer_accounts.h"
#include "writer/writer_accounts_change.h"
#include "writer/writer_audit.h"
#include "writer/writer_customers.h"
#include "writer/writer_factors.h"
#include "writer/writer_health.h"
#include "writer/writer_held.h"
#include "writer/writer_http.h"
#include "writer/writer_links.h"
#include "writer/writer_mail.h"
#include "writer/writer_operator.h"
#include "writer/writer_passkeys.h"
#include "writer/writer_proof.h"
#include "writer/writer_query.h"
#include "writer/writer_resets.h"
#include "writer/writer_signups.h"
#include "writer/writer_tokens.h"
#include "writer/writer_vault.h"

#include "core/keepers_bearer.h"
#include "core/keepers_session.h"
#include "core/keepers_text.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>


#define WRITER_ROUTES_OPERATOR_MS  30000

#define writer_role(name)    (1u << KEEPERS_ROLE_##name)

#define WRITER_ROLES_ALL     (writer_role(OWNER) | writer_role(MANAGER)       \
                              | writer_role(STAFF) | writer_role(AUDITOR))
#define WRITER_ROLES_CHANGE  (writer_role(OWNER) | writer_role(MANAGER))
#define WRITER_ROLES_AUDIT   (writer_role(OWNER) | writer_role(AUDITOR))


static bool writer_routes_match(const char *pattern, const char *path,
    char *subject);
static const char *writer_routes_allow(const char *path);
static bool writer_routes_identity(writer_job_t *job,
    const writer_conf_t *conf);
static bool writer_routes_is_operator(const writer_job_t *job,
    const writer_conf_t *conf);


#define WRITER_ROLES_OWNER   writer_role(OWNER)

#define WRITER_SCOPE_NONE    0       /* for people alone */
#define writer_scope(name)   KEEPERS_SCOPE_##name

#define writer_open(method, path, lane, proof, read, run)                     \
    { EVHTTP_REQ_##method, path, WRITER_LANE_##lane, WRITER_PROOF_##proof, 0, \
      0, read, run, NULL }

#define writer_api(method, path, lane, roles, scope, read, run, audit)        \
    { EVHTTP_REQ_##method, "/api/v1/" path, WRITER_LANE_##lane,               \
      WRITER_PROOF_IDENTITY, WRITER_ROLES_##roles, scope, read, run, audit }


static const writer_route_t  writer_routes[] = {

    writer_open(POST, "/v1/signups", COMMIT, ENVELOPE, writer_signups_read,
                writer_signups_run),
    writer_open(POST, "/v1/signin", PASSWORD, ENVELOPE,
                writer_accounts_signin_read, writer_accounts_signin),
    writer_open(POST, "/v1/password", PASSWORD, ENVELOPE,
                writer_accounts_change_read, writer_accounts_change),
    writer_open(POST, "/v1/forgot", LOOP, ENVELOPE, writer_resets_ask_read,
                writer_resets_ask),
    writer_open(POST, "/v1/reset", PASSWORD, ENVELOPE, writer_resets_read,
                writer_resets_run),
    writer_open(POST, "/v1/step-up", PASSWORD, ENVELOPE,
                writer_proof_step_up_read, writer_proof_step_up),
    writer_open(GET, "/v1/signin/challenge", READ, NONE, NULL,
                writer_passkeys_signin),
    writer_open(GET, "/healthz", LOOP, NONE, NULL, writer_health_alive),
    writer_open(GET, "/readyz", READ, NONE, writer_health_read,
                writer_health_ready),

    writer_api(GET, "summary", READ, ALL, WRITER_SCOPE_NONE, NULL,
               writer_accounts_summary, NULL),
    writer_api(GET, "customers", READ, ALL, writer_scope(CUSTOMERS_READ),
               writer_query_read, writer_customers_page, "customers.read"),
    writer_api(GET, "customers/*", READ, ALL, writer_scope(CUSTOMERS_READ),
               NULL, writer_customers_one, "customer.read"),
    writer_api(DELETE, "customers/*", COMMIT, CHANGE,
               writer_scope(CUSTOMERS_WRITE), NULL, writer_customers_erase,
               NULL),
    writer_api(GET, "links", READ, ALL, writer_scope(LINKS_READ), NULL,
               writer_links_page, NULL),
    writer_api(POST, "links", COMMIT, CHANGE, writer_scope(LINKS_WRITE),
               writer_operator_read, writer_links_add, NULL),
    writer_api(POST, "links/*/close", COMMIT, CHANGE,
               writer_scope(LINKS_WRITE), NULL, writer_links_close, NULL),
    writer_api(POST, "links/*/open", COMMIT, CHANGE,
               writer_scope(LINKS_WRITE), NULL, writer_links_open, NULL),
    writer_api(GET, "links/*/qr.svg", READ, ALL, writer_scope(LINKS_READ),
               writer_query_read, writer_links_qr, NULL),
    writer_api(GET, "held", READ, ALL, writer_scope(CUSTOMERS_READ),
               writer_query_read, writer_held_page, "held.read"),
    writer_api(POST, "held/*/accept", COMMIT, CHANGE,
               writer_scope(CUSTOMERS_WRITE), NULL, writer_held_accept, NULL),
    writer_api(POST, "held/*/discard", COMMIT, CHANGE,
               writer_scope(CUSTOMERS_WRITE), NULL, writer_held_discard,
               NULL),
    writer_api(GET, "factors", READ, ALL, WRITER_SCOPE_NONE, NULL,
               writer_factors_page, NULL),
    writer_api(POST, "factors/codes", COMMIT, ALL, WRITER_SCOPE_NONE, NULL,
               writer_factors_codes, NULL),
    writer_api(GET, "factors/passkeys/challenge", READ, ALL,
               WRITER_SCOPE_NONE, NULL, writer_passkeys_step_up, NULL),
    writer_api(POST, "factors/passkeys/options", READ, ALL,
               WRITER_SCOPE_NONE, NULL, writer_passkeys_options, NULL),
    writer_api(POST, "factors/passkeys", COMMIT, ALL, WRITER_SCOPE_NONE,
               writer_operator_read, writer_passkeys_add, NULL),
    writer_api(POST, "factors/passkeys/*/remove", COMMIT, ALL,
               WRITER_SCOPE_NONE, NULL, writer_passkeys_remove, NULL),
    writer_api(POST, "factors/totp", COMMIT, ALL, WRITER_SCOPE_NONE, NULL,
               writer_factors_enrol, NULL),
    writer_api(POST, "factors/totp/confirm", COMMIT, ALL, WRITER_SCOPE_NONE,
               writer_operator_read, writer_factors_confirm, NULL),
    writer_api(POST, "factors/totp/codes", COMMIT, ALL, WRITER_SCOPE_NONE,
               NULL, writer_factors_codes, NULL),
    writer_api(POST, "factors/totp/remove", COMMIT, ALL, WRITER_SCOPE_NONE,
               NULL, writer_factors_remove, NULL),
    writer_api(GET, "audit", READ, AUDIT, writer_scope(AUDIT_READ),
               writer_query_read, writer_audit_page, "audit.read"),
    writer_api(GET, "tokens", READ, OWNER, WRITER_SCOPE_NONE, NULL,
               writer_tokens_page, NULL),
    writer_api(POST, "tokens", COMMIT, OWNER, WRITER_SCOPE_NONE,
               writer_operator_read, writer_tokens_add, NULL),
    writer_api(DELETE, "tokens/*", COMMIT, OWNER, WRITER_SCOPE_NONE, NULL,
               writer_tokens_end, NULL),

    writer_open(POST, "/v1/admin/accounts", COMMIT, OPERATOR,
                writer_operator_read, writer_operator_account),
    writer_open(POST, "/v1/admin/password", COMMIT, OPERATOR,
                writer_operator_read, writer_operator_password),
    writer_open(POST, "/v1/admin/totp/remove", COMMIT, OPERATOR,
                writer_operator_read, writer_operator_totp_remove),
    writer_open(POST, "/v1/admin/mail/retry", COMMIT, OPERATOR,
                writer_operator_read, writer_mail_retry),
    writer_open(POST, "/v1/admin/passkeys/remove", COMMIT, OPERATOR,
                writer_operator_read, writer_operator_passkeys_remove),
    writer_open(POST, "/v1/admin/links", COMMIT, OPERATOR,
                writer_operator_read, writer_operator_link),
    writer_open(POST, "/v1/admin/links/*/open", COMMIT, OPERATOR, NULL,
                writer_operator_link_open),
    writer_open(POST, "/v1/admin/links/*/close", COMMIT, OPERATOR, NULL,
                writer_operator_link_close),
    writer_open(POST, "/v1/admin/links/*/delete", COMMIT, OPERATOR, NULL,
                writer_operator_link_delete)
};

#define WRITER_ROUTES  (sizeof(writer_routes) / sizeof(writer_routes[0]))


bool
writer_routes_find(writer_job_t *job)
{
    size_t                   i;
    const char              *path, *allow;
    enum evhttp_cmd_type     method;
    const struct evhttp_uri *uri;

    uri = evhttp_request_get_evhttp_uri(job->request);
    path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
    method = evhttp_request_get_command(job->request);

    if (path == NULL) {
        (void) writer_job_problem(job, 404, "not_found");
        return false;
    }

    if (method == EVHTTP_REQ_HEAD) {
        method = EVHTTP_REQ_GET;
    }

    for (i = 0; i < WRITER_ROUTES; i++) {
        if (writer_routes[i].method == method
            && writer_routes_match(writer_routes[i].path, path, job->subject))
        {
            job->route = &writer_routes[i];
            return true;
        }
    }

    allow = writer_routes_allow(path);

    (void) writer_job_problem(job, allow != NULL ? 405 : 404,
                              allow != NULL ? "method" : "not_found");
    job->allow = allow;

    return false;
}


/* A '*' is one segment of slug or UUID characters: the subject. */
static bool
writer_routes_match(const char *pattern, const char *path, char *subject)
{
    size_t  n;

    while (*pattern != '\0' && *pattern != '*') {
        if (*pattern++ != *path++) {
            return false;
        }
    }

    if (*pattern == '\0') {
        return *path == '\0';
    }

    n = strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (n == 0 || n > WRITER_WORD_LEN_MAX
        || strcmp(pattern + 1, path + n) != 0)
    {
        return false;
    }

    memcpy(subject, path, n);
    subject[n] = '\0';

    return true;
}


static const char *
writer_routes_allow(const char *path)
{
    char      subject[WRITER_WORD_LEN_MAX + 1];
    size_t    i;
    unsigned  methods;

    methods = 0;

    for (i = 0; i < WRITER_ROUTES; i++) {
        if (writer_routes_match(writer_routes[i].path, path, subject)) {
            methods |= (unsigned) writer_routes[i].method;
        }
    }

    switch (methods) {

    case 0:
        return NULL;
    case EVHTTP_REQ_GET:
        return "GET, HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_GET | EVHTTP_REQ_POST:
        return "GET, HEAD, POST";
    default:
        return "GET, HEAD, DELETE";
    }
}


bool
writer_routes_prove(writer_job_t *job, void *http)
{
    const writer_conf_t  *conf;

    conf = writer_http_conf(http);

    switch (job->route->proof) {

    case WRITER_PROOF_IDENTITY:
        return writer_routes_identity(job, conf);

    case WRITER_PROOF_OPERATOR:

        if (writer_routes_is_operator(job, conf)) {
            return true;
        }

        (void) writer_job_problem(job, 401, "operator");
        return false;

    default:
        return true;
    }
}


static bool
writer_routes_identity(writer_job_t *job, const writer_conf_t *conf)
{
    int  rc;

    rc = keepers_identity_read(conf->shared_ring,
                               writer_job_header(job, "Keepers-Identity"),
                               job->now_ms / 1000, &job->identity);
    if (rc != KEEPERS_OK) {
        (void) writer_job_problem(job, 401, "identity");
        return false;
    }

    if (job->identity.role == KEEPERS_ROLE_MACHINE) {

        /* a token has no role but what its scopes say */

        if (job->identity.scopes & job->route->scope) {
            return true;
        }

        (void) writer_job_problem(job, 403, "scope");
        return false;
    }

    if (!(job->route->roles & 1u << job->identity.role)) {
        (void) writer_job_problem(job, 403, "role");
        return false;
    }

    return true;
}


void
writer_routes_operator(const keepers_keyring_t *master, size_t key,
    uint64_t now_ms, const char *path, keepers_str_t body,
    char proof[WRITER_ROUTES_PROOF_MAX])
{
    char           number[24];
    keepers_out_t  out;
    keepers_str_t  parts[4];
    unsigned char  subkey[KEEPERS_KEY_LEN], mac[KEEPERS_HASH_LEN];

    (void) snprintf(number, sizeof(number), "%llu.",
                    (unsigned long long) now_ms);

    writer_vault_platform(master, key, "keepers operator 1", subkey);

    parts[0] = keepers_str(number, strlen(number));
    parts[1] = keepers_str(path, strlen(path));
    parts[2] = keepers_str("\n", 1);        /* in no path */
    parts[3] = body;
    keepers_keyed_hash(subkey, parts, 4, mac, sizeof(mac));

    keepers_out_init(&out, proof, WRITER_ROUTES_PROOF_MAX - 1);
    keepers_out_str(&out, parts[0]);
    keepers_text_hex(&out, keepers_str(mac, sizeof(mac)));
    proof[out.len] = '\0';

    keepers_wipe(subkey, sizeof(subkey));
}


static bool
writer_routes_is_operator(const writer_job_t *job, const writer_conf_t *conf)
{
    char           proof[WRITER_ROUTES_PROOF_MAX];
    size_t         i, digits;
    uint64_t       ms;
    const char    *path;
    keepers_str_t  given;

    given = writer_job_header(job, "Keepers-Admin");
    path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(job->request));

    for (digits = 0; digits < given.len && given.data[digits] != '.';
         digits++)
    { /* void */ }

    if (!keepers_text_uint(keepers_str(given.data, digits), &ms)
        || ms + WRITER_ROUTES_OPERATOR_MS < job->now_ms
        || ms > job->now_ms + WRITER_ROUTES_OPERATOR_MS)
    {
        return false;
    }

    for (i = 0; i < conf->master_ring->n; i++) {
        writer_routes_operator(conf->master_ring, i, ms, path,
                               writer_job_body(job), proof);

        if (given.len == strlen(proof)
            && keepers_equal(given.data, proof, given.len))
        {
            return true;
        }
    }

    return false;
}
