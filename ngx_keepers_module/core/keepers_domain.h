
/*
 * Copyright (C) Keepers
 *
 * What can be known of an address by the name of its domain alone, offline:
 * that it is one letter off a large provider's, or that such addresses are
 * made to be thrown away.  A hint and a flag; neither says that an address is
 * wrong, so neither stops anyone.
 */


#ifndef _KEEPERS_DOMAIN_H_INCLUDED_
#define _KEEPERS_DOMAIN_H_INCLUDED_


#include "core/keepers_base.h"


/* What follows the '@' of a stored address, in lower case; empty: no '@'. */
keepers_str_t keepers_domain_of(keepers_str_t email);

/*
 * The provider's domain that was probably meant, or empty: a letter less, more
 * or other, or two in the wrong order.  A view into a static table.
 */
keepers_str_t keepers_domain_meant(keepers_str_t domain);

/* The same domain in that table, or empty: nobody else's words are shown. */
keepers_str_t keepers_domain_known(keepers_str_t domain);

/*
 * Of a service for addresses that last an hour, or below it.  Not a relay,
 * which forwards to a person for as long as she likes.
 */
bool keepers_domain_disposable(keepers_str_t domain);


#endif /* _KEEPERS_DOMAIN_H_INCLUDED_ */
