/* Files that appear whole or not at all. */
#include "nn/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(const nn_atomic_file *o, const char *what)
{
    ag_fail(o->t, AG_EFILE, "%s: %s: %s: %s", o->who, o->path, what, strerror(errno));
    return false;
}

/* Renaming replaces whatever is there, so that must be an ordinary file: not a device, not a directory. */
static bool check_target(const nn_atomic_file *o)
{
    struct stat s;
    if (stat(o->path, &s))
        return errno == ENOENT || failed(o, "cannot be looked at");
    if (S_ISREG(s.st_mode))
        return true;
    ag_fail(o->t, AG_EFILE, "%s: %s is no regular file", o->who, o->path);
    return false;
}

static bool set_directory(nn_atomic_file *o)
{
    const char *slash = strrchr(o->path, '/');
    size_t length = slash ? (size_t)(slash - o->path) + 1 : 0;
    return nn_memory_add(o->t, &o->directory, length ? o->path : "./", length ? length : 2) &&
           nn_memory_add(o->t, &o->directory, "", 1);
}

/* A name that no file has; one may have been left behind by a process that was killed. */
static bool create(nn_atomic_file *o)
{
    enum { ATTEMPTS = 1000 };
    size_t room = o->directory.size + 64;
    if (!nn_memory_grow(o->t, &o->temporary, room))
        return false;
    for (int i = 0; i < ATTEMPTS && o->file < 0; i++) {
        snprintf((char *)o->temporary.at, room, "%s.safetensors-%ld-%d", (const char *)o->directory.at, (long)getpid(),
                 i);
        o->file = open((const char *)o->temporary.at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (o->file < 0 && errno != EEXIST)
            break;
    }
    return o->file >= 0 || failed(o, "no file can be made in its directory");
}

bool nn_atomic_open(nn_atomic_file *o, ag_tape *t, const char *who, const char *path)
{
    *o = (nn_atomic_file){ .t = t, .who = who, .path = path, .file = -1 };
    return check_target(o) && set_directory(o) && create(o);
}

bool nn_atomic_write(nn_atomic_file *o, const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count) {
        ssize_t written = write(o->file, at, count < 1u << 30 ? count : 1u << 30);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return failed(o, "cannot be written");
        at += written;
        count -= (size_t)written;
    }
    return true;
}

/* Without it the renaming might not survive a loss of power. Where directories cannot be opened or synced, nothing is
 * lost that the file system promises. */
static void sync_directory(const nn_atomic_file *o)
{
    int directory = open((const char *)o->directory.at, O_RDONLY | O_CLOEXEC);
    if (directory < 0)
        return;
    fsync(directory);
    close(directory);
}

bool nn_atomic_commit(nn_atomic_file *o)
{
    if (fsync(o->file))
        return failed(o, "cannot be written to its disk");
    int closed = close(o->file);
    o->file = -1;
    if (closed || rename((const char *)o->temporary.at, o->path)) {
        failed(o, "cannot be put in its place");
        unlink((const char *)o->temporary.at);
        return false;
    }
    sync_directory(o);
    return true;
}

void nn_atomic_close(nn_atomic_file *o)
{
    if (o->file >= 0) {
        close(o->file);
        unlink((const char *)o->temporary.at);
    }
    o->file = -1;
    nn_memory_free(&o->temporary);
    nn_memory_free(&o->directory);
}
