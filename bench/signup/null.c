
/*
 * Copyright (C) Keepers
 *
 * Answers every request as the writer answers a signup, at once and without
 * doing anything: what nginx and evhttp cost by themselves.
 *
 *     null SOCKET
 */


#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>


#define NULL_ANSWER  "{\"status\":\"received\"}"


static void null_request(struct evhttp_request *request, void *data);


int
main(int argc, char **argv)
{
    int                 fd;
    struct evhttp      *server;
    struct evbuffer    *answer;
    struct event_base  *base;
    struct sockaddr_un  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sun_family = AF_UNIX;

    if (argc != 2 || strlen(argv[1]) >= sizeof(addr.sun_path)) {
        fputs("usage: null SOCKET\n", stderr);
        return 2;
    }

    memcpy(addr.sun_path, argv[1], strlen(argv[1]) + 1);
    (void) unlink(argv[1]);
    (void) signal(SIGPIPE, SIG_IGN);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    base = event_base_new();
    server = base != NULL ? evhttp_new(base) : NULL;
    answer = evbuffer_new();

    if (server == NULL || answer == NULL || fd == -1
        || bind(fd, (struct sockaddr *) &addr, sizeof(addr)) != 0
        || listen(fd, 1024) != 0 || evhttp_accept_socket(server, fd) != 0)
    {
        perror("null");
        return 1;
    }

    evhttp_set_gencb(server, null_request, answer);
    event_base_dispatch(base);

    return 0;
}


static void
null_request(struct evhttp_request *request, void *data)
{
    struct evbuffer    *answer;
    struct evkeyvalq   *headers;

    answer = data;
    headers = evhttp_request_get_output_headers(request);

    evhttp_add_header(headers, "Content-Type", "application/json");
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evbuffer_add(answer, NULL_ANSWER, sizeof(NULL_ANSWER) - 1);
    evhttp_send_reply(request, 202, NULL, answer);
}
