
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_metrics.h"


typedef struct {
    const char      *family;
    keepers_str_t    label;         /* state="valid", or empty */
} keepers_metrics_row_t;

typedef struct {
    const char      *family;
    const char      *help;
} keepers_metrics_help_t;


static size_t keepers_metrics_histogram(const char *family,
    const uint64_t *values, keepers_sample_t *samples);
static const char *keepers_metrics_help(const char *family);
static bool keepers_metrics_opens(const keepers_sample_t *samples, size_t i);
static void keepers_metrics_value(const keepers_sample_t *sample,
    keepers_out_t *out);
static void keepers_metrics_key(const keepers_sample_t *sample,
    keepers_out_t *out);


#define keepers_metrics_row(symbol, family, label)                           \
    { family, keepers_string(label) },

static const keepers_metrics_row_t  keepers_metrics_rows[] = {
    KEEPERS_METRICS(keepers_metrics_row)
};

#undef keepers_metrics_row

_Static_assert(sizeof(keepers_metrics_rows) / sizeof(keepers_metrics_rows[0])
               == KEEPERS_METRICS_COUNTERS, "one row a counter");


static const uint64_t  keepers_metrics_bounds_ms[] = {
    1, 2, 5, 10, 25, 50, 100, 250, 1000
};

static const keepers_str_t  keepers_metrics_bounds[KEEPERS_METRICS_BUCKETS] = {
    keepers_string("le=\"0.001\""), keepers_string("le=\"0.002\""),
    keepers_string("le=\"0.005\""), keepers_string("le=\"0.01\""),
    keepers_string("le=\"0.025\""), keepers_string("le=\"0.05\""),
    keepers_string("le=\"0.1\""), keepers_string("le=\"0.25\""),
    keepers_string("le=\"1\""), keepers_string("le=\"+Inf\"")
};


static const keepers_metrics_help_t  keepers_metrics_helps[] = {
    { "keepers_session_checks_total", "Session checks by their result." },
    { "keepers_cache_total",
      "Session checks by where the record came from." },
    { "keepers_sessions_minted_total", "Sessions that began." },
    { "keepers_responses_cut_total",
      "Running responses whose session had ended." },
    { "keepers_sessions_ended_total", "Sessions that were ended, by why." },
    { "keepers_sessions_forged_total",
      "Records in Redis that did not open." },
    { "keepers_rotations_total",
      "Sessions replaced, and requests with the token before." },
    { "keepers_step_ups_total",
      "Proofs given again under a session, by their result." },
    { "keepers_revocations_total",
      "Ended sessions that workers were told of." },
    { "keepers_signins_total", "Sign-in attempts by their result." },
    { "keepers_resets_total",
      "Links for a forgotten password, asked for and used." },
    { "keepers_signups_total", "Signup attempts by their result." },
    { "keepers_spool_syncs_total",
      "Signups that waited for the disk of Redis, by whether it was in time." },
    { "keepers_fields_unknown_total",
      "Fields of a body that no rule knows." },
    { "keepers_header_injections_total",
      "Signups whose e-mail address had a line break in it." },
    { "keepers_link_pages_total", "Link pages asked for, by the answer." },
    { "keepers_limits_total", "Limit decisions." },
    { "keepers_csrf_refused_total", "Requests without a valid CSRF token." },
    { "keepers_headers_stripped_total",
      "Keepers headers removed from requests." },
    { "keepers_redis_commands_total", "Commands sent to Redis." },
    { "keepers_redis_writes_total", "System calls that sent them." },
    { "keepers_redis_errors_total", "Failed commands by kind of failure." },
    { "keepers_redis_connects_total", "Connections to Redis opened." },
    { "keepers_redis_outages_total", "Times that a worker lost Redis." },
    { "keepers_redis_seconds",
      "From sending a command to its reply, by nginx's clock." },
    { "keepers_revocation_seconds",
      "From ending a session to hearing of it by way of Redis." }
};


size_t
keepers_metrics_bucket(uint64_t ms)
{
    size_t  i;

    for (i = 0; i < KEEPERS_METRICS_BUCKETS - 1; i++) {
        if (ms < keepers_metrics_bounds_ms[i]) {
            break;
        }
    }

    return i;
}


void
keepers_metrics_samples(const uint64_t *values, keepers_sample_t *samples)
{
    size_t             i;
    keepers_sample_t  *sample;

    memset(samples, 0, KEEPERS_METRICS_SAMPLES * sizeof(keepers_sample_t));

    for (i = 0; i < KEEPERS_METRICS_COUNTERS; i++) {
        sample = &samples[i];

        sample->family = keepers_metrics_rows[i].family;
        sample->help = keepers_metrics_help(sample->family);
        sample->suffix = "";
        sample->labels = keepers_metrics_rows[i].label;
        sample->value = values[i];
    }

    samples += i;

    samples += keepers_metrics_histogram("keepers_redis_seconds",
                                         values + KEEPERS_METRIC_REDIS_MS,
                                         samples);

    (void) keepers_metrics_histogram("keepers_revocation_seconds",
                                     values + KEEPERS_METRIC_LAG_MS, samples);
}


/* A bucket of Prometheus has all that is below its bound. */

static size_t
keepers_metrics_histogram(const char *family, const uint64_t *values,
    keepers_sample_t *samples)
{
    size_t     i;
    uint64_t   count;

    count = 0;

    for (i = 0; i < KEEPERS_METRICS_BUCKETS + 2; i++) {
        samples[i].type = KEEPERS_SAMPLE_HISTOGRAM;
        samples[i].family = family;
        samples[i].help = keepers_metrics_help(family);
    }

    for (i = 0; i < KEEPERS_METRICS_BUCKETS; i++) {
        count += values[i];

        samples[i].suffix = "_bucket";
        samples[i].labels = keepers_metrics_bounds[i];
        samples[i].value = count;
    }

    samples[i].suffix = "_sum";
    samples[i].value = values[i];
    samples[i].milli = true;

    samples[i + 1].suffix = "_count";
    samples[i + 1].value = count;

    return KEEPERS_METRICS_BUCKETS + 2;
}


void
keepers_metrics_prometheus(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out)
{
    size_t                   i;
    const keepers_sample_t  *sample;

    static const char *const  types[] = {
        " counter\n", " gauge\n", " histogram\n"
    };

    for (i = 0; i < n; i++) {
        sample = &samples[i];

        if (keepers_metrics_opens(samples, i)) {
            keepers_out_text(out, "# HELP ");
            keepers_out_text(out, sample->family);
            keepers_out_byte(out, ' ');
            keepers_out_text(out, sample->help);
            keepers_out_text(out, "\n# TYPE ");
            keepers_out_text(out, sample->family);
            keepers_out_text(out, types[sample->type]);
        }

        keepers_out_text(out, sample->family);
        keepers_out_text(out, sample->suffix);

        if (sample->labels.len != 0) {
            keepers_out_byte(out, '{');
            keepers_out_str(out, sample->labels);
            keepers_out_byte(out, '}');
        }

        keepers_out_byte(out, ' ');
        keepers_metrics_value(sample, out);
        keepers_out_byte(out, '\n');
    }
}


/*
 * {"keepers_signins_total":{"verdict=ok":1,"verdict=bad":0},
 *  "keepers_sessions_minted_total":3}
 */

void
keepers_metrics_json(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out)
{
    bool                     nested;
    size_t                   i;
    const keepers_sample_t  *sample;

    nested = false;
    keepers_out_byte(out, '{');

    for (i = 0; i < n; i++) {
        sample = &samples[i];

        if (keepers_metrics_opens(samples, i)) {
            keepers_out_text(out, nested ? "}" : "");
            keepers_out_text(out, i != 0 ? ",\"" : "\"");
            keepers_out_text(out, sample->family);

            nested = (sample->labels.len != 0);

            keepers_out_text(out, nested ? "\":{" : "\":");

        } else {
            keepers_out_byte(out, ',');
        }

        if (nested) {
            keepers_out_byte(out, '"');
            keepers_metrics_key(sample, out);
            keepers_out_text(out, "\":");
        }

        keepers_metrics_value(sample, out);
    }

    keepers_out_text(out, nested ? "}}\n" : "}\n");
}


void
keepers_metrics_html(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out)
{
    size_t                   i;
    const keepers_sample_t  *sample;

    for (i = 0; i < n; i++) {
        sample = &samples[i];

        if (keepers_metrics_opens(samples, i)) {
            keepers_out_text(out, i != 0 ? "</table>\n" : "");
            keepers_out_text(out, "<table>\n<caption>");
            keepers_out_html(out, keepers_str(sample->help,
                                              strlen(sample->help)));
            keepers_out_text(out, " <code>");
            keepers_out_text(out, sample->family);
            keepers_out_text(out, "</code></caption>\n");
        }

        keepers_out_text(out, "<tr><th scope=\"row\">");
        keepers_metrics_key(sample, out);
        keepers_out_text(out, "</th><td>");
        keepers_metrics_value(sample, out);
        keepers_out_text(out, "</td></tr>\n");
    }

    keepers_out_text(out, n != 0 ? "</table>\n" : "");
}


/*
 * rule="a",mode="enforce" reads "rule=a,mode=enforce"; what has no labels is
 * "total", or "now" if it goes up and down.
 */

static void
keepers_metrics_key(const keepers_sample_t *sample, keepers_out_t *out)
{
    size_t  i;

    if (sample->labels.len == 0) {
        keepers_out_text(out, sample->suffix[0] != '\0' ? sample->suffix + 1
                              : sample->type == KEEPERS_SAMPLE_GAUGE ? "now"
                              : "total");
        return;
    }

    for (i = 0; i < sample->labels.len; i++) {
        if (sample->labels.data[i] != '"') {
            keepers_out_byte(out, sample->labels.data[i]);
        }
    }
}


static void
keepers_metrics_value(const keepers_sample_t *sample, keepers_out_t *out)
{
    uint64_t  rest;

    if (!sample->milli) {
        keepers_out_uint(out, sample->value);
        return;
    }

    rest = sample->value % 1000;

    keepers_out_uint(out, sample->value / 1000);
    keepers_out_byte(out, '.');
    keepers_out_byte(out, (unsigned char) ('0' + rest / 100));
    keepers_out_byte(out, (unsigned char) ('0' + rest / 10 % 10));
    keepers_out_byte(out, (unsigned char) ('0' + rest % 10));
}


/* Is this sample the first of its family? */

static bool
keepers_metrics_opens(const keepers_sample_t *samples, size_t i)
{
    return i == 0 || strcmp(samples[i].family, samples[i - 1].family) != 0;
}


static const char *
keepers_metrics_help(const char *family)
{
    size_t  i, n;

    n = sizeof(keepers_metrics_helps) / sizeof(keepers_metrics_helps[0]);

    for (i = 0; i < n; i++) {
        if (strcmp(keepers_metrics_helps[i].family, family) == 0) {
            return keepers_metrics_helps[i].help;
        }
    }

    return "Counter.";
}
