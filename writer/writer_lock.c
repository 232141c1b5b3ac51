
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>


int
writer_lock(const writer_conf_t *conf)
{
    int   fd, error;
    char  path[WRITER_CONF_TEXT_MAX + 8];

    (void) snprintf(path, sizeof(path), "%s.lock", conf->database);

    fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);
    if (fd == -1) {
        return -1;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == 0) {
        return fd;
    }

    error = errno;
    close(fd);
    errno = error;

    return -1;
}
