
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_health.h"

#include "writer/writer_http.h"
#include "writer/writer_json.h"
#include "writer/writer_log.h"

#include "core/keepers_text.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/statvfs.h>


#define WRITER_HEALTH_DISK_MIN   16777216ull
#define WRITER_HEALTH_PROBE_LEN  (KEEPERS_ENVELOPE_OVERHEAD + 1)


static atomic_bool  writer_health_ill[WRITER_HEALTH_PARTS];

static const char *const  writer_health_names[WRITER_HEALTH_PARTS] = {
    "store", "redis"
};


static bool writer_health_disk(const char *database);


void
writer_health_set(writer_health_e part, bool well)
{
    if (atomic_exchange(&writer_health_ill[part], !well) == well) {
        writer_log(well ? WRITER_LOG_INFO : WRITER_LOG_WARN, "health",
                   "part=%s well=%d", writer_health_names[part], well);
    }
}


bool
writer_health_well(writer_health_e part)
{
    return !atomic_load(&writer_health_ill[part]);
}


int
writer_health_alive(writer_context_t *ctx, writer_job_t *job)
{
    (void) ctx;

    return writer_job_text(job, 200, "{\"status\":\"ok\"}");
}


bool
writer_health_read(writer_job_t *job, void *data)
{
    size_t         len;
    keepers_str_t  text;
    unsigned char  probe[WRITER_HEALTH_PROBE_LEN];

    text = writer_job_header(job, "Keepers-Probe");

    /* a monitor that asks the socket itself has no keys that could differ */

    job->in.other_keys = text.len != 0
        && !(keepers_text_base64url_decode(text, probe, sizeof(probe))
             && writer_http_open(data, job, keepers_str(probe, sizeof(probe)),
                                 KEEPERS_RECORD_PROBE, &len));

    return true;
}


int
writer_health_ready(writer_context_t *ctx, writer_job_t *job)
{
    int          rc;
    const char  *part;

    part = NULL;
    rc = writer_store_current(ctx->store);

    if (rc == WRITER_NONE) {
        part = "migrations";

    } else if (!writer_health_disk(ctx->conf->database)) {
        part = "disk";

    } else if (rc != WRITER_OK
               || !writer_health_well(WRITER_HEALTH_STORE))
    {
        part = "store";

    } else if (!writer_health_well(WRITER_HEALTH_REDIS)) {
        part = "redis";

    } else if (job->in.other_keys) {
        part = "keys";
    }

    if (part == NULL) {
        return writer_job_text(job, 200, "{\"status\":\"ready\"}");
    }

    if (writer_job_out(job) == NULL) {
        return WRITER_FAULT;
    }

    (void) evbuffer_add_printf(job->out,
                               "{\"status\":\"unready\",\"part\":\"%s\"}",
                               part);
    job->status = 503;
    job->retry_after_s = 1;

    return WRITER_OK;
}


static bool
writer_health_disk(const char *database)
{
    struct statvfs  fs;

    return statvfs(database, &fs) != 0
           || (uint64_t) fs.f_bavail * fs.f_frsize >= WRITER_HEALTH_DISK_MIN;
}
