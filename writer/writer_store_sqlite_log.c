
/*
 * Copyright (C) Keepers
 *
 * The file of SQLite's write-ahead log, for the connection that writes.
 * SQLite writes a frame as 24 bytes and then a page, two system calls and three
 * pages of the kernel's each; here what follows on each other is put together
 * and written at once.
 *
 * Nobody else reads a frame before it is committed, and no commit is before a
 * sync (synchronous=FULL): by then it was written.  Whatever else is done with
 * the file finds it written, too.  What could not be written is a failure of
 * the sync, so of the commit, as it was one of the write.
 *
 * A commit's sync may be left to another thread: it then says that all is
 * written, and waits for no disk.  Not the one behind the header, when the log
 * begins anew: frames must not be there before the header they belong to.  Nor
 * one of a checkpoint, for the database must not have what the log may lose.
 */


#include "writer/writer_store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


/* SQLite's way to the system loses what is more than 0x1ffff in a call. */
#define WRITER_SQLITE_LOG_SIZE    126976

#define WRITER_SQLITE_LOG_HEADER  32    /* sqlite.org/fileformat2.html, 4.1 */


_Static_assert(WRITER_SQLITE_LOG_SIZE <= 0x1ffff, "a call to write");


typedef struct {
    sqlite3_file    file;
    sqlite3_file   *real;       /* behind this struct */
    unsigned char  *buf;
    sqlite3_int64   start;      /* where the first byte of "buf" belongs */
    size_t          len;
    bool            apart;      /* the disk is waited for elsewhere */
} writer_sqlite_log_t;


static int writer_sqlite_log_open(sqlite3_vfs *vfs, const char *name,
    sqlite3_file *file, int flags, int *out_flags);
static int writer_sqlite_log_close(sqlite3_file *file);
static int writer_sqlite_log_read(sqlite3_file *file, void *to, int n,
    sqlite3_int64 at);
static int writer_sqlite_log_write(sqlite3_file *file, const void *from,
    int n, sqlite3_int64 at);
static int writer_sqlite_log_flush(writer_sqlite_log_t *log);
static int writer_sqlite_log_truncate(sqlite3_file *file, sqlite3_int64 size);
static int writer_sqlite_log_sync(sqlite3_file *file, int flags);
static void writer_sqlite_log_durable(int fd);
static int writer_sqlite_log_size(sqlite3_file *file, sqlite3_int64 *size);
static int writer_sqlite_log_lock(sqlite3_file *file, int lock);
static int writer_sqlite_log_unlock(sqlite3_file *file, int lock);
static int writer_sqlite_log_reserved(sqlite3_file *file, int *reserved);
static int writer_sqlite_log_control(sqlite3_file *file, int op, void *arg);
static int writer_sqlite_log_sector(sqlite3_file *file);
static int writer_sqlite_log_device(sqlite3_file *file);


static const sqlite3_io_methods  writer_sqlite_log_methods = {
    .iVersion = 1,
    .xClose = writer_sqlite_log_close,
    .xRead = writer_sqlite_log_read,
    .xWrite = writer_sqlite_log_write,
    .xTruncate = writer_sqlite_log_truncate,
    .xSync = writer_sqlite_log_sync,
    .xFileSize = writer_sqlite_log_size,
    .xLock = writer_sqlite_log_lock,
    .xUnlock = writer_sqlite_log_unlock,
    .xCheckReservedLock = writer_sqlite_log_reserved,
    .xFileControl = writer_sqlite_log_control,
    .xSectorSize = writer_sqlite_log_sector,
    .xDeviceCharacteristics = writer_sqlite_log_device
};

static sqlite3_vfs  *writer_sqlite_log_base;
static sqlite3_vfs   writer_sqlite_log_vfs;


int
writer_sqlite_log_use(void)
{
    writer_sqlite_log_base = sqlite3_vfs_find(NULL);

    if (writer_sqlite_log_base == NULL) {
        return SQLITE_ERROR;
    }

    /* all but opening is the system's */
    writer_sqlite_log_vfs = *writer_sqlite_log_base;
    writer_sqlite_log_vfs.pNext = NULL;
    writer_sqlite_log_vfs.zName = WRITER_SQLITE_LOG;
    writer_sqlite_log_vfs.xOpen = writer_sqlite_log_open;
    writer_sqlite_log_vfs.szOsFile += (int) sizeof(writer_sqlite_log_t);

    return sqlite3_vfs_register(&writer_sqlite_log_vfs, 0);
}


static int
writer_sqlite_log_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
    int flags, int *out_flags)
{
    int                   rc;
    writer_sqlite_log_t  *log;

    (void) vfs;

    if (!(flags & SQLITE_OPEN_WAL)) {
        return writer_sqlite_log_base->xOpen(writer_sqlite_log_base, name,
                                             file, flags, out_flags);
    }

    log = (writer_sqlite_log_t *) file;
    memset(log, 0, sizeof(*log));
    log->real = (sqlite3_file *) (log + 1);

    log->buf = malloc(WRITER_SQLITE_LOG_SIZE);
    if (log->buf == NULL) {
        return SQLITE_NOMEM;
    }

    rc = writer_sqlite_log_base->xOpen(writer_sqlite_log_base, name,
                                       log->real, flags, out_flags);
    if (rc != SQLITE_OK) {
        free(log->buf);
        return rc;
    }

    log->file.pMethods = &writer_sqlite_log_methods;

    return SQLITE_OK;
}


static int
writer_sqlite_log_close(sqlite3_file *file)
{
    int                   rc, closed;
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;

    rc = writer_sqlite_log_flush(log);
    closed = log->real->pMethods->xClose(log->real);
    free(log->buf);

    return rc != SQLITE_OK ? rc : closed;
}


static int
writer_sqlite_log_write(sqlite3_file *file, const void *from, int n,
    sqlite3_int64 at)
{
    int                   rc;
    size_t                len;
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;
    len = (size_t) n;

    if (log->len != 0
        && (at != log->start + (sqlite3_int64) log->len
            || len > WRITER_SQLITE_LOG_SIZE - log->len))
    {
        rc = writer_sqlite_log_flush(log);

        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    if (len > WRITER_SQLITE_LOG_SIZE) {
        return log->real->pMethods->xWrite(log->real, from, n, at);
    }

    if (log->len == 0) {
        log->start = at;
    }

    memcpy(log->buf + log->len, from, len);
    log->len += len;

    return SQLITE_OK;
}


/* What fails is not tried again: SQLite gives up what it belongs to. */
static int
writer_sqlite_log_flush(writer_sqlite_log_t *log)
{
    int  n;

    if (log->len == 0) {
        return SQLITE_OK;
    }

    n = (int) log->len;
    log->len = 0;

    return log->real->pMethods->xWrite(log->real, log->buf, n, log->start);
}


static int
writer_sqlite_log_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
    int                   rc;
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;
    rc = writer_sqlite_log_flush(log);

    return rc == SQLITE_OK
           ? log->real->pMethods->xRead(log->real, to, n, at) : rc;
}


static int
writer_sqlite_log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int                   rc;
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;
    rc = writer_sqlite_log_flush(log);

    return rc == SQLITE_OK
           ? log->real->pMethods->xTruncate(log->real, size) : rc;
}


static int
writer_sqlite_log_sync(sqlite3_file *file, int flags)
{
    int                   rc;
    bool                  header;
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;

    header = log->start == 0 && log->len == WRITER_SQLITE_LOG_HEADER;

    rc = writer_sqlite_log_flush(log);

    if (rc != SQLITE_OK || (log->apart && !header)) {
        return rc;
    }

    rc = log->real->pMethods->xSync(log->real, flags);

    if (rc != SQLITE_OK) {
        /* each descriptor is told once: the next sync would find it well */
        writer_sqlite_give_up(rc);
    }

    return rc;
}


void
writer_sqlite_log_apart(writer_store_t *store, bool apart)
{
    if (store->wal != NULL) {
        ((writer_sqlite_log_t *) store->wal)->apart = apart;
    }
}


/*
 * What the system could not write stays in its memory, as if it were written:
 * a log that is read from there, and gone on with, has a hole that only a power
 * cut shows.  It is forgotten, so that what is read is what the disk has; what
 * was not yet tried to be written is written first.  Without a log there is
 * nothing to forget, and who cannot open it is told by SQLite.
 */
void
writer_sqlite_log_forget(const char *path)
{
    int   fd;
    char  log[PATH_MAX];

    (void) snprintf(log, sizeof(log), "%s-wal", path);

    fd = open(log, O_RDWR|O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    writer_sqlite_log_durable(fd);
    (void) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}


/*
 * By a descriptor of its own: the system tells each of them, once, what it
 * could not write since it was opened.
 */
int
writer_store_sync_apart(writer_store_t *store)
{
    const char    *path;
    sqlite3_file  *file;

    path = sqlite3_filename_wal(sqlite3_db_filename(store->db, "main"));

    store->wal_fd = open(path, O_RDWR|O_CLOEXEC);

    if (store->wal_fd == -1
        || sqlite3_file_control(store->db, "main",
                                SQLITE_FCNTL_JOURNAL_POINTER, &file)
           != SQLITE_OK
        || file->pMethods != &writer_sqlite_log_methods)
    {
        return writer_sqlite_fault(store, SQLITE_CANTOPEN, -1);
    }

    store->wal = file;

    return WRITER_OK;
}


void
writer_store_sync(writer_store_t *store)
{
    writer_sqlite_log_durable(store->wal_fd);
}


static void
writer_sqlite_log_durable(int fd)
{
    int  rc;

    do {
        rc = fdatasync(fd);
    } while (rc == -1 && errno == EINTR);

    if (rc == -1) {
        writer_sqlite_give_up(SQLITE_IOERR_FSYNC);
    }
}


static int
writer_sqlite_log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int                   rc;
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;
    rc = writer_sqlite_log_flush(log);

    return rc == SQLITE_OK
           ? log->real->pMethods->xFileSize(log->real, size) : rc;
}


static int
writer_sqlite_log_lock(sqlite3_file *file, int lock)
{
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;

    return log->real->pMethods->xLock(log->real, lock);
}


static int
writer_sqlite_log_unlock(sqlite3_file *file, int lock)
{
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;

    return log->real->pMethods->xUnlock(log->real, lock);
}


static int
writer_sqlite_log_reserved(sqlite3_file *file, int *reserved)
{
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;

    return log->real->pMethods->xCheckReservedLock(log->real, reserved);
}


static int
writer_sqlite_log_control(sqlite3_file *file, int op, void *arg)
{
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;

    return log->real->pMethods->xFileControl(log->real, op, arg);
}


static int
writer_sqlite_log_sector(sqlite3_file *file)
{
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;

    return log->real->pMethods->xSectorSize(log->real);
}


static int
writer_sqlite_log_device(sqlite3_file *file)
{
    writer_sqlite_log_t  *log;

    log = (writer_sqlite_log_t *) file;

    return log->real->pMethods->xDeviceCharacteristics(log->real);
}
