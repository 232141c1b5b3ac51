
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_samples.h"

#include "core/keepers_keyring.h"
#include "core/keepers_out.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_eviction.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


#define NGX_KEEPERS_SAMPLES_TABLES  3
#define NGX_KEEPERS_SAMPLES_GAUGES                                           \
    (2 * NGX_KEEPERS_SAMPLES_TABLES + 5 + NGX_KEEPERS_QUEUES                 \
     + KEEPERS_KEYRING_MAX)

/* key="",check="01234567",place="accepted" */
#define NGX_KEEPERS_SAMPLES_KEY     (KEEPERS_KEY_ID_LEN_MAX + 48)
#define NGX_KEEPERS_SAMPLES_CHECK   4       /* bytes of it */

/* rule="",mode="enforce",verdict="remembered" */
#define NGX_KEEPERS_SAMPLES_LABELS  (NGX_KEEPERS_LIMIT_NAME_MAX + 48)


static keepers_sample_t *ngx_keepers_samples_tables(ngx_keepers_shm_t *shm,
    keepers_sample_t *sample);
static keepers_sample_t *ngx_keepers_samples_worker(keepers_sample_t *sample);
static keepers_sample_t *ngx_keepers_samples_eviction(
    const ngx_keepers_shm_t *shm, keepers_sample_t *sample);
static keepers_sample_t *ngx_keepers_samples_queues(
    const ngx_keepers_queues_t *queues, keepers_sample_t *sample);
static keepers_sample_t *ngx_keepers_samples_keys(ngx_http_request_t *r,
    keepers_sample_t *sample);
static keepers_sample_t *ngx_keepers_samples_rules(ngx_http_request_t *r,
    keepers_sample_t *sample);
static void ngx_keepers_samples_rule(const ngx_keepers_limit_rule_t *rule,
    ngx_uint_t verdict, keepers_out_t *out);


keepers_sample_t *
ngx_keepers_samples(ngx_http_request_t *r,
    const ngx_keepers_queues_t *queues, size_t *n)
{
    uint64_t                  values[KEEPERS_METRICS_N];
    ngx_uint_t                i, rules;
    keepers_sample_t         *samples, *last;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);
    rules = kmcf->limit_rules == NULL ? 0 : kmcf->limit_rules->nelts;

    samples = ngx_pcalloc(r->pool, sizeof(keepers_sample_t)
                          * (KEEPERS_METRICS_SAMPLES
                             + NGX_KEEPERS_SAMPLES_GAUGES
                             + rules * NGX_KEEPERS_VERDICTS));
    if (samples == NULL) {
        return NULL;
    }

    for (i = 0; i < KEEPERS_METRICS_N; i++) {
        values[i] = (uint64_t) kmcf->shm->counters[i];
    }

    keepers_metrics_samples(values, samples);

    last = samples + KEEPERS_METRICS_SAMPLES;
    last = ngx_keepers_samples_tables(kmcf->shm, last);
    last = ngx_keepers_samples_worker(last);
    last = ngx_keepers_samples_eviction(kmcf->shm, last);
    last = ngx_keepers_samples_queues(queues, last);

    last = ngx_keepers_samples_keys(r, last);

    if (last != NULL && rules != 0) {
        last = ngx_keepers_samples_rules(r, last);
    }

    *n = last == NULL ? 0 : (size_t) (last - samples);

    return last == NULL ? NULL : samples;
}


static keepers_sample_t *
ngx_keepers_samples_tables(ngx_keepers_shm_t *shm, keepers_sample_t *sample)
{
    ngx_uint_t         i;
    keepers_sample_t  *used;

    const struct {
        keepers_str_t               labels;
        const ngx_keepers_cache_t  *table;
    } tables[NGX_KEEPERS_SAMPLES_TABLES] = {
        { keepers_string("table=\"sessions\""), &shm->sessions },
        { keepers_string("table=\"links\""), &shm->links },
        { keepers_string("table=\"limits\""), &shm->limits }
    };

    for (i = 0; i < NGX_KEEPERS_SAMPLES_TABLES; i++, sample++) {
        sample->type = KEEPERS_SAMPLE_GAUGE;
        sample->family = "keepers_table_slots";
        sample->help = "Slots of a table in shared memory.";
        sample->suffix = "";
        sample->labels = tables[i].labels;
        sample->value = tables[i].table->sets * NGX_KEEPERS_CACHE_WAYS;

        used = sample + NGX_KEEPERS_SAMPLES_TABLES;

        *used = *sample;
        used->family = "keepers_table_slots_used";
        used->help = "Slots that hold a value, fresh or not.";
        used->value = ngx_keepers_cache_used(tables[i].table);
    }

    return sample + NGX_KEEPERS_SAMPLES_TABLES;
}


/* Of the worker that answers: each has its own connection. */

static keepers_sample_t *
ngx_keepers_samples_worker(keepers_sample_t *sample)
{
    ngx_uint_t            i;
    ngx_keepers_redis_t  *redis;

    redis = ngx_keepers_worker.redis;

    const struct {
        const char  *family;
        const char  *help;
        ngx_uint_t   value;
    } gauges[] = {
        { "keepers_redis_ready",
          "1 if the worker that answers has its connection.",
          redis != NULL && ngx_keepers_redis_ready(redis) },
        { "keepers_redis_waiting",
          "Commands that requests of the worker that answers wait for.",
          redis != NULL ? ngx_keepers_redis_waiting(redis) : 0 },
        { "keepers_subscribed",
          "1 if the worker that answers is told of revocations.",
          redis != NULL && ngx_keepers_redis_listens(redis) }
    };

    for (i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++, sample++) {
        sample->type = KEEPERS_SAMPLE_GAUGE;
        sample->family = gauges[i].family;
        sample->help = gauges[i].help;
        sample->suffix = "";
        sample->value = gauges[i].value;
    }

    return sample;
}


/* What Redis said of itself; it counts from when it was started. */

static keepers_sample_t *
ngx_keepers_samples_eviction(const ngx_keepers_shm_t *shm,
    keepers_sample_t *sample)
{
    if (shm->eviction == NGX_KEEPERS_EVICTION_UNKNOWN) {
        return sample;
    }

    sample->type = KEEPERS_SAMPLE_GAUGE;
    sample->family = "keepers_redis_evicts";
    sample->help = "1 if Redis throws keys away when it is full.";
    sample->suffix = "";
    sample->value = shm->eviction == NGX_KEEPERS_EVICTION_WHEN_FULL;
    sample++;

    sample->type = KEEPERS_SAMPLE_COUNTER;
    sample->family = "keepers_redis_evicted_keys_total";
    sample->help = "Keys that Redis threw away since it was full.";
    sample->suffix = "";
    sample->value = (uint64_t) shm->evicted_keys;

    return sample + 1;
}


/* Those that Redis told of. */

static keepers_sample_t *
ngx_keepers_samples_queues(const ngx_keepers_queues_t *queues,
    keepers_sample_t *sample)
{
    ngx_uint_t  i;

    static const keepers_str_t  labels[NGX_KEEPERS_QUEUES] = {
        keepers_string("queue=\"waiting\""),
        keepers_string("queue=\"aside\"")
    };

    for (i = 0; i < queues->n; i++, sample++) {
        sample->type = KEEPERS_SAMPLE_GAUGE;
        sample->family = "keepers_spool_signups";
        sample->help = "Signups in Redis, for the writer or set aside by it.";
        sample->suffix = "";
        sample->labels = labels[i];
        sample->value = queues->length[i];
    }

    return sample;
}


/*
 * Machines that share a Redis have the same keys, or sign one another's users
 * out: a hash that tells nothing of a key shows that one is another under the
 * same name.  NULL: no memory.
 */

static keepers_sample_t *
ngx_keepers_samples_keys(ngx_http_request_t *r, keepers_sample_t *sample)
{
    size_t                    from;
    u_char                    hash[KEEPERS_MARK_LEN];
    ngx_uint_t                i;
    keepers_out_t             out;
    keepers_str_t             part;
    const keepers_keyring_t  *ring;

    ring = ngx_keepers_main_conf(r)->edge;
    part = keepers_str("check", 5);

    ngx_keepers_out(&out, r->pool, ring->n * NGX_KEEPERS_SAMPLES_KEY);

    for (i = 0; i < ring->n; i++, sample++) {
        from = out.len;

        keepers_keyed_hash(ring->keys[i].derived[KEEPERS_PURPOSE_CLIENT],
                           &part, 1, hash, sizeof(hash));

        keepers_out_text(&out, "key=\"");
        keepers_out_text(&out, ring->keys[i].id);
        keepers_out_text(&out, "\",check=\"");
        keepers_text_hex(&out, keepers_str(hash, NGX_KEEPERS_SAMPLES_CHECK));
        keepers_out_text(&out, i == 0 ? "\",place=\"current\""
                                      : "\",place=\"accepted\"");

        sample->type = KEEPERS_SAMPLE_GAUGE;
        sample->family = "keepers_key_info";
        sample->help = "Keys of keepers_key_file; the same on all machines.";
        sample->suffix = "";
        sample->labels = keepers_str(out.data + from, out.len - from);
        sample->value = 1;
    }

    return out.overflow ? NULL : sample;
}


/* NULL: no memory */

static keepers_sample_t *
ngx_keepers_samples_rules(ngx_http_request_t *r, keepers_sample_t *sample)
{
    size_t                      from;
    ngx_uint_t                  i, verdict;
    keepers_out_t               out;
    ngx_array_t                *array;
    ngx_keepers_limit_rule_t  **rules;

    array = ngx_keepers_main_conf(r)->limit_rules;
    rules = array->elts;

    ngx_keepers_out(&out, r->pool, array->nelts * NGX_KEEPERS_VERDICTS
                                   * NGX_KEEPERS_SAMPLES_LABELS);

    if (out.data == NULL) {
        return NULL;
    }

    for (i = 0; i < array->nelts; i++) {
        for (verdict = 0; verdict < NGX_KEEPERS_VERDICTS; verdict++) {
            from = out.len;

            ngx_keepers_samples_rule(rules[i], verdict, &out);

            sample->family = "keepers_limit_rule_total";
            sample->help = "Requests at a limit rule, by what it found.";
            sample->suffix = "";
            sample->labels = keepers_str(out.data + from, out.len - from);
            sample->value = (uint64_t) rules[i]->counters->verdicts[verdict];
            sample++;
        }
    }

    return out.overflow ? NULL : sample;
}


static void
ngx_keepers_samples_rule(const ngx_keepers_limit_rule_t *rule,
    ngx_uint_t verdict, keepers_out_t *out)
{
    static const char *const  modes[] = {
        "enforce", "shadow", "tap", "hold"
    };

    static const char *const  verdicts[NGX_KEEPERS_VERDICTS] = {
        "passed", "limited", "remembered"
    };

    keepers_out_text(out, "rule=\"");
    keepers_out_str(out, ngx_keepers_from(rule->name));
    keepers_out_text(out, "\",mode=\"");
    keepers_out_text(out, modes[rule->mode]);
    keepers_out_text(out, "\",verdict=\"");
    keepers_out_text(out, verdicts[verdict]);
    keepers_out_byte(out, '"');
}
