
/*
 * Copyright (C) Keepers
 *
 * JSON out: yajl's generator over an evbuffer.  A fault is remembered, and
 * one check at the end suffices.
 */


#ifndef _WRITER_JSON_H_INCLUDED_
#define _WRITER_JSON_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"

#include <event2/buffer.h>


typedef struct {
    void             *generator;
    struct evbuffer  *out;
    bool              fault;
} writer_json_t;


void writer_json_init(writer_json_t *json, struct evbuffer *out);

/* False if anything went wrong: no memory, or a string that is not UTF-8. */
bool writer_json_end(writer_json_t *json) keepers_checked;

void writer_json_map(writer_json_t *json);
void writer_json_map_end(writer_json_t *json);
void writer_json_array(writer_json_t *json);
void writer_json_array_end(writer_json_t *json);
void writer_json_key(writer_json_t *json, const char *key);
void writer_json_str(writer_json_t *json, keepers_str_t s);
void writer_json_text(writer_json_t *json, const char *text);
void writer_json_uint(writer_json_t *json, uint64_t n);
void writer_json_bool(writer_json_t *json, bool value);
void writer_json_null(writer_json_t *json);
void writer_json_uuid(writer_json_t *json, const keepers_uuid_t *uuid);

/*
 * {"items":[ ... ],"next": and what it is, as each list of the API is: the
 * caller writes the items, and what comes behind "next" with the map's end.
 */
void writer_json_items(writer_json_t *json);
void writer_json_next(writer_json_t *json);

/* The same for a list that has one page. */
void writer_json_items_end(writer_json_t *json);

/* RFC 3339, UTC; and its first ten characters, of a day since 1970. */
void writer_json_time(writer_json_t *json, uint64_t ms);
void writer_json_day(writer_json_t *json, uint64_t day);


#endif /* _WRITER_JSON_H_INCLUDED_ */
