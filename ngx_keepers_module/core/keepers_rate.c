
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_rate.h"
#include "core/keepers_text.h"


#define KEEPERS_RATE_SECOND_US  1000000ULL
#define KEEPERS_RATE_DAY_S      86400ULL

/*
 * How far ahead a state may lie: 31 years.  With today's time it stays below
 * 2^53, so that a script of Redis, which counts in doubles, stays exact too.
 */
#define KEEPERS_RATE_AHEAD_MAX_US  1000000000000000ULL


static bool keepers_rate_period(keepers_str_t text, uint64_t *period_us);
static uint64_t keepers_rate_unit(unsigned char c);
static uint64_t keepers_rate_add(uint64_t a, uint64_t b);


/*
 * A period that N does not divide is rounded down to whole microseconds, so
 * that a period always has room for its N; above 10,000 a second the limit is
 * up to one in a hundred and more too generous, never too strict.
 */

int
keepers_rate_read(keepers_str_t text, uint32_t burst, keepers_rate_t *rate)
{
    uint64_t              n, period_us, interval_us;
    keepers_str_t         number;
    const unsigned char  *slash;

    slash = text.len == 0 ? NULL : memchr(text.data, '/', text.len);

    if (slash == NULL) {
        return KEEPERS_RATE_SYNTAX;
    }

    number = keepers_str(text.data, (size_t) (slash - text.data));
    text = keepers_str(slash + 1, text.len - number.len - 1);

    if (!keepers_text_uint(number, &n)
        || !keepers_rate_period(text, &period_us))
    {
        return KEEPERS_RATE_SYNTAX;
    }

    if (n == 0 || n > UINT32_MAX || period_us == 0) {
        return KEEPERS_RATE_RANGE;
    }

    interval_us = period_us / n;

    /* KEEPERS_RATE_MAX a second is one a microsecond */

    if (interval_us == 0) {
        return KEEPERS_RATE_RANGE;
    }

    if (burst == 0) {
        burst = (uint32_t) n;
    }

    if (interval_us > KEEPERS_RATE_AHEAD_MAX_US / burst) {
        return KEEPERS_RATE_RANGE;
    }

    rate->interval_us = interval_us;
    rate->tolerance_us = (burst - 1) * interval_us;
    rate->burst = burst;

    return KEEPERS_OK;
}


/* "m" or "10m"; zero when it is out of range. */

static bool
keepers_rate_period(keepers_str_t text, uint64_t *period_us)
{
    uint64_t  count, unit_us;

    if (text.len == 0) {
        return false;
    }

    unit_us = keepers_rate_unit(text.data[text.len - 1]);
    text.len--;
    count = 1;

    if (unit_us == 0 || (text.len != 0 && !keepers_text_uint(text, &count))) {
        return false;
    }

    *period_us = count > KEEPERS_RATE_AHEAD_MAX_US / unit_us ? 0
                                                             : count * unit_us;

    return true;
}


static uint64_t
keepers_rate_unit(unsigned char c)
{
    switch (c) {

    case 's':
        return KEEPERS_RATE_SECOND_US;

    case 'm':
        return 60 * KEEPERS_RATE_SECOND_US;

    case 'h':
        return 3600 * KEEPERS_RATE_SECOND_US;

    case 'd':
        return KEEPERS_RATE_DAY_S * KEEPERS_RATE_SECOND_US;

    default:
        return 0;
    }
}


/*
 * Time is the measure, not cells: a cell of a part takes n times as long as
 * one of the whole, and the capacity in time stays, so a state carries over.
 */

keepers_rate_t
keepers_rate_share(const keepers_rate_t *rate, uint32_t nodes)
{
    uint64_t        capacity_us;
    keepers_rate_t  share;

    if (nodes <= 1) {
        return *rate;
    }

    capacity_us = rate->tolerance_us + rate->interval_us;

    share.interval_us = rate->interval_us * nodes;
    capacity_us = capacity_us > share.interval_us ? capacity_us
                                                  : share.interval_us;

    share.tolerance_us = capacity_us - share.interval_us;
    share.burst = (uint32_t) (capacity_us / share.interval_us);

    return share;
}


keepers_rate_t
keepers_rate_times(const keepers_rate_t *rate, uint32_t times)
{
    keepers_rate_t  more;

    more.interval_us = rate->interval_us > times ? rate->interval_us / times
                                                 : 1;
    more.burst = rate->burst > UINT32_MAX / times ? UINT32_MAX
                                                  : rate->burst * times;
    more.tolerance_us = (more.burst - 1) * more.interval_us;

    return more;
}


/*
 * "used" is how far the state lies ahead of now, and never more than the whole
 * capacity: a state further ahead comes from a clock that went back or from a
 * larger burst of an older configuration, and must not lock anyone out for
 * longer than a full bucket takes to drain.
 */

keepers_rate_decision_t
keepers_rate_decide(const keepers_rate_t *rate, uint64_t tat_us,
    uint64_t now_us, uint32_t cost)
{
    uint64_t                 capacity, used, room, need;
    keepers_rate_decision_t  d;

    capacity = rate->tolerance_us + rate->interval_us;
    used = tat_us > now_us ? tat_us - now_us : 0;
    used = used < capacity ? used : capacity;
    room = capacity - used;

    memset(&d, 0, sizeof(d));
    d.tat_us = tat_us > now_us + used ? now_us + used : tat_us;

    if (cost > rate->burst) {
        d.retry_us = UINT64_MAX;        /* never */
        d.remaining = (uint32_t) (room / rate->interval_us);
        return d;
    }

    /* a peek asks whether the next one would pass */

    need = (cost == 0 ? 1 : cost) * rate->interval_us;

    if (need > room) {
        d.retry_us = need - room;

    } else {
        d.admitted = true;

        if (cost != 0) {
            d.tat_us = keepers_rate_add(now_us, used + need);
            room -= need;
        }
    }

    d.remaining = (uint32_t) (room / rate->interval_us);

    return d;
}


uint32_t
keepers_rate_left(const keepers_rate_t *rate, uint64_t ahead_us)
{
    uint64_t  capacity_us;

    capacity_us = rate->tolerance_us + rate->interval_us;

    if (ahead_us >= capacity_us) {
        return 0;
    }

    return (uint32_t) ((capacity_us - ahead_us) / rate->interval_us);
}


uint64_t
keepers_rate_undo(uint64_t tat_us, uint64_t now_us, uint64_t amount_us)
{
    if (tat_us <= now_us) {
        return tat_us;
    }

    return tat_us - now_us > amount_us ? tat_us - amount_us : now_us;
}


static uint64_t
keepers_rate_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
