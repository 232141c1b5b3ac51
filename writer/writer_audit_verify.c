
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_audit_verify.h"

#include "writer/writer_audit.h"
#include "writer/writer_pool.h"

#include "core/keepers_text.h"

#include <stdio.h>


typedef struct {
    const writer_business_t  *business;
    uint64_t                  rows;
    int64_t                   broken;       /* seq of the first; 0: none */
    unsigned char             last[KEEPERS_HASH_LEN];
} writer_verify_t;


typedef struct {
    writer_context_t  ctx;
    bool              whole;
} writer_verify_all_t;


static int writer_verify_business(void *data, const keepers_uuid_t *uuid);
static int writer_verify_row(void *data, const writer_store_audit_t *audit);
static bool writer_verify_head(const writer_verify_t *verify,
    const writer_store_head_t *head);
static bool writer_verify_report(const writer_verify_t *verify,
    const writer_store_head_t *head, const keepers_uuid_t *uuid);


int
writer_audit_verify(const writer_conf_t *conf, const char *business)
{
    int                  rc;
    keepers_uuid_t       uuid;
    writer_verify_all_t  all;

    if (business != NULL
        && !keepers_text_uuid_parse(keepers_str(business, strlen(business)),
                                    &uuid))
    {
        fprintf(stderr, "keepers-writer: \"%s\" is no id\n", business);
        return 2;
    }

    if (!writer_context_open(&all.ctx, conf, false)) {
        return 1;
    }

    all.whole = true;

    if (business != NULL) {
        rc = writer_verify_business(&all, &uuid);
    } else {
        rc = writer_store_businesses(all.ctx.store, writer_verify_business,
                                     &all);
    }

    writer_context_close(&all.ctx);

    if (rc != WRITER_OK) {
        fprintf(stderr, "keepers-writer: the audit logs cannot be read: is "
                "the database up to date (\"migrate\")?\n");
    }

    return rc == WRITER_OK && all.whole ? 0 : 1;
}


/* One that is damaged does not keep the others from being looked at. */
static int
writer_verify_business(void *data, const keepers_uuid_t *uuid)
{
    int                   rc;
    writer_verify_t       verify;
    writer_store_head_t   head;
    writer_verify_all_t  *all;

    all = data;

    memset(&verify, 0, sizeof(verify));
    memset(&head, 0, sizeof(head));

    rc = writer_business_find(&all->ctx.businesses, all->ctx.store, uuid,
                              &verify.business);

    if (rc == WRITER_OK) {
        rc = writer_store_audit_walk(all->ctx.store, verify.business->row,
                                     &head, writer_verify_row, &verify);

    } else {
        fprintf(stderr, "keepers-writer: no business has this id, or its key "
                "does not open\n");
    }

    if (rc != WRITER_OK || !writer_verify_report(&verify, &head, uuid)) {
        all->whole = false;
    }

    return 0;
}


static int
writer_verify_row(void *data, const writer_store_audit_t *audit)
{
    unsigned char     hash[KEEPERS_HASH_LEN];
    writer_verify_t  *verify;

    verify = data;

    writer_audit_chain(verify->business, verify->last, audit, hash);

    if (!keepers_equal(hash, audit->hash, sizeof(hash))) {
        verify->broken = audit->seq;
        return 1;
    }

    memcpy(verify->last, hash, sizeof(hash));
    verify->rows++;

    return 0;
}


static bool
writer_verify_head(const writer_verify_t *verify,
    const writer_store_head_t *head)
{
    unsigned char  seal[KEEPERS_HASH_LEN];

    writer_audit_head(verify->business, head->rows, verify->last, seal);

    return head->sealed && keepers_equal(seal, head->seal, sizeof(seal));
}


static bool
writer_verify_report(const writer_verify_t *verify,
    const writer_store_head_t *head, const keepers_uuid_t *uuid)
{
    keepers_out_t  out;
    unsigned char  text[KEEPERS_UUID_TEXT_LEN];

    keepers_out_init(&out, text, sizeof(text));
    keepers_text_uuid(&out, uuid);

    printf("business=%.*s rows=%llu ", (int) out.len, text,
           (unsigned long long) verify->rows);

    if (verify->broken != 0) {
        printf("fault=row seq=%lld: it was changed, or rows before it are "
               "missing\n", (long long) verify->broken);
        return false;
    }

    if (verify->rows < head->rows) {
        printf("fault=end: %llu rows are missing\n",
               (unsigned long long) (head->rows - verify->rows));
        return false;
    }

    if (verify->rows != head->rows || !writer_verify_head(verify, head)) {
        printf("fault=head: the number of rows or its seal was changed\n");
        return false;
    }

    printf("whole\n");

    return true;
}
