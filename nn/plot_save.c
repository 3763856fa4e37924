/* A picture in its file: the script is written, gnuplot draws beside the picture, which is then replaced. */
#include "nn/plot_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char who[] = "nn_plot_save";

static bool failed(ag_tape *t, const char *path, int error)
{
    ag_fail(t, error == ENOMEM ? AG_ENOMEM : AG_EFILE, "%s: %s: %s", who, path, strerror(error));
    return false;
}

/* ---- gnuplot */

typedef struct complaint { /* what gnuplot said: its first lines */
    char text[512];
    size_t length;
} complaint;

static void listen_to(int from, complaint *c)
{
    char piece[512];
    for (;;) {
        ssize_t count = read(from, piece, sizeof piece);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        size_t room = sizeof c->text - 1 - c->length, taken = (size_t)count < room ? (size_t)count : room;
        memcpy(c->text + c->length, piece, taken);
        c->length += taken;
    }
    c->text[c->length] = 0;
    for (char *at = c->text; *at; at++) /* one line: an error is one */
        if (*at == '\n')
            *at = ' ';
}

/* Starts gnuplot, whose messages go to the pipe. 0, or why not. */
static int start(pid_t *child, char *const *arguments, const int *said)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, said[1], STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, said[1], STDERR_FILENO);
    if (!error)
        error = posix_spawnp(child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Where children are not waited for, as with SIGCHLD ignored, what was drawn says how it went. */
static bool ended_well(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno == ECHILD;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool run(ag_tape *t, char *const *arguments, const char *script)
{
    int said[2];
    pid_t child;
    complaint c = { .length = 0 };
    if (pipe(said))
        return failed(t, "a pipe to gnuplot", errno);
    fcntl(said[0], F_SETFD, FD_CLOEXEC);
    fcntl(said[1], F_SETFD, FD_CLOEXEC);
    int error = start(&child, arguments, said);
    close(said[1]);
    if (!error)
        listen_to(said[0], &c);
    close(said[0]);
    if (error == ENOENT)
        ag_fail(t, AG_EFILE, "%s: `gnuplot` is not installed (package gnuplot-nox); what it would draw is in %s", who,
                script);
    else if (error)
        failed(t, "gnuplot", error);
    else if (!ended_well(child))
        ag_fail(t, AG_EFILE, "%s: gnuplot failed on %s: %s", who, script, c.text);
    return !ag_error(t);
}

/* ---- files */

/* A name that gnuplot takes for nothing else: "|x", "<x" would be commands, "-x" an option, "~x" a home. */
static bool name_file(ag_tape *t, nn_memory *m, const char *path)
{
    const char *here = strchr("|<-~", *path) ? "./" : "";
    m->size = 0;
    return nn_memory_add(t, m, here, strlen(here)) && nn_memory_add(t, m, path, strlen(path) + 1);
}

static bool is_empty(const nn_atomic_file *o)
{
    struct stat is;
    return fstat(o->file, &is) || is.st_size == 0;
}

static bool draw(ag_tape *t, const char *script, const char *path)
{
    nn_atomic_file o;
    nn_memory from = { 0 }, to = { 0 };
    bool good = nn_atomic_open(&o, t, who, path) && name_file(t, &from, script) &&
                name_file(t, &to, (const char *)o.temporary.at);
    if (good) {
        char *const arguments[] = { "gnuplot", "-d", "-c", (char *)from.at, (char *)to.at, NULL };
        good = run(t, arguments, script);
    }
    if (good && is_empty(&o)) {
        ag_fail(t, AG_EFILE, "%s: gnuplot drew nothing from %s", who, script);
        good = false;
    }
    good = good && nn_atomic_commit(&o);
    nn_atomic_close(&o);
    nn_memory_free(&from);
    nn_memory_free(&to);
    return good;
}

static bool is_picture(ag_tape *t, const char *path)
{
    const char *name = strrchr(path, '/'), *ending = strrchr(name ? name : path, '.');
    if (ending && (!strcmp(ending, ".png") || !strcmp(ending, ".svg")))
        return true;
    ag_fail(t, AG_EARG, "%s: %s: a picture's path ends in .png or .svg", who, path);
    return false;
}

ag_status nn_plot_save(nn_plot *p, const char *path)
{
    if (!nn_plot_usable(p))
        return nn_plot_status(p);
    ag_tape *t = p->t;
    if (!path)
        return ag_fail(t, AG_ENULL, "%s: the path is NULL", who);
    if (!is_picture(t, path))
        return ag_error(t);
    if (!p->first)
        return ag_fail(t, AG_EUSE, "%s: %s: the picture has no panel", who, path);
    nn_output s = { .t = t };
    nn_memory script = { 0 };
    if (nn_memory_add(t, &script, path, strlen(path)) && nn_memory_add(t, &script, ".gp", 4) &&
        nn_plot_script(p, &s, path) && nn_make_directories(t, who, path) && nn_output_save(&s, (const char *)script.at))
        draw(t, (const char *)script.at, path);
    nn_memory_free(&s.text);
    nn_memory_free(&script);
    return ag_error(t);
}
