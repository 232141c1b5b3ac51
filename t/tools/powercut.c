
/*
 * Copyright (C) Keepers
 *
 * A disk that forgets: preloaded into the writer, it notes what each write to
 * a file of the database replaces, and drops the notes when the file has been
 * synchronized: those of what was written before the sync began.  After a kill
 * -9 the test plays the notes back, last one first: what is left is what a
 * power cut leaves at the worst.
 *
 *   KEEPERS_POWERCUT_DIR    the folder whose files are watched
 *   KEEPERS_POWERCUT_NOTES  where the notes are: NAME.notes; NAME.syncing.N of
 *                           the Nth sync, which is under way; NAME.lost of what
 *                           the disk will never have
 *   KEEPERS_POWERCUT_LIE    if set, fsync() reports success and does nothing
 *   KEEPERS_POWERCUT_FAIL   that fsync() of the database, by its number, fails
 *                           once, and what it should have written is gone, as
 *                           the system forgets what it could not write
 *   KEEPERS_POWERCUT_FAIL_LOG   that fsync() of the log fails, and what it
 *                           should have written is lost, but still read until
 *                           the file is no more cached; so does each one behind
 *                           it, since whoever has the log open is told.  What
 *                           is written to the same place later is lost, too,
 *                           until the file is cut off: so does ext4
 *   KEEPERS_POWERCUT_HOLD   a file: while it is there fsync() of the log waits,
 *                           and does not begin while FILE.next is there
 *   KEEPERS_POWERCUT_SLOW   if set, fsync() of all but the log takes 50 ms more
 *
 * A thread that has written to the log writes to the database only when it has
 * synchronized the log: else there is a file "early" beside the notes.
 *
 * A note: offset 8 | size of the file before 8 | n 4 | n bytes that were at
 * the offset before.  Host byte order.  The index in shared memory (-shm) is
 * not watched: it does not survive a power cut, and the test removes it.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>


static int powercut_watched(int fd, char notes[PATH_MAX]);
static int powercut_fails(const char *notes);
static int powercut_log_fails(const char *notes);
static void powercut_hold(const char *end);
static void powercut_lose(const char *notes);
static void powercut_take_back(int fd, const char *notes);
static void powercut_beside(const char *notes, const char *what, int n,
    char to[PATH_MAX]);
static void powercut_note(int fd, off_t offset, size_t len);
static void powercut_order(const char *notes);
static int powercut_sync(int fd, long call);


/*
 * A thread writes while another synchronizes: a note is not dropped for a write
 * that the system did not see before the sync.
 */
static pthread_mutex_t  powercut_lock = PTHREAD_MUTEX_INITIALIZER;

static __thread int  powercut_ahead;    /* of the disk, with the log */


ssize_t
pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    ssize_t  n;

    pthread_mutex_lock(&powercut_lock);
    powercut_note(fd, offset, len);
    n = syscall(SYS_pwrite64, fd, buf, len, offset);
    pthread_mutex_unlock(&powercut_lock);

    return n;
}


ssize_t
pwrite64(int fd, const void *buf, size_t len, off64_t offset)
{
    return pwrite(fd, buf, len, offset);
}


ssize_t
write(int fd, const void *buf, size_t len)
{
    ssize_t  n;

    pthread_mutex_lock(&powercut_lock);
    powercut_note(fd, lseek(fd, 0, SEEK_CUR), len);
    n = syscall(SYS_write, fd, buf, len);
    pthread_mutex_unlock(&powercut_lock);

    return n;
}


/* What is cut off is noted as if it were overwritten. */

int
ftruncate(int fd, off_t size)
{
    int          rc;
    char         notes[PATH_MAX], lost[PATH_MAX];
    struct stat  st;

    pthread_mutex_lock(&powercut_lock);

    if (size == 0 && powercut_watched(fd, notes)) {
        powercut_beside(notes, "lost", 0, lost);
        (void) unlink(lost);
    }

    if (fstat(fd, &st) == 0 && st.st_size > size) {
        powercut_note(fd, size, (size_t) (st.st_size - size));

    } else {
        powercut_note(fd, size, 0);
    }

    rc = (int) syscall(SYS_ftruncate, fd, size);
    pthread_mutex_unlock(&powercut_lock);

    return rc;
}


int
ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}


int
fsync(int fd)
{
    return powercut_sync(fd, SYS_fsync);
}


int
fdatasync(int fd)
{
    return powercut_sync(fd, SYS_fdatasync);
}


static int
powercut_sync(int fd, long call)
{
    int         rc, n;
    char        notes[PATH_MAX], syncing[PATH_MAX];
    size_t      at;
    static int  syncs[2], done[2];      /* of the database, of its log */

    if (!powercut_watched(fd, notes)) {
        return (int) syscall(call, fd);
    }

    if (getenv("KEEPERS_POWERCUT_LIE") != NULL) {
        return 0;
    }

    if (getenv("KEEPERS_POWERCUT_SLOW") != NULL
        && strstr(notes, "-wal") == NULL)
    {
        (void) usleep(50000);
    }

    at = strstr(notes, "-wal") != NULL;

    if (at) {
        powercut_hold(".next");
    }

    pthread_mutex_lock(&powercut_lock);

    if (powercut_log_fails(notes)) {
        powercut_lose(notes);
        pthread_mutex_unlock(&powercut_lock);
        errno = EIO;
        return -1;
    }

    if (powercut_fails(notes)) {
        powercut_take_back(fd, notes);
        (void) truncate(notes, 0);
        pthread_mutex_unlock(&powercut_lock);
        errno = EIO;
        return -1;
    }

    n = ++syncs[at];
    powercut_beside(notes, "syncing", n, syncing);
    (void) rename(notes, syncing);

    pthread_mutex_unlock(&powercut_lock);

    if (at) {
        powercut_hold("");
    }

    rc = (int) syscall(call, fd);
    powercut_ahead = powercut_ahead && !at;

    if (rc != 0) {
        /* its notes stay: none of it counts as written */
        return rc;
    }

    /* it has written what an earlier one that goes on writes, too */

    pthread_mutex_lock(&powercut_lock);

    for ( /* void */ ; done[at] < n; done[at]++) {
        powercut_beside(notes, "syncing", done[at] + 1, syncing);
        (void) unlink(syncing);
    }

    pthread_mutex_unlock(&powercut_lock);

    return rc;
}


/* The system no longer has in memory what it could not write. */

int
posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
    char  notes[PATH_MAX], lost[PATH_MAX];

    if (advice == POSIX_FADV_DONTNEED && powercut_watched(fd, notes)) {
        pthread_mutex_lock(&powercut_lock);
        powercut_beside(notes, "lost", 0, lost);
        powercut_take_back(fd, lost);
        pthread_mutex_unlock(&powercut_lock);
    }

    return -(int) syscall(SYS_fadvise64, fd, offset, len, advice);
}


int
posix_fadvise64(int fd, off64_t offset, off64_t len, int advice)
{
    return posix_fadvise(fd, offset, len, advice);
}


/* The lock is held, here and below. */
static int
powercut_fails(const char *notes)
{
    const char  *which;
    static int   seen;

    which = getenv("KEEPERS_POWERCUT_FAIL");

    return which != NULL && strstr(notes, ".db.notes") != NULL
           && ++seen == strtol(which, NULL, 10);
}


static int
powercut_log_fails(const char *notes)
{
    const char  *which;
    static int   seen;

    which = getenv("KEEPERS_POWERCUT_FAIL_LOG");

    return which != NULL && strstr(notes, "-wal") != NULL
           && ++seen >= strtol(which, NULL, 10);
}


/* What was to be written is behind what was lost before. */
static void
powercut_lose(const char *notes)
{
    char    lost[PATH_MAX], buf[65536];
    FILE   *from, *to;
    size_t  n;

    powercut_beside(notes, "lost", 0, lost);

    from = fopen(notes, "r");
    to = fopen(lost, "a");

    while (from != NULL && (n = fread(buf, 1, sizeof(buf), from)) != 0) {
        if (to == NULL || fwrite(buf, 1, n, to) != n) {
            abort();
        }
    }

    if (from != NULL) {
        fclose(from);
    }

    if (to != NULL) {
        fclose(to);
    }

    (void) truncate(notes, 0);
}


static void
powercut_hold(const char *end)
{
    char         path[PATH_MAX];
    const char  *hold;

    hold = getenv("KEEPERS_POWERCUT_HOLD");

    if (hold == NULL) {
        return;
    }

    snprintf(path, sizeof(path), "%s%s", hold, end);

    while (access(path, F_OK) == 0) {
        (void) usleep(1000);
    }
}


/* NAME.notes: NAME.WHAT, or NAME.WHAT.N. */
static void
powercut_beside(const char *notes, const char *what, int n, char to[PATH_MAX])
{
    int  len;

    len = (int) (strlen(notes) - strlen(".notes"));

    if (n == 0) {
        snprintf(to, PATH_MAX, "%.*s.%s", len, notes, what);

    } else {
        snprintf(to, PATH_MAX, "%.*s.%s.%d", len, notes, what, n);
    }
}


/* The notes of a file, last one first. */
static void
powercut_take_back(int fd, const char *notes)
{
    FILE      *file;
    long       at;
    size_t     i, n;
    uint32_t   had;
    uint64_t   head[2];
    static long           ats[100000];
    static unsigned char  old[131072];

    file = fopen(notes, "r");

    if (file == NULL) {
        return;
    }

    for (n = 0; n < sizeof(ats) / sizeof(ats[0]); n++) {
        at = ftell(file);

        if (fread(head, sizeof(head), 1, file) != 1
            || fread(&had, sizeof(had), 1, file) != 1
            || fseek(file, had, SEEK_CUR) != 0)
        {
            break;
        }

        ats[n] = at;
    }

    for (i = n; i-- > 0; /* void */ ) {
        if (fseek(file, ats[i], SEEK_SET) != 0
            || fread(head, sizeof(head), 1, file) != 1
            || fread(&had, sizeof(had), 1, file) != 1
            || had > sizeof(old) || fread(old, 1, had, file) != had
            || syscall(SYS_pwrite64, fd, old, had, head[0]) != (long) had
            || syscall(SYS_ftruncate, fd, head[1]) != 0)
        {
            abort();
        }
    }

    fclose(file);
}


static void
powercut_note(int fd, off_t offset, size_t len)
{
    int           to;
    char          notes[PATH_MAX];
    ssize_t       n;
    uint32_t      had;
    uint64_t      head[2];
    struct stat   st;
    unsigned char *old;

    if (offset < 0 || !powercut_watched(fd, notes) || fstat(fd, &st) != 0) {
        return;
    }

    powercut_order(notes);
    old = malloc(len + 1);

    if (old == NULL) {
        abort();
    }

    n = pread(fd, old, len, offset);
    had = n > 0 ? (uint32_t) n : 0;

    head[0] = (uint64_t) offset;
    head[1] = (uint64_t) st.st_size;

    to = (int) syscall(SYS_openat, AT_FDCWD, notes,
                       O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC, 0600);

    if (to == -1
        || syscall(SYS_write, to, head, sizeof(head)) != sizeof(head)
        || syscall(SYS_write, to, &had, sizeof(had)) != sizeof(had)
        || syscall(SYS_write, to, old, had) != (long) had)
    {
        abort();
    }

    close(to);
    free(old);
}


static void
powercut_order(const char *notes)
{
    int   to;
    char  early[PATH_MAX];

    if (strstr(notes, "-wal") != NULL) {
        powercut_ahead = 1;
        return;
    }

    if (powercut_ahead) {
        snprintf(early, sizeof(early), "%s/early",
                 getenv("KEEPERS_POWERCUT_NOTES"));
        to = (int) syscall(SYS_openat, AT_FDCWD, early,
                           O_WRONLY|O_CREAT|O_CLOEXEC, 0600);
        close(to);
    }
}


static int
powercut_watched(int fd, char notes[PATH_MAX])
{
    char         link[64], path[PATH_MAX];
    ssize_t      n;
    const char  *dir, *to, *name;

    dir = getenv("KEEPERS_POWERCUT_DIR");
    to = getenv("KEEPERS_POWERCUT_NOTES");

    if (dir == NULL || to == NULL || fd <= STDERR_FILENO) {
        return 0;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

    n = readlink(link, path, sizeof(path) - 1);

    if (n <= 0 || strncmp(path, dir, strlen(dir)) != 0) {
        return 0;
    }

    path[n] = '\0';
    name = strrchr(path, '/') + 1;
    n = (ssize_t) strlen(name);

    if (n > 4 && strcmp(name + n - 4, "-shm") == 0) {
        return 0;
    }

    snprintf(notes, PATH_MAX, "%s/%s.notes", to, name);

    return 1;
}
