
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_even.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>


#define WRITER_EVEN_NS  1000000


static uint64_t writer_even_now_ns(void);
static void writer_even_set(writer_even_t *even);
static void writer_even_fired(evutil_socket_t fd, short what, void *data);


int
writer_even_init(writer_even_t *even, struct event_base *base,
    writer_even_pt due, void *data)
{
    even->due = due;
    even->data = data;
    writer_jobs_init(&even->waits);

    even->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC|TFD_NONBLOCK);

    if (even->fd == -1) {
        return -1;
    }

    even->event = event_new(base, even->fd, EV_READ|EV_PERSIST,
                            writer_even_fired, even);

    return even->event != NULL && event_add(even->event, NULL) == 0 ? 0 : -1;
}


void
writer_even_free(writer_even_t *even)
{
    if (even->event != NULL) {
        event_free(even->event);
        close(even->fd);
    }
}


static uint64_t
writer_even_now_ns(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}


void
writer_even_came(writer_job_t *job)
{
    job->came_ns = writer_even_now_ns();
}


bool
writer_even_wait(writer_even_t *even, writer_job_t *job)
{
    if (job->came_ns == 0
        || writer_even_now_ns() >= job->came_ns + WRITER_EVEN_NS)
    {
        return false;
    }

    writer_jobs_add(&even->waits, job);

    if (even->waits.n == 1) {
        writer_even_set(even);
    }

    return true;
}


static void
writer_even_set(writer_even_t *even)
{
    uint64_t           due_ns;
    struct itimerspec  at;

    due_ns = even->waits.head->came_ns + WRITER_EVEN_NS;

    at.it_interval.tv_sec = 0;
    at.it_interval.tv_nsec = 0;
    at.it_value.tv_sec = (time_t) (due_ns / 1000000000);
    at.it_value.tv_nsec = (long) (due_ns % 1000000000);

    (void) timerfd_settime(even->fd, TFD_TIMER_ABSTIME, &at, NULL);
}


static void
writer_even_fired(evutil_socket_t fd, short what, void *data)
{
    uint64_t        times, now_ns;
    writer_jobs_t   due;
    writer_even_t  *even;

    (void) what;

    even = data;

    if (read(fd, &times, sizeof(times)) != sizeof(times)) {
        return;
    }

    now_ns = writer_even_now_ns();
    writer_jobs_init(&due);

    while (even->waits.n != 0
           && even->waits.head->came_ns + WRITER_EVEN_NS <= now_ns)
    {
        writer_jobs_add(&due, writer_jobs_take(&even->waits));
    }

    if (even->waits.n != 0) {
        writer_even_set(even);
    }

    even->due(even->data, &due);
}
