
/*
 * Copyright (C) Keepers
 *
 * application/x-www-form-urlencoded (WHATWG URL, section 5.1).
 */


#ifndef _KEEPERS_FORM_H_INCLUDED_
#define _KEEPERS_FORM_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_field.h"
#include "core/keepers_out.h"


/*
 * Fills "set" from a body.  Values are decoded into "arena", which must have
 * at least body.len bytes and must outlive the set.  A '%' without two hex
 * digits is malformed.  KEEPERS_OK or a code of keepers_field.h; a value that
 * is not strict UTF-8 is ENCODING with the field as culprit.  Empty pieces
 * ("&", "&&") are skipped.
 */
int keepers_form_read(keepers_str_t body, keepers_fieldset_t *set,
    keepers_out_t *arena) keepers_checked;


#endif /* _KEEPERS_FORM_H_INCLUDED_ */
