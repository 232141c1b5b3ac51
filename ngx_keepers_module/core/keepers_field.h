
/*
 * Copyright (C) Keepers
 *
 * A table of the fields that a request may carry: a form and a JSON body both
 * fill one, so that one set of rules judges either.
 */


#ifndef _KEEPERS_FIELD_H_INCLUDED_
#define _KEEPERS_FIELD_H_INCLUDED_


#include "core/keepers_base.h"


#define KEEPERS_FIELDS_MAX  64      /* fields of one body, known or not */


typedef enum {
    KEEPERS_FIELD_ABSENT = 0,
    KEEPERS_FIELD_STRING,
    KEEPERS_FIELD_TRUE,             /* JSON only; a form has "1" */
    KEEPERS_FIELD_FALSE,
    KEEPERS_FIELD_NULL,
    KEEPERS_FIELD_OTHER             /* number, object or array: wrong type */
} keepers_field_kind_e;


typedef struct {
    keepers_str_t          name;
    keepers_str_t          value;   /* of a string: decoded, in the arena */
    keepers_field_kind_e   kind;
} keepers_field_t;


/* The result of reading a body into a field table. */
enum {
    KEEPERS_FIELDS_MALFORMED = 1,   /* not a form, not JSON, not an object */
    KEEPERS_FIELDS_REPEATED,        /* a known field twice: see "culprit" */
    KEEPERS_FIELDS_TOO_MANY,        /* over KEEPERS_FIELDS_MAX or too deep */
    KEEPERS_FIELDS_ENCODING,        /* not strict UTF-8, or U+0000 */
    KEEPERS_FIELDS_NO_SPACE         /* the arena is too small: our mistake */
};


typedef struct {
    keepers_field_t       *fields;  /* of the caller; names set, rest zero */
    size_t                 n;
    size_t                 unknown; /* fields that no one knows: counted */
    const keepers_field_t *culprit; /* of REPEATED and ENCODING, or NULL */
} keepers_fieldset_t;


/* A set of "n" absent fields of these names. */
static inline void
keepers_fieldset_init(keepers_fieldset_t *set, keepers_field_t *fields,
    const keepers_str_t *names, size_t n)
{
    size_t  i;

    memset(fields, 0, n * sizeof(keepers_field_t));

    for (i = 0; i < n; i++) {
        fields[i].name = names[i];
    }

    set->fields = fields;
    set->n = n;
    set->unknown = 0;
    set->culprit = NULL;
}


/* The known field of that name, or NULL. */
static inline keepers_field_t *
keepers_fieldset_find(const keepers_fieldset_t *set, keepers_str_t name)
{
    size_t  i;

    for (i = 0; i < set->n; i++) {
        if (keepers_str_eq(set->fields[i].name, name)) {
            return &set->fields[i];
        }
    }

    return NULL;
}


#endif /* _KEEPERS_FIELD_H_INCLUDED_ */
