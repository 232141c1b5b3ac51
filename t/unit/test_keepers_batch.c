
/*
 * Copyright (C) Keepers
 *
 * Goal: what is read of a batch is what was put into it, whole, and nothing is
 * read of one that is cut, too long or too many; a status is said of each or
 * of none.
 */


#include "keepers_unit.h"
#include "core/keepers_batch.h"


#define BATCH_MANY  (KEEPERS_BATCH_MAX + 1)


static size_t batch(unsigned char *buf, size_t size, size_t n, size_t len);
static void test_reads_what_was_written(void **state);
static void test_as_many_as_it_holds(void **state);
static void test_as_long_as_it_may_be(void **state);
static void test_every_cut(void **state);
static void test_a_byte_too_much(void **state);
static void test_an_empty_one(void **state);
static void test_none(void **state);
static void test_no_batch(void **state);
static void test_no_room(void **state);
static void test_said(void **state);
static void test_said_wrongly(void **state);


static keepers_str_t  read_of[BATCH_MANY];


/* So many envelopes, each of so many bytes; its length. */
static size_t
batch(unsigned char *buf, size_t size, size_t n, size_t len)
{
    size_t         i;
    keepers_out_t  out;
    unsigned char  envelope[KEEPERS_BATCH_LEN_MAX];

    keepers_out_init(&out, buf, size);
    keepers_batch_begin(&out);

    for (i = 0; i < n; i++) {
        memset(envelope, 'a' + (int) i, len);
        keepers_batch_add(&out, keepers_str(envelope, len));
    }

    assert_false(out.overflow);

    return out.len;
}


static void
test_reads_what_was_written(void **state)
{
    keepers_out_t  out;
    keepers_str_t  body;
    unsigned char  buf[64];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_batch_begin(&out);
    keepers_batch_add(&out, unit_str("K1 one"));
    assert_true(keepers_str_eq(keepers_out_written(&out),
                               unit_str("KB\0\6K1 one")));

    body = unit_copy(out.data, out.len);
    assert_true(keepers_batch_is(body));
    assert_int_equal(keepers_batch_read(body, read_of), 1);
    assert_str(read_of[0], "K1 one");
    assert_ptr_equal(read_of[0].data, body.data + 4);
    unit_free(body);

    keepers_batch_add(&out, unit_str("x"));
    keepers_batch_add(&out, unit_str("K1 three"));

    body = unit_copy(out.data, out.len);
    assert_int_equal(keepers_batch_read(body, read_of), 3);
    assert_str(read_of[0], "K1 one");
    assert_str(read_of[1], "x");
    assert_str(read_of[2], "K1 three");
    unit_free(body);
}


static void
test_as_many_as_it_holds(void **state)
{
    size_t         i, len;
    keepers_str_t  body;
    unsigned char  buf[KEEPERS_BATCH_LEN_MAX];

    (void) state;

    len = batch(buf, sizeof(buf), KEEPERS_BATCH_MAX, 40);
    body = unit_copy(buf, len);
    assert_int_equal(keepers_batch_read(body, read_of), KEEPERS_BATCH_MAX);

    for (i = 0; i < KEEPERS_BATCH_MAX; i++) {
        assert_int_equal(read_of[i].len, 40);
        assert_int_equal(read_of[i].data[0], (unsigned char) ('a' + i));
        assert_int_equal(read_of[i].data[39], (unsigned char) ('a' + i));
    }

    unit_free(body);

    /* the place behind the last is nobody's */

    read_of[KEEPERS_BATCH_MAX] = keepers_str(NULL, 7);

    len = batch(buf, sizeof(buf), KEEPERS_BATCH_MAX + 1, 40);
    body = unit_copy(buf, len);
    assert_int_equal(keepers_batch_read(body, read_of), 0);
    assert_null(read_of[KEEPERS_BATCH_MAX].data);
    assert_int_equal(read_of[KEEPERS_BATCH_MAX].len, 7);
    unit_free(body);
}


static void
test_as_long_as_it_may_be(void **state)
{
    size_t         len;
    keepers_str_t  body;
    unsigned char  buf[KEEPERS_BATCH_LEN_MAX + 1];

    (void) state;

    len = batch(buf, sizeof(buf), 1, KEEPERS_BATCH_LEN_MAX
                                     - KEEPERS_BATCH_HEAD
                                     - KEEPERS_BATCH_ITEM);
    assert_int_equal(len, KEEPERS_BATCH_LEN_MAX);

    body = unit_copy(buf, len);
    assert_int_equal(keepers_batch_read(body, read_of), 1);
    unit_free(body);

    len = batch(buf, sizeof(buf), 1, KEEPERS_BATCH_LEN_MAX
                                     - KEEPERS_BATCH_HEAD
                                     - KEEPERS_BATCH_ITEM + 1);
    assert_int_equal(len, KEEPERS_BATCH_LEN_MAX + 1);

    body = unit_copy(buf, len);
    assert_true(keepers_batch_is(body));
    assert_int_equal(keepers_batch_read(body, read_of), 0);
    unit_free(body);
}


static void
test_every_cut(void **state)
{
    size_t         len, whole, want;
    keepers_str_t  body;
    unsigned char  buf[KEEPERS_BATCH_LEN_MAX];

    (void) state;

    /* a length of two bytes that are not zero, too */
    whole = batch(buf, sizeof(buf), 3, 300);

    for (len = 0; len <= whole; len++) {
        want = len < KEEPERS_BATCH_HEAD + KEEPERS_BATCH_ITEM
               || (len - KEEPERS_BATCH_HEAD) % (KEEPERS_BATCH_ITEM + 300) != 0
               ? 0 : (len - KEEPERS_BATCH_HEAD) / (KEEPERS_BATCH_ITEM + 300);

        body = unit_copy(buf, len);
        assert_int_equal(keepers_batch_read(body, read_of), want);
        assert_int_equal(keepers_batch_is(body), len >= KEEPERS_BATCH_HEAD);
        unit_free(body);
    }
}


static void
test_a_byte_too_much(void **state)
{
    size_t         len;
    keepers_str_t  body;
    unsigned char  buf[KEEPERS_BATCH_LEN_MAX];

    (void) state;

    len = batch(buf, sizeof(buf), 2, 20);

    buf[len] = 0;
    body = unit_copy(buf, len + 1);
    assert_int_equal(keepers_batch_read(body, read_of), 0);
    unit_free(body);

    /* one is full: what is behind the last is no more than a byte */

    len = batch(buf, sizeof(buf), KEEPERS_BATCH_MAX, 20);

    buf[len] = 'x';
    body = unit_copy(buf, len + 1);
    assert_int_equal(keepers_batch_read(body, read_of), 0);
    unit_free(body);
}


static void
test_an_empty_one(void **state)
{
    (void) state;

    assert_int_equal(keepers_batch_read(unit_str("KB\0\0"), read_of), 0);
    assert_int_equal(keepers_batch_read(unit_str("KB\0\0\0\1a"), read_of), 0);
    assert_int_equal(keepers_batch_read(unit_str("KB\0\1a\0\0"), read_of), 0);
    assert_int_equal(keepers_batch_read(unit_str("KB\0\1a\0\0\0\1b"),
                                        read_of), 0);
}


static void
test_none(void **state)
{
    (void) state;

    assert_true(keepers_batch_is(unit_str("KB")));
    assert_int_equal(keepers_batch_read(unit_str("KB"), read_of), 0);
    assert_false(keepers_batch_is(keepers_str(NULL, 0)));
    assert_int_equal(keepers_batch_read(keepers_str(NULL, 0), read_of), 0);
}


static void
test_no_batch(void **state)
{
    size_t  i;

    static const char  others[][5] = {
        "K1\0\1", "K1abc", "kb\0\1", "Kb\0\1", "BK\0\1", " KB\0"
    };

    (void) state;

    for (i = 0; i < unit_count(others); i++) {
        assert_false(keepers_batch_is(keepers_str(others[i], 5)));
        assert_int_equal(keepers_batch_read(keepers_str(others[i], 5),
                                            read_of), 0);
    }
}


static void
test_no_room(void **state)
{
    size_t          size;
    keepers_out_t   out;
    unsigned char  *buf;

    (void) state;

    for (size = 0; size <= 12; size++) {
        buf = malloc(size + 1);
        assert_non_null(buf);
        buf[size] = 0x5a;

        keepers_out_init(&out, buf, size);
        keepers_batch_begin(&out);
        keepers_batch_add(&out, unit_str("abc"));
        keepers_batch_add(&out, unit_str("def"));

        assert_int_equal(out.overflow, size < 12);

        /* what stands there are whole ones */
        assert_int_equal(out.len, size < 2 ? 0 : size < 7 ? 2
                                  : size < 12 ? 7 : 12);
        assert_int_equal(buf[size], 0x5a);
        free(buf);
    }
}


static void
test_said(void **state)
{
    size_t         i;
    unsigned       status;
    keepers_out_t  out;
    keepers_str_t  said;
    unsigned char  buf[KEEPERS_BATCH_SAID * 900];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_batch_say(&out, 202);
    keepers_batch_say(&out, 404);
    keepers_batch_say(&out, 503);
    assert_str(keepers_out_written(&out), "202404503");

    said = unit_copy(out.data, out.len);
    assert_int_equal(keepers_batch_said(said, 3, 0), 202);
    assert_int_equal(keepers_batch_said(said, 3, 1), 404);
    assert_int_equal(keepers_batch_said(said, 3, 2), 503);
    unit_free(said);

    keepers_out_init(&out, buf, sizeof(buf));

    for (status = 100; status < 1000; status++) {
        keepers_batch_say(&out, status);
    }

    assert_false(out.overflow);

    for (i = 0; i < 900; i++) {
        assert_int_equal(keepers_batch_said(keepers_out_written(&out), 900, i),
                         100 + i);
    }

    keepers_out_init(&out, buf, 2);
    keepers_batch_say(&out, 202);
    assert_true(out.overflow);
}


static void
test_said_wrongly(void **state)
{
    size_t         i, len;
    unsigned       c;
    keepers_str_t  said;
    unsigned char  text[6];

    (void) state;

    /* of another number of them */

    for (len = 0; len <= 9; len++) {
        said = unit_copy("202202202", len);

        for (i = 0; i < 4; i++) {
            assert_int_equal(keepers_batch_said(said, 2, i),
                             len == 6 && i < 2 ? 202 : 0);
        }

        assert_int_equal(keepers_batch_said(said, 0, 0), 0);
        unit_free(said);
    }

    assert_int_equal(keepers_batch_said(keepers_str(NULL, 0), 1, 0), 0);
    assert_int_equal(keepers_batch_said(unit_str("202202"), 2, SIZE_MAX), 0);

    /* of a byte that is no digit only that one is not known */

    for (i = 3; i < 6; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, "404202", sizeof(text));
            text[i] = (unsigned char) c;
            said = keepers_str(text, sizeof(text));

            assert_int_equal(keepers_batch_said(said, 2, 0), 404);

            if (c < '0' || c > '9' || (i == 3 && c == '0')) {
                assert_int_equal(keepers_batch_said(said, 2, 1), 0);
            } else {
                assert_int_not_equal(keepers_batch_said(said, 2, 1), 0);
            }
        }
    }

    assert_int_equal(keepers_batch_said(unit_str("000"), 1, 0), 0);
    assert_int_equal(keepers_batch_said(unit_str("099"), 1, 0), 0);
    assert_int_equal(keepers_batch_said(unit_str("100"), 1, 0), 100);
    assert_int_equal(keepers_batch_said(unit_str("999"), 1, 0), 999);
    assert_int_equal(keepers_batch_said(unit_str("-02"), 1, 0), 0);
    assert_int_equal(keepers_batch_said(unit_str(" 02"), 1, 0), 0);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reads_what_was_written),
        cmocka_unit_test(test_as_many_as_it_holds),
        cmocka_unit_test(test_as_long_as_it_may_be),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_a_byte_too_much),
        cmocka_unit_test(test_an_empty_one),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_no_batch),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_said),
        cmocka_unit_test(test_said_wrongly)
    };

    return cmocka_run_group_tests_name("keepers_batch", tests, NULL, NULL);
}
