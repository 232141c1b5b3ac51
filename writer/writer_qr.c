
/*
 * Copyright (C) Keepers
 *
 * GET /api/v1/links/<slug>/qr.svg?url=: the link's address as one SVG path.
 * Level Q and a quiet zone of four modules, for posters that get wet.
 */


#include "writer/writer_links.h"

#include <qrcodegen/qrcodegen.h>
#include <stdio.h>


#define WRITER_QR_VERSION_MAX  15
#define WRITER_QR_QUIET        4


static bool writer_qr_address(const writer_job_t *job);
static int writer_qr_draw(writer_job_t *job, const uint8_t *code);


int
writer_links_qr(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    uint8_t                   code[qrcodegen_BUFFER_LEN_FOR_VERSION(
                                       WRITER_QR_VERSION_MAX)];
    uint8_t                   scratch[sizeof(code)];
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

    if (!qrcodegen_encodeText(job->in.query.url, scratch, code,
                              qrcodegen_Ecc_QUARTILE, 1,
                              WRITER_QR_VERSION_MAX, qrcodegen_Mask_AUTO,
                              false))
    {
        writer_job_error(job, "url", "too_long");
        return WRITER_OK;
    }

    return writer_qr_draw(job, code);
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


static int
writer_qr_draw(writer_job_t *job, const uint8_t *code)
{
    int               size, x, y, run, side;
    struct evbuffer  *out;

    out = writer_job_out(job);
    if (out == NULL) {
        return WRITER_FAULT;
    }

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

    job->status = 200;
    job->type = "image/svg+xml";

    return WRITER_OK;
}
