
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>


/*
 * evhttp stops reading until a request is answered and then begins again, by a
 * call of epoll each.  Its own callback does not expect data meanwhile, and
 * would end the process; evhttp puts it back by itself behind the answer, and
 * looks at what is there.  A client that leaves is what it is at any time.
 */
void
writer_connection_read_on(struct evhttp_connection *connection, size_t most)
{
    void                 *data;
    struct bufferevent   *bev;
    bufferevent_data_cb   written;
    bufferevent_event_cb  event;

    bev = evhttp_connection_get_bufferevent(connection);

    bufferevent_getcb(bev, NULL, &written, &event, &data);
    bufferevent_setcb(bev, NULL, written, event, data);
    bufferevent_setwatermark(bev, EV_READ, 0, most);
    bufferevent_enable(bev, EV_READ);
}


/*
 * evhttp waits for the event that a socket can be written to, which it nearly
 * always can.  What does not go out, or fails, is left to that event.
 */
void
writer_connection_push(struct evhttp_connection *connection)
{
    int                 n;
    struct evbuffer    *output;
    struct bufferevent *bev;

    if (connection == NULL) {
        return;
    }

    bev = evhttp_connection_get_bufferevent(connection);
    output = bufferevent_get_output(bev);

    /* a bufferevent lets nobody else take from the front of it */
    evbuffer_unfreeze(output, 1);
    n = evbuffer_write(output, bufferevent_getfd(bev));
    evbuffer_freeze(output, 1);

    if (n > 0 && evbuffer_get_length(output) == 0) {
        bufferevent_trigger(bev, EV_WRITE, 0);
    }
}
