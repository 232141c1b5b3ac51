
/*
 * Copyright (C) Keepers
 *
 * A QR code as one SVG path, with a quiet zone of four modules.
 */


#ifndef _WRITER_QR_H_INCLUDED_
#define _WRITER_QR_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"

#include <event2/buffer.h>


/* Posters get wet; a screen does not, and what it shows may be longer. */
typedef enum {
    WRITER_QR_POSTER = 0,       /* level Q, up to version 15 */
    WRITER_QR_SCREEN            /* level L, up to version 25 */
} writer_qr_e;


/* False: the text is too long for it. */
bool writer_qr_svg(struct evbuffer *out, const char *text, writer_qr_e where)
    keepers_checked;


#endif /* _WRITER_QR_H_INCLUDED_ */
