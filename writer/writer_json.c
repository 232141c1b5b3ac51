
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_json.h"

#include "core/keepers_text.h"

#include <stdio.h>
#include <yajl/yajl_gen.h>


static void writer_json_print(void *data, const char *text, size_t len);
static void writer_json_is(writer_json_t *json, yajl_gen_status status);


void
writer_json_init(writer_json_t *json, struct evbuffer *out)
{
    json->out = out;
    json->fault = out == NULL;
    json->generator = yajl_gen_alloc(NULL);

    if (json->generator == NULL) {
        json->fault = true;
        return;
    }

    if (!yajl_gen_config(json->generator, yajl_gen_print_callback,
                         writer_json_print, json)
        || !yajl_gen_config(json->generator, yajl_gen_validate_utf8, 1))
    {
        json->fault = true;
    }
}


bool
writer_json_end(writer_json_t *json)
{
    if (json->generator != NULL) {
        yajl_gen_free(json->generator);
    }

    return !json->fault;
}


static void
writer_json_print(void *data, const char *text, size_t len)
{
    writer_json_t  *json;

    json = data;

    if (!json->fault && evbuffer_add(json->out, text, len) != 0) {
        json->fault = true;
    }
}


static void
writer_json_is(writer_json_t *json, yajl_gen_status status)
{
    if (status != yajl_gen_status_ok) {
        json->fault = true;
    }
}


void
writer_json_map(writer_json_t *json)
{
    if (json->generator != NULL) {
        writer_json_is(json, yajl_gen_map_open(json->generator));
    }
}


void
writer_json_map_end(writer_json_t *json)
{
    if (json->generator != NULL) {
        writer_json_is(json, yajl_gen_map_close(json->generator));
    }
}


void
writer_json_array(writer_json_t *json)
{
    if (json->generator != NULL) {
        writer_json_is(json, yajl_gen_array_open(json->generator));
    }
}


void
writer_json_array_end(writer_json_t *json)
{
    if (json->generator != NULL) {
        writer_json_is(json, yajl_gen_array_close(json->generator));
    }
}


void
writer_json_key(writer_json_t *json, const char *key)
{
    writer_json_text(json, key);
}


void
writer_json_str(writer_json_t *json, keepers_str_t s)
{
    const void  *data;

    data = s.len != 0 ? (const void *) s.data : "";
    if (json->generator != NULL) {
        writer_json_is(json, yajl_gen_string(json->generator, data, s.len));
    }
}


void
writer_json_text(writer_json_t *json, const char *text)
{
    writer_json_str(json, keepers_str(text, strlen(text)));
}


void
writer_json_uint(writer_json_t *json, uint64_t n)
{
    if (json->generator != NULL) {
        writer_json_is(json, yajl_gen_integer(json->generator, (long long) n));
    }
}


void
writer_json_bool(writer_json_t *json, bool value)
{
    if (json->generator != NULL) {
        writer_json_is(json, yajl_gen_bool(json->generator, value));
    }
}


void
writer_json_null(writer_json_t *json)
{
    if (json->generator != NULL) {
        writer_json_is(json, yajl_gen_null(json->generator));
    }
}


void
writer_json_uuid(writer_json_t *json, const keepers_uuid_t *uuid)
{
    unsigned char  text[KEEPERS_UUID_TEXT_LEN];
    keepers_out_t  out;

    keepers_out_init(&out, text, sizeof(text));
    keepers_text_uuid(&out, uuid);
    writer_json_str(json, keepers_out_written(&out));
}


void
writer_json_time(writer_json_t *json, uint64_t ms)
{
    char       text[40];
    time_t     sec;
    struct tm  tm;

    sec = (time_t) (ms / 1000);

    if (gmtime_r(&sec, &tm) == NULL
        || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    {
        json->fault = true;
        return;
    }

    writer_json_text(json, text);
}


void
writer_json_day(writer_json_t *json, uint64_t day)
{
    char       text[40];
    time_t     sec;
    struct tm  tm;

    sec = (time_t) (day * 86400);

    if (gmtime_r(&sec, &tm) == NULL
        || strftime(text, sizeof(text), "%Y-%m-%d", &tm) == 0)
    {
        json->fault = true;
        return;
    }

    writer_json_text(json, text);
}


void
writer_json_items(writer_json_t *json)
{
    writer_json_map(json);
    writer_json_key(json, "items");
    writer_json_array(json);
}


void
writer_json_next(writer_json_t *json)
{
    writer_json_array_end(json);
    writer_json_key(json, "next");
}


void
writer_json_items_end(writer_json_t *json)
{
    writer_json_next(json);
    writer_json_null(json);
    writer_json_map_end(json);
}
