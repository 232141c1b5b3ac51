
/*
 * Copyright (C) Keepers
 *
 * Feeds files to a fuzz target, without a fuzzer: what crashed once stays in
 * the corpus and is tried again by every test run.  Files and folders may be
 * named; each name is printed before it is tried, so that a crash has a name.
 */


#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>


#define REPLAY_SIZE_MAX  (1024 * 1024)
#define REPLAY_PATH_MAX  1024


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path);
static int replay_folder(const char *path);
static int replay_file(const char *path);


int
main(int argc, char *const *argv)
{
    int  i, failed;

    failed = 0;

    /* the empty input is in every corpus */
    (void) LLVMFuzzerTestOneInput((const uint8_t *) "", 0);

    for (i = 1; i < argc; i++) {
        failed |= replay(argv[i]);
    }

    return failed;
}


static int
replay(const char *path)
{
    struct stat  st;

    if (stat(path, &st) != 0) {
        perror(path);
        return 1;
    }

    return S_ISDIR(st.st_mode) ? replay_folder(path) : replay_file(path);
}


static int
replay_folder(const char *path)
{
    int             failed;
    DIR            *dir;
    char            name[REPLAY_PATH_MAX];
    struct dirent  *entry;

    dir = opendir(path);

    if (dir == NULL) {
        perror(path);
        return 1;
    }

    failed = 0;

    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }

        (void) snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        failed |= replay(name);
    }

    (void) closedir(dir);

    return failed;
}


static int
replay_file(const char *path)
{
    FILE     *file;
    size_t    size;
    uint8_t  *data, *exact;

    printf("%s\n", path);
    (void) fflush(stdout);

    file = fopen(path, "rb");
    data = malloc(REPLAY_SIZE_MAX);

    if (file == NULL || data == NULL) {
        perror(path);
        free(data);
        return 1;
    }

    size = fread(data, 1, REPLAY_SIZE_MAX, file);
    (void) fclose(file);

    /* as long as the input and no longer, or an overrun would go unseen */
    exact = realloc(data, size > 0 ? size : 1);

    if (exact == NULL) {
        free(data);
        return 1;
    }

    (void) LLVMFuzzerTestOneInput(exact, size);
    free(exact);

    return 0;
}
