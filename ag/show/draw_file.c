/* Pictures as files: Graphviz's program makes them of the digraph. */
#include "ag/show/pictures.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The format that a path asks for: "svg". NULL: none that is known. */
static const char *format_of(const char *path)
{
    static const char *const known[] = { "svg", "png", "pdf", "dot" };
    const char *end = strrchr(path, '.');
    for (size_t i = 0; end && i < sizeof known / sizeof *known; i++)
        if (!strcmp(end + 1, known[i]))
            return known[i];
    return NULL;
}

/* Runs dot on the file; its exit status, or -1 and errno. It says nothing itself. */
static int run_dot(const char *format, int from, const char *path)
{
    char type[] = "-Txxx", program[] = "dot", out[] = "-o", *name;
    posix_spawn_file_actions_t files;
    int status = -1;
    pid_t child, ended;
    memcpy(type + 2, format, 3);
    memcpy(&name, &path, sizeof name); /* which is not written */
    char *arguments[] = { program, type, out, name, NULL };
    errno = posix_spawn_file_actions_init(&files);
    if (errno)
        return -1;
    posix_spawn_file_actions_adddup2(&files, from, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    errno = posix_spawnp(&child, program, &files, NULL, arguments, environ);
    if (!errno) {
        do
            ended = waitpid(child, &status, 0);
        while (ended < 0 && errno == EINTR);
        if (ended == child)
            status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        else if (errno == ECHILD) /* the program ignores its children: how this one ended is not known */
            status = 0;
    }
    posix_spawn_file_actions_destroy(&files);
    return status;
}

static ag_status convert(const ag_look *g, const char *format, const char *path)
{
    if (fflush(g->to) || fseek(g->to, 0, SEEK_SET))
        return ag_fail(g->t, AG_EFILE, "%s: cannot write a temporary file: %s", g->who, strerror(errno));
    const int status = run_dot(format, fileno(g->to), path);
    if (status < 0 || status == 127)
        return ag_fail(g->t, AG_EFILE,
                       "%s: cannot run Graphviz's dot (package graphviz), which makes %s of digraphs: %s", g->who,
                       format, strerror(status == 127 ? ENOENT : errno));
    if (status)
        return ag_look_unwritable(g->t, g->who, path, "Graphviz's dot could not write it");
    return AG_OK;
}

ag_status ag_draw_file(ag_tensor y, const char *path)
{
    ag_look g;
    ag_tape *t = y.tape;
    if (!t || t->error.status)
        return ag_look_refused(y);
    if (!ag_ok(y) || !path) { /* what is wrong with y is found out as where a file is given */
        if (ag_look_begin(&g, y, NULL, "ag_draw_file"))
            ag_look_end(&g);
        return ag_look_refused(y);
    }
    const char *format = format_of(path);
    if (!format)
        return ag_fail(t, AG_EARG, "ag_draw_file: %s ends in none of .svg, .png, .pdf and .dot", path);
    const bool dot = !strcmp(format, "dot");
    FILE *to = dot ? fopen(path, "w") : tmpfile();
    if (!to)
        return ag_look_unwritable(t, "ag_draw_file", dot ? path : "a temporary file", strerror(errno));
    if (ag_look_begin(&g, y, to, "ag_draw_file")) {
        if (!ag_draw_look(&g) && !dot)
            convert(&g, format, path);
        ag_look_end(&g);
    }
    if (fclose(to) && !t->error.status)
        ag_look_unwritable(t, "ag_draw_file", path, strerror(errno));
    return t->error.status;
}
