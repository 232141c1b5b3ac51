
/*
 * Copyright (C) Keepers
 *
 * Goal: a ring is read-only, stays out of core dumps, and may be locked, in the
 * process that has read it and in its children.
 */


#include "keepers_unit_rings.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>


static bool dumped(const void *p);
static void test_read_only(void **state);
static void test_lock(void **state);
static void test_no_dump(void **state);


/* Whether a core dump would have this memory (proc(5), smaps, "dd"). */

static bool
dumped(const void *p)
{
    bool            here, found;
    char            line[1024];
    FILE           *smaps;
    unsigned long   start, end;

    here = false;
    found = false;
    smaps = fopen("/proc/self/smaps", "r");

    if (smaps == NULL) {
        return true;
    }

    while (!found && fgets(line, sizeof(line), smaps) != NULL) {

        if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
            here = (uintptr_t) p >= start && (uintptr_t) p < end;
        }

        found = here && strncmp(line, "VmFlags:", 8) == 0;
    }

    (void) fclose(smaps);

    return !found || strstr(line, " dd") == NULL;
}


static void
test_read_only(void **state)
{
    int    fds[2], status;
    pid_t  pid;

    (void) state;

    /*
     * read() into the ring asks the kernel, which refuses without a signal
     * that a sanitizer would take for a fault.
     */

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(read(fds[0], ring->keys[0].master, 1), -1);
    assert_int_equal(errno, EFAULT);

    (void) close(fds[0]);
    (void) close(fds[1]);

    /* a child reads the ring, locks it and frees it for itself */

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        keepers_keyring_lock(ring);
        status = ring->keys[0].master[1] == 1 ? 0 : 1;
        keepers_keyring_free(ring);
        _exit(status);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(ring->keys[0].master[1], 1);
}


static void
test_lock(void **state)
{
    (void) state;

    keepers_keyring_lock(ring);
    keepers_keyring_lock(ring);

    assert_int_equal(ring->keys[0].master[31], 31);
}


static void
test_no_dump(void **state)
{
    int    status;
    pid_t  pid;

    (void) state;

    assert_true(dumped(&status));
    assert_false(dumped(ring));
    assert_false(dumped(&ring->keys[KEEPERS_KEYRING_MAX - 1]));

    /* a worker is a child of the process that has read the ring */

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        _exit(dumped(ring) ? 1 : 0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_no_dump)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
