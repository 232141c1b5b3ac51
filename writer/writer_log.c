
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>


static const char *const  writer_log_names[] = { "error", "warn", "info" };

/* sd-daemon(3): journald takes the priority from the line's first bytes. */
static const char *const  writer_log_priorities[] = { "<3>", "<4>", "<6>" };


void
writer_log(writer_log_e level, const char *event, const char *fmt, ...)
{
    int        n, more;
    char       line[WRITER_LOG_LEN_MAX];
    va_list    args;
    time_t     sec;
    uint64_t   now_ms;
    struct tm  tm;

    now_ms = writer_now_ms();
    sec = (time_t) (now_ms / 1000);
    gmtime_r(&sec, &tm);

    n = snprintf(line, sizeof(line),
                 "%sts=%04d-%02d-%02dT%02d:%02d:%02d.%03dZ level=%s event=%s",
                 writer_log_priorities[level], tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int) (now_ms % 1000), writer_log_names[level], event);

    if (n < 0) {
        return;
    }

    if (n < (int) sizeof(line) - 2 && fmt[0] != '\0') {
        line[n++] = ' ';
        va_start(args, fmt);
        more = vsnprintf(line + n, sizeof(line) - (size_t) n, fmt, args);
        va_end(args);
        n += more < 0 ? 0 : more;
    }

    if (n > (int) sizeof(line) - 2) {
        n = (int) sizeof(line) - 2;
    }

    line[n++] = '\n';

    if (write(STDERR_FILENO, line, (size_t) n) < 0) {
        /* there is no one left to tell */
        return;
    }
}
