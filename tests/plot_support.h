/* What the tests of pictures share: programs in the place of gnuplot. */
#ifndef TESTS_PLOT_SUPPORT_H
#define TESTS_PLOT_SUPPORT_H

#include "nn_support.h"

#define DRAWS "#!/bin/sh\nprintf drawn >\"$4\"\n"

/* gnuplot by another program, which gets the script's name as $3 and the picture's as $4; NULL: none. */
static char search_path[4096];
static UNUSED void use_gnuplot(const char *program)
{
    char own[600], path[5000];
    snprintf(own, sizeof own, "%s/bin", directory);
    mkdir(own, 0700);
    snprintf(own, sizeof own, "%s/bin/gnuplot", directory);
    unlink(own);
    if (program) {
        write_bytes(own, program, strlen(program));
        chmod(own, 0700);
    }
    snprintf(path, sizeof path, "%s/bin%s%s", directory, program ? ":" : "", program ? search_path : "");
    setenv("PATH", path, 1);
}

static UNUSED void use_own_gnuplot(void)
{
    setenv("PATH", search_path, 1);
}

static UNUSED int remember_path(void **state)
{
    const char *path = getenv("PATH");
    snprintf(search_path, sizeof search_path, "%s", path ? path : "/usr/bin:/bin");
    return make_directory(state);
}

#endif
