
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_metrics.h"


typedef struct {
    const char  *family;
    const char  *label;         /* state="valid", or empty */
} keepers_metrics_row_t;

typedef struct {
    const char  *family;
    const char  *help;
} keepers_metrics_help_t;


static const char *keepers_metrics_help(const char *family);
static bool keepers_metrics_opens(size_t i);
static void keepers_metrics_json_value(keepers_out_t *out, const char *label,
    uint64_t value);


#define keepers_metrics_row(symbol, family, label)  { family, label },

static const keepers_metrics_row_t  keepers_metrics_rows[] = {
    KEEPERS_METRICS(keepers_metrics_row)
};

#undef keepers_metrics_row

_Static_assert(sizeof(keepers_metrics_rows) / sizeof(keepers_metrics_rows[0])
               == KEEPERS_METRICS_N, "one row a counter");


static const keepers_metrics_help_t  keepers_metrics_helps[] = {
    { "keepers_session_checks", "Session checks by their result." },
    { "keepers_cache", "Session checks by where the record came from." },
    { "keepers_sessions_minted", "Sessions that began." },
    { "keepers_sessions_ended", "Sessions ended by someone." },
    { "keepers_sessions_forged", "Cookies or records that did not open." },
    { "keepers_revocations", "Ended sessions that workers were told of." },
    { "keepers_signins", "Sign-in attempts by their result." },
    { "keepers_signups", "Signup attempts by their result." },
    { "keepers_fields_unknown", "Fields of a body that no rule knows." },
    { "keepers_link_pages", "Link pages asked for, by the answer." },
    { "keepers_limits", "Limit decisions." },
    { "keepers_csrf_refused", "Requests without a valid CSRF token." },
    { "keepers_headers_stripped", "Keepers headers removed from requests." },
    { "keepers_redis_commands", "Commands sent to Redis." },
    { "keepers_redis_writes", "System calls that sent them." },
    { "keepers_redis_errors", "Failed commands by kind of failure." },
    { "keepers_redis_connects", "Connections to Redis opened." }
};


void
keepers_metrics_prometheus(const uint64_t *values, keepers_out_t *out)
{
    size_t                        i;
    const keepers_metrics_row_t  *row;

    for (i = 0; i < KEEPERS_METRICS_N; i++) {
        row = &keepers_metrics_rows[i];

        if (keepers_metrics_opens(i)) {
            keepers_out_text(out, "# HELP ");
            keepers_out_text(out, row->family);
            keepers_out_text(out, "_total ");
            keepers_out_text(out, keepers_metrics_help(row->family));
            keepers_out_text(out, "\n# TYPE ");
            keepers_out_text(out, row->family);
            keepers_out_text(out, "_total counter\n");
        }

        keepers_out_text(out, row->family);
        keepers_out_text(out, "_total");

        if (row->label[0] != '\0') {
            keepers_out_byte(out, '{');
            keepers_out_text(out, row->label);
            keepers_out_byte(out, '}');
        }

        keepers_out_byte(out, ' ');
        keepers_out_uint(out, values[i]);
        keepers_out_byte(out, '\n');
    }
}


/*
 * {"keepers_signins_total":{"verdict=ok":1,"verdict=bad":0},
 *  "keepers_sessions_minted_total":3}
 */

void
keepers_metrics_json(const uint64_t *values, keepers_out_t *out)
{
    bool                          nested;
    size_t                        i;
    const keepers_metrics_row_t  *row;

    nested = false;
    keepers_out_byte(out, '{');

    for (i = 0; i < KEEPERS_METRICS_N; i++) {
        row = &keepers_metrics_rows[i];

        if (keepers_metrics_opens(i)) {

            if (nested) {
                keepers_out_byte(out, '}');
            }

            if (i != 0) {
                keepers_out_byte(out, ',');
            }

            nested = (row->label[0] != '\0');

            keepers_out_byte(out, '"');
            keepers_out_text(out, row->family);
            keepers_out_text(out, nested ? "_total\":{" : "_total\":");

        } else {
            keepers_out_byte(out, ',');
        }

        keepers_metrics_json_value(out, row->label, values[i]);
    }

    keepers_out_text(out, nested ? "}}" : "}");
}


/* state="valid" becomes the key "state=valid". */

static void
keepers_metrics_json_value(keepers_out_t *out, const char *label,
    uint64_t value)
{
    if (*label != '\0') {
        keepers_out_byte(out, '"');

        for ( /* void */ ; *label != '\0'; label++) {
            if (*label != '"') {
                keepers_out_byte(out, (unsigned char) *label);
            }
        }

        keepers_out_text(out, "\":");
    }

    keepers_out_uint(out, value);
}


/* Is this row the first of its family? */

static bool
keepers_metrics_opens(size_t i)
{
    return i == 0 || strcmp(keepers_metrics_rows[i].family,
                            keepers_metrics_rows[i - 1].family) != 0;
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
