
/*
 * Copyright (C) Keepers
 *
 * Goal: of all that yajl would let through, only one flat, exactly encoded
 * object of known fields comes out, and yajl never runs out of memory.
 */


#include "keepers_unit.h"
#include "core/keepers_json.h"


#define FIELDS    3
#define HEAP_MIN  (16 * 1024)


typedef struct {
    const char  *body;
    int          rc;
    int          culprit;       /* index of a field, or -1 */
} refused_t;


static int read_body(const void *text, size_t len);
static void test_reads(void **state);
static void test_kinds(void **state);
static void test_refuses(void **state);
static void test_escapes_that_are_none(void **state);
static void test_depth(void **state);
static void test_many_keys(void **state);
static void test_heap_suffices(void **state);
static void test_heap_growing_strings(void **state);
static void test_heap_is_wiped(void **state);
static void test_no_space(void **state);
static void test_writes(void **state);


static keepers_field_t     fields[FIELDS];
static keepers_fieldset_t  set;
static unsigned char       arena_buf[256 * 1024];
static keepers_out_t       arena;


/* Body, arena and heap have not a byte more than the header asks for. */

static int
read_body(const void *text, size_t len)
{
    int             rc;
    unsigned char  *heap;
    keepers_str_t   body;

    memset(fields, 0, sizeof(fields));
    fields[0].name = unit_str("name");
    fields[1].name = unit_str("email");
    fields[2].name = unit_str("consent");

    memset(&set, 0, sizeof(set));
    set.fields = fields;
    set.n = FIELDS;

    assert_true(len <= sizeof(arena_buf));
    keepers_out_init(&arena, arena_buf, len);

    body = unit_copy(text, len);
    heap = malloc(HEAP_MIN + 4 * len);
    assert_non_null(heap);

    rc = keepers_json_read(body, &set, &arena, heap, HEAP_MIN + 4 * len);

    free(heap);
    unit_free(body);

    return rc;
}


#define read_text(text)  read_body(text, sizeof(text) - 1)


static void
test_reads(void **state)
{
    (void) state;

    assert_int_equal(read_text(" {\"name\" : \"Ana \\u00e9\\n\\ud83d\\ude00"
                               "\\\"\",\"email\":\"a@b.c\",\"consent\":true,"
                               "\"x\":1.5e999, \"y\": [1,{\"name\":2}]}\n"),
                     KEEPERS_OK);
    assert_int_equal(fields[0].kind, KEEPERS_FIELD_STRING);
    assert_str(fields[0].value, "Ana \xc3\xa9\n\xf0\x9f\x98\x80\"");
    assert_str(fields[1].value, "a@b.c");
    assert_int_equal(fields[2].kind, KEEPERS_FIELD_TRUE);
    assert_int_equal(set.unknown, 2);

    assert_int_equal(read_text("{}"), KEEPERS_OK);
    assert_int_equal(fields[0].kind, KEEPERS_FIELD_ABSENT);

    assert_int_equal(read_text("{\"na\\u006de\":\"\"}"), KEEPERS_OK);
    assert_int_equal(fields[0].kind, KEEPERS_FIELD_STRING);
    assert_int_equal(fields[0].value.len, 0);
}


static void
test_kinds(void **state)
{
    (void) state;

    assert_int_equal(read_text("{\"name\":false,\"email\":null,"
                               "\"consent\":-0}"), KEEPERS_OK);
    assert_int_equal(fields[0].kind, KEEPERS_FIELD_FALSE);
    assert_int_equal(fields[1].kind, KEEPERS_FIELD_NULL);
    assert_int_equal(fields[2].kind, KEEPERS_FIELD_OTHER);

    assert_int_equal(read_text("{\"name\":{\"name\":\"x\"},\"email\":[\"x\"],"
                               "\"consent\":99999999999999999999999}"),
                     KEEPERS_OK);
    assert_int_equal(fields[0].kind, KEEPERS_FIELD_OTHER);
    assert_int_equal(fields[1].kind, KEEPERS_FIELD_OTHER);
    assert_int_equal(fields[2].kind, KEEPERS_FIELD_OTHER);
}


static void
test_refuses(void **state)
{
    size_t                  i;
    static const refused_t  cases[] = {
        { "", KEEPERS_FIELDS_MALFORMED, -1 },
        { " ", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{", KEEPERS_FIELDS_MALFORMED, -1 },
        { "}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "[]", KEEPERS_FIELDS_MALFORMED, -1 },
        { "\"x\"", KEEPERS_FIELDS_MALFORMED, -1 },
        { "1", KEEPERS_FIELDS_MALFORMED, -1 },
        { "true", KEEPERS_FIELDS_MALFORMED, -1 },
        { "null", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{}{}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{} x", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\":\"x\",}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\" \"x\"}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{name:\"x\"}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{'name':'x'}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\":\"x\"", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\":\"x", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\":\"\\x\"}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\":\"\\u12\"}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\":\"a\nb\"}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{/* x */}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "\xef\xbb\xbf{}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\":01}", KEEPERS_FIELDS_MALFORMED, -1 },
        { "{\"name\":NaN}", KEEPERS_FIELDS_MALFORMED, -1 },

        { "{\"name\":1,\"name\":2}", KEEPERS_FIELDS_REPEATED, 0 },
        { "{\"email\":null,\"email\":\"x\"}", KEEPERS_FIELDS_REPEATED, 1 },
        { "{\"name\":\"a\",\"n\\u0061me\":\"b\"}",
          KEEPERS_FIELDS_REPEATED, 0 },
        { "{\"name\":[],\"name\":[]}", KEEPERS_FIELDS_REPEATED, 0 },

        { "{\"name\":\"\\ud800\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\\udc00\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\\uD800\\u0041\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\\ud800\\ud800\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\\ud800x\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\\ud800\\\\udc00\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\\udc00\\ud800\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"x\",\"email\":\"\\u0000\"}",
          KEEPERS_FIELDS_ENCODING, 1 },
        { "{\"name\":\"\xc0\x80\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\xed\xa0\x80\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\xf4\x90\x80\x80\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\xf5\x80\x80\x80\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"name\":\"\xc3(\"}", KEEPERS_FIELDS_ENCODING, 0 },
        { "{\"email\":[\"\xff\"]}", KEEPERS_FIELDS_ENCODING, 1 },
        { "{\"x\":\"\xff\"}", KEEPERS_FIELDS_ENCODING, -1 },
        { "{\"name\":\"x\",\"\\ud800\":1}", KEEPERS_FIELDS_ENCODING, -1 },
        { "{\"name\":\"x\",\"\xff\":1}", KEEPERS_FIELDS_ENCODING, -1 },

        /* what comes first counts */

        { "{\"name\":1,\"name\":\"\\ud800\"}", KEEPERS_FIELDS_REPEATED, 0 },
        { "{\"name\":x,\"email\":\"\\ud800\"}", KEEPERS_FIELDS_MALFORMED, -1 }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        if (read_body(cases[i].body, strlen(cases[i].body)) != cases[i].rc) {
            fail_msg("%s", cases[i].body);
        }

        assert_ptr_equal(set.culprit, cases[i].culprit < 0
                                      ? NULL : &fields[cases[i].culprit]);
    }

    assert_int_equal(read_text("{\"name\":\"a\0b\"}"),
                     KEEPERS_FIELDS_MALFORMED);
    assert_int_equal(read_text("{}\0"), KEEPERS_FIELDS_MALFORMED);
}


static void
test_escapes_that_are_none(void **state)
{
    (void) state;

    /* an escaped backslash before "ud800" is text */

    assert_int_equal(read_text("{\"name\":\"\\\\ud800\"}"), KEEPERS_OK);
    assert_str(fields[0].value, "\\ud800");
    assert_int_equal(read_text("{\"name\":\"\\\\\\\"\\/\",\"email\":\"\"}"),
                     KEEPERS_OK);
    assert_str(fields[0].value, "\\\"/");
}


static void
test_depth(void **state)
{
    size_t  i, depth;
    char   *body;

    (void) state;

    for (depth = 0; depth < 12; depth++) {
        body = calloc(1, 2 * depth + 16);
        assert_non_null(body);

        strncat(body, "{\"name\":", 9);

        for (i = 0; i < depth; i++) {
            strncat(body, "[", 2);
        }

        if (depth == 0) {
            strncat(body, "1", 2);
        }

        for (i = 0; i < depth; i++) {
            strncat(body, "]", 2);
        }

        strncat(body, "}", 2);

        assert_int_equal(read_body(body, strlen(body)),
                         depth < KEEPERS_JSON_DEPTH_MAX
                         ? KEEPERS_OK : KEEPERS_FIELDS_TOO_MANY);
        free(body);
    }

    body = malloc(200000);
    assert_non_null(body);
    memset(body, '[', 200000);
    assert_int_equal(read_body(body, 200000), KEEPERS_FIELDS_MALFORMED);
    memcpy(body, "{\"a\":", 5);
    assert_int_equal(read_body(body, 200000), KEEPERS_FIELDS_TOO_MANY);
    free(body);
}


static void
test_many_keys(void **state)
{
    size_t  i, len, n;
    char    body[8 * (KEEPERS_FIELDS_MAX + 2)];

    (void) state;

    for (n = KEEPERS_FIELDS_MAX; n <= KEEPERS_FIELDS_MAX + 1; n++) {
        len = 0;
        body[len++] = '{';

        for (i = 0; i < n; i++) {
            memcpy(&body[len], "\"x\":1,", 6);
            len += 6;
        }

        body[len - 1] = '}';

        assert_int_equal(read_body(body, len), n <= KEEPERS_FIELDS_MAX
                         ? KEEPERS_OK : KEEPERS_FIELDS_TOO_MANY);
    }
}


/*
 * The worst bodies for yajl's two buffers: a string with escapes (one buffer)
 * and a token that the body's end cuts off (the other), at every ratio and
 * around every power of two, with a heap of just the promised size.
 */

static void
test_heap_suffices(void **state)
{
    size_t  len, cut, i;
    char   *body;

    static const size_t  lens[] = {
        100, 1000, 2040, 2047, 2048, 2049, 2060, 4095, 4096, 4097, 4110,
        6000, 8190, 8192, 8193, 8200, 12300, 16383, 16384, 16400, 65535,
        65536, 65600, 131072, 200000
    };

    (void) state;

    for (i = 0; i < unit_count(lens); i++) {
        len = lens[i];
        body = malloc(len);
        assert_non_null(body);

        for (cut = 20; cut < len; cut += 1 + len / 37) {

            /* many small strings that grow the buffer step by step */

            memset(body, 'x', len);
            memcpy(body, "{\"name\":\"\\n", 11);
            body[cut - 2] = '"';
            body[cut - 1] = ',';
            body[cut] = '"';

            assert_int_equal(read_body(body, len), KEEPERS_FIELDS_MALFORMED);

            /* a number without an end */

            memset(body, '1', len);
            memcpy(body, "{\"name\":", 8);
            assert_int_equal(read_body(body, len), KEEPERS_FIELDS_MALFORMED);
        }

        /* nothing but escapes */

        memset(body, '\\', len);
        memcpy(body, "{\"name\":\"", 9);
        memcpy(&body[len - 2], "\"}", 2);

        if (len % 2 == 0) {
            body[len - 3] = 'x';
        }

        assert_int_equal(read_body(body, len), KEEPERS_OK);
        assert_int_equal(fields[0].value.len,
                         (len - 11) / 2 + (len % 2 == 0));
        free(body);
    }
}


/* Escaped strings of every length, each longer than the last. */

static void
test_heap_growing_strings(void **state)
{
    size_t  i, k, len;
    char   *body;

    (void) state;

    body = malloc(sizeof(arena_buf));
    assert_non_null(body);

    len = 0;
    memcpy(body, "{\"x\":[", 6);
    len += 6;

    for (i = 1; len + i + 8 < sizeof(arena_buf) - 8; i = i * 5 / 4 + 1) {
        memcpy(&body[len], "\"\\t", 3);
        len += 3;

        for (k = 0; k < i; k++) {
            body[len++] = (k % 3 == 0 && k + 1 < i) ? 'y' : 'z';
        }

        body[len++] = '"';
        body[len++] = ',';
    }

    body[len - 1] = ']';
    body[len++] = '}';

    assert_int_equal(read_body(body, len), KEEPERS_OK);
    free(body);
}


static void
test_no_space(void **state)
{
    unsigned char  heap[HEAP_MIN + 8];

    (void) state;

    (void) read_text("{}");
    keepers_out_init(&arena, arena_buf, 2);
    assert_int_equal(keepers_json_read(unit_str("{}"), &set, &arena, heap,
                                       HEAP_MIN + 7),
                     KEEPERS_FIELDS_NO_SPACE);
    assert_int_equal(keepers_json_read(unit_str("{}"), &set, &arena, heap,
                                       HEAP_MIN - 1),
                     KEEPERS_FIELDS_NO_SPACE);
    assert_int_equal(keepers_json_read(unit_str("{}"), &set, &arena, heap,
                                       HEAP_MIN + 8), KEEPERS_OK);
    keepers_out_init(&arena, arena_buf, 1);
    assert_int_equal(keepers_json_read(unit_str("{}"), &set, &arena, heap,
                                       HEAP_MIN + 8),
                     KEEPERS_FIELDS_NO_SPACE);
}


/* A piece for the longest body keeps nothing of a short one. */

static void
test_heap_is_wiped(void **state)
{
    size_t                i;
    keepers_str_t         body;
    static unsigned char  heap[HEAP_MIN + 256];

    (void) state;

    (void) read_text("{}");         /* the fields */
    body = unit_str("{\"name\":\"A\\u00e9 canary with an escape\","
                    "\"other\":[\"canary\"]}");
    keepers_out_init(&arena, arena_buf, body.len);
    memset(heap, 0, sizeof(heap));

    assert_int_equal(keepers_json_read(body, &set, &arena, heap,
                                       sizeof(heap)), KEEPERS_OK);

    for (i = 0; i < sizeof(heap); i++) {
        assert_int_equal(heap[i], 0);
    }
}


static void
test_writes(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[128];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_json_string(&out, unit_str("a\"b\\c\n\x01</script>\xc3\xa9"));
    assert_str(keepers_out_written(&out),
               "\"a\\\"b\\\\c\\u000a\\u0001\\u003c/script>\xc3\xa9\"");

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_json_string(&out, unit_str("\0x\xff" "y\xc3"));
    assert_str(keepers_out_written(&out), "\"\\u0000x\\ufffdy\\ufffd\"");

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_json_string(&out, keepers_str(NULL, 0));
    assert_str(keepers_out_written(&out), "\"\"");

    keepers_out_init(&out, buf, 4);
    keepers_json_string(&out, unit_str("abc"));
    assert_true(out.overflow);
    assert_int_equal(out.len, 0);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_escapes_that_are_none),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_heap_suffices),
        cmocka_unit_test(test_heap_growing_strings),
        cmocka_unit_test(test_heap_is_wiped),
        cmocka_unit_test(test_no_space),
        cmocka_unit_test(test_writes)
    };

    return cmocka_run_group_tests_name("keepers_json", tests, NULL, NULL);
}
