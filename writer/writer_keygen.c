
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_keygen.h"

#include "core/keepers_envelope.h"
#include "core/keepers_keyring.h"
#include "core/keepers_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define WRITER_KEYGEN_LINE  80
#define WRITER_KEYGEN_PATH  4096


static int writer_keygen_free(const char *dir);
static int writer_keygen_file(const char *dir, const char *name, mode_t mode,
    const char *id, const unsigned char key[KEEPERS_KEY_LEN]);
static void writer_keygen_id(char id[10]);


static const char *const  writer_keygen_names[] = {
    "edge.keys", "shared.keys", "writer.key", "writer.pub", "master.key"
};


int
writer_keygen(const char *dir)
{
    int                 rc;
    char                id[10], line[WRITER_KEYGEN_LINE], master_id[10];
    size_t              n;
    keepers_out_t       out;
    unsigned char       edge[KEEPERS_KEY_LEN], master[KEEPERS_KEY_LEN];
    unsigned char       public[KEEPERS_KEY_LEN], secret[KEEPERS_KEY_LEN];
    keepers_keyring_t  *ring, *shared;

    if (writer_keygen_free(dir) != 0) {
        return 1;
    }

    keepers_random(edge, sizeof(edge));
    keepers_random(master, sizeof(master));
    keepers_envelope_keypair(public, secret);
    writer_keygen_id(id);
    writer_keygen_id(master_id);

    /* the shared key is what nginx derives of its own: read as nginx reads */

    keepers_out_init(&out, line, sizeof(line));
    keepers_out_text(&out, id);
    keepers_out_byte(&out, ':');
    keepers_text_base64(&out, keepers_str(edge, sizeof(edge)));

    ring = NULL;
    shared = NULL;

    rc = keepers_keyring_read(keepers_out_written(&out), &ring, &n);

    if (rc == KEEPERS_OK) {
        rc = keepers_keyring_shared(ring, &shared);
    }

    if (rc != KEEPERS_OK) {
        fprintf(stderr, "keepers-writer: keygen: %s\n",
                keepers_keyring_fault(rc));
    }

    if (rc == KEEPERS_OK
        && (writer_keygen_file(dir, "edge.keys", 0600, id, edge) != 0
            || writer_keygen_file(dir, "shared.keys", 0600, id,
                                  shared->keys[0].master) != 0
            || writer_keygen_file(dir, "writer.key", 0600, NULL, secret) != 0
            || writer_keygen_file(dir, "writer.pub", 0644, NULL, public) != 0
            || writer_keygen_file(dir, "master.key", 0600, master_id, master)
               != 0))
    {
        rc = 1;
    }

    keepers_keyring_free(ring);
    keepers_keyring_free(shared);
    keepers_wipe(edge, sizeof(edge));
    keepers_wipe(master, sizeof(master));
    keepers_wipe(secret, sizeof(secret));
    keepers_wipe(line, sizeof(line));

    return rc == KEEPERS_OK ? 0 : 1;
}


/* Makes the folder if need be; an existing key is never overwritten. */
static int
writer_keygen_free(const char *dir)
{
    char    path[WRITER_KEYGEN_PATH];
    size_t  i;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "keepers-writer: keygen: cannot make \"%s\": %s\n",
                dir, strerror(errno));
        return -1;
    }

    for (i = 0;
         i < sizeof(writer_keygen_names) / sizeof(writer_keygen_names[0]);
         i++)
    {
        snprintf(path, sizeof(path), "%s/%s", dir, writer_keygen_names[i]);

        if (access(path, F_OK) == 0) {
            fprintf(stderr, "keepers-writer: keygen: \"%s\" is there already; "
                    "nothing was made: what it has sealed would be lost. "
                    "Choose another folder\n", path);
            return -1;
        }
    }

    return 0;
}


static int
writer_keygen_file(const char *dir, const char *name, mode_t mode,
    const char *id, const unsigned char key[KEEPERS_KEY_LEN])
{
    int            fd, rc;
    char           path[WRITER_KEYGEN_PATH], line[WRITER_KEYGEN_LINE];
    keepers_out_t  out;

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    keepers_out_init(&out, line, sizeof(line));

    if (id != NULL) {
        keepers_out_text(&out, id);
        keepers_out_byte(&out, ':');
    }

    keepers_text_base64(&out, keepers_str(key, KEEPERS_KEY_LEN));
    keepers_out_byte(&out, '\n');

    fd = open(path, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, mode);
    rc = -1;

    if (fd != -1) {
        if (fchmod(fd, mode) == 0
            && write(fd, line, out.len) == (ssize_t) out.len
            && fsync(fd) == 0)
        {
            rc = 0;
        }

        if (close(fd) != 0) {
            rc = -1;
        }
    }

    keepers_wipe(line, sizeof(line));

    if (rc != 0) {
        fprintf(stderr, "keepers-writer: keygen: cannot write \"%s\": %s\n",
                path, strerror(errno));
        return -1;
    }

    printf("%s\n", path);

    return 0;
}


static void
writer_keygen_id(char id[10])
{
    unsigned char  random[4];

    keepers_random(random, sizeof(random));
    snprintf(id, 10, "k%02x%02x%02x%02x", random[0], random[1], random[2],
             random[3]);
}
