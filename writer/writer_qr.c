
/*
 * Copyright (C) Keepers
 *
 * GET /api/v1/links/<slug>/qr.svg?url=: the link's address; and the drawing of
 * any other code.
 */


#include "writer/writer_qr.h"

#include "writer/writer_links.h"

#include <qrcodegen/qrcodegen.h>
#include <stdio.h>


#define WRITER_QR_VERSION_POSTER  15
#define WRITER_QR_VERSION_SCREEN  25
#define WRITER_QR_QUIET           4


static bool writer_qr_address(const writer_job_t *job);
static void writer_qr_draw(struct evbuffer *out, const uint8_t *code);


int
writer_links_qr(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    writer_store_link_t       link;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    rc = writer_store_link_find(ctx->store,
                                keepers_str(job->subject,
                                            strlen(job->subject)), &link);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    if (rc == WRITER_NONE || link.business != business->row
        || link.state == WRITER_LINK_DELETED)
    {
        return writer_job_problem(job, 404, "not_found");
    }

    if (!writer_qr_address(job)) {
        writer_job_error(job, "url", "syntax");
        return WRITER_OK;
    }

    if (writer_job_out(job) == NULL) {
        return WRITER_FAULT;
    }

    if (!writer_qr_svg(job->out, job->in.query.url, WRITER_QR_POSTER)) {
        writer_job_error(job, "url", "too_long");
        return WRITER_OK;
    }

    job->status = 200;
    job->type = "image/svg+xml";

    return WRITER_OK;
}


bool
writer_qr_svg(struct evbuffer *out, const char *text, writer_qr_e where)
{
    int      version;
    uint8_t  code[qrcodegen_BUFFER_LEN_FOR_VERSION(WRITER_QR_VERSION_SCREEN)];
    uint8_t  scratch[sizeof(code)];

    version = where == WRITER_QR_POSTER ? WRITER_QR_VERSION_POSTER
                                        : WRITER_QR_VERSION_SCREEN;

    if (!qrcodegen_encodeText(text, scratch, code,
                              where == WRITER_QR_POSTER
                              ? qrcodegen_Ecc_QUARTILE : qrcodegen_Ecc_LOW, 1,
                              version, qrcodegen_Mask_AUTO, false))
    {
        return false;
    }

    writer_qr_draw(out, code);

    keepers_wipe(code, sizeof(code));
    keepers_wipe(scratch, sizeof(scratch));

    return true;
}


/* http or https, and it ends as the link does: no code leads elsewhere. */
static bool
writer_qr_address(const writer_job_t *job)
{
    char         end[WRITER_WORD_LEN_MAX + 8];
    size_t       len, n;
    const char  *p, *url;

    url = job->in.query.url;

    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) {
        return false;
    }

    for (p = url; *p != '\0'; p++) {
        if (*p <= ' ' || *p == '@' || *p == '"' || *p == '<' || *p == '\\') {
            return false;
        }
    }

    n = (size_t) snprintf(end, sizeof(end), "/l/%s", job->subject);
    len = strlen(url);

    return len > n && strcmp(url + len - n, end) == 0;
}


static void
writer_qr_draw(struct evbuffer *out, const uint8_t *code)
{
    int  size, x, y, run, side;

    size = qrcodegen_getSize(code);
    side = size + 2 * WRITER_QR_QUIET;

    (void) evbuffer_add_printf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
        "shape-rendering=\"crispEdges\"><path fill=\"#fff\" "
        "d=\"M0 0h%dv%dH0z\"/><path d=\"", side, side, side, side);

    for (y = 0; y < size; y++) {
        for (x = 0; x < size; x += run) {
            run = 1;

            if (!qrcodegen_getModule(code, x, y)) {
                continue;
            }

            while (x + run < size && qrcodegen_getModule(code, x + run, y)) {
                run++;
            }

            (void) evbuffer_add_printf(out, "M%d %dh%dv1h-%dz",
                                       x + WRITER_QR_QUIET,
                                       y + WRITER_QR_QUIET, run, run);
        }
    }

    (void) evbuffer_add_printf(out, "\"/></svg>\n");
}
