
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_outbox_folder.h"

#include "core/keepers_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


#define WRITER_FOLDER_NAME  (KEEPERS_UUID_TEXT_LEN + sizeof(".eml.new"))


static bool writer_folder_put(int dir, const char *name, const char *fresh,
    keepers_str_t text);
static bool writer_folder_write(int fd, keepers_str_t text);


bool
writer_folder_make(const writer_conf_t *conf)
{
    return mkdir(conf->mail_folder, 0700) == 0 || errno == EEXIST;
}


/* The id is the name: what is delivered again, after a crash, is one file. */
writer_outbox_e
writer_folder_send(const writer_conf_t *conf, const writer_mail_t *mail,
    keepers_str_t text, char why[WRITER_SMTP_WHY])
{
    int            dir, code;
    bool           put;
    char           id[KEEPERS_UUID_TEXT_LEN + 1];
    char           name[WRITER_FOLDER_NAME], fresh[WRITER_FOLDER_NAME];
    keepers_out_t  out;

    keepers_out_init(&out, id, KEEPERS_UUID_TEXT_LEN);
    keepers_text_uuid(&out, &mail->id);
    id[out.len] = '\0';

    (void) snprintf(name, sizeof(name), "%s.eml", id);
    (void) snprintf(fresh, sizeof(fresh), "%s.eml.new", id);

    dir = open(conf->mail_folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    put = dir != -1 && writer_folder_put(dir, name, fresh, text);
    code = errno;

    if (dir != -1) {
        if (!put) {
            (void) unlinkat(dir, fresh, 0);
        }

        close(dir);
    }

    if (!put) {
        (void) snprintf(why, WRITER_SMTP_WHY, "errno_%d", code);
    }

    return put ? WRITER_OUTBOX_SENT : WRITER_OUTBOX_DOWN;
}


/* What a crash has left is of the same name, and is no obstacle. */
static bool
writer_folder_put(int dir, const char *name, const char *fresh,
    keepers_str_t text)
{
    int   fd;
    bool  written;

    if (unlinkat(dir, fresh, 0) != 0 && errno != ENOENT) {
        return false;
    }

    fd = openat(dir, fresh, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC,
                0600);
    if (fd == -1) {
        return false;
    }

    written = writer_folder_write(fd, text) && fsync(fd) == 0;

    if (close(fd) != 0 || !written) {
        return false;
    }

    return renameat(dir, fresh, dir, name) == 0 && fsync(dir) == 0;
}


static bool
writer_folder_write(int fd, keepers_str_t text)
{
    ssize_t  n;

    while (text.len != 0) {
        n = write(fd, text.data, text.len);

        if (n <= 0) {
            return false;
        }

        text.data += n;
        text.len -= (size_t) n;
    }

    return true;
}
