
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>


#define WRITER_SOCKET_BACKLOG  1024


int
writer_socket(const char *path)
{
    int                 fd, rc;
    mode_t              mask;
    struct sockaddr_un  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    memcpy(addr.sun_path, path, strlen(path) + 1);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
    if (fd == -1) {
        return -1;
    }

    (void) unlink(path);

    mask = umask(0117);
    rc = bind(fd, (struct sockaddr *) &addr, sizeof(addr));
    umask(mask);

    if (rc != 0 || listen(fd, WRITER_SOCKET_BACKLOG) != 0) {
        close(fd);
        return -1;
    }

    return fd;
}
