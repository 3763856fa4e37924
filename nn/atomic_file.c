/* Files that appear whole or not at all. */
#include "nn/internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Temporary files are called so, with 16 hexadecimal digits behind it. Whoever writes one holds a lock on it, which
 * ends with the process: one that nobody locks was left behind by a process that was killed. */
static const char prefix[] = ".ag-save-";
enum { DIGITS = 16 };

static bool failed(const nn_atomic_file *o, const char *what)
{
    ag_fail(o->t, AG_EFILE, "%s: %s: %s: %s", o->who, o->path, what, strerror(errno));
    return false;
}

/* ---- where the file is */

static const char *text(const nn_memory *m)
{
    return (const char *)m->at;
}

static bool set_target(nn_atomic_file *o, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 2;
    o->target.size = o->directory.size = 0;
    return nn_memory_add(o->t, &o->target, path, strlen(path) + 1) &&
           nn_memory_add(o->t, &o->directory, slash ? path : "./", length) && nn_memory_add(o->t, &o->directory, "", 1);
}

/* From a link to where it leads: seen from the link's directory, unless it says all from the root on. */
static bool follow_link(nn_atomic_file *o)
{
    char link[4096], whole[2 * 4096];
    ssize_t length = readlink(text(&o->target), link, sizeof link);
    if (length < 0 || (size_t)length == sizeof link) {
        errno = length < 0 ? errno : ENAMETOOLONG;
        return failed(o, "the link cannot be read");
    }
    snprintf(whole, sizeof whole, "%s%.*s", length && link[0] == '/' ? "" : text(&o->directory), (int)length, link);
    return set_target(o, whole);
}

/* Renaming replaces whatever is there, so that must be an ordinary file that may be written: no device, no directory,
 * and what a link leads to rather than the link. */
static bool find_target(nn_atomic_file *o)
{
    enum { LINKS = 40 };
    if (!set_target(o, o->path))
        return false;
    for (int i = 0; i < LINKS; i++) {
        if (lstat(text(&o->target), &o->old))
            return (errno == ENOENT && *o->path) || failed(o, "cannot be looked at");
        if (S_ISLNK(o->old.st_mode)) {
            if (!follow_link(o))
                return false;
            continue;
        }
        o->replaces = true;
        if (S_ISREG(o->old.st_mode))
            return !faccessat(AT_FDCWD, text(&o->target), W_OK, AT_EACCESS) || failed(o, "may not be written");
        ag_fail(o->t, AG_EFILE, "%s: %s is no regular file", o->who, o->path);
        return false;
    }
    errno = ELOOP;
    return failed(o, "cannot be looked at");
}

bool nn_make_directories(ag_tape *t, const char *who, const char *path)
{
    nn_memory m = { 0 };
    bool good = nn_memory_add(t, &m, path, strlen(path) + 1);
    for (char *at = good && *path ? strchr((char *)m.at + 1, '/') : NULL; at && good; at = strchr(at + 1, '/')) {
        *at = 0;
        struct stat is;
        good = !mkdir(text(&m), 0777) || errno == EEXIST || !stat(text(&m), &is);
        if (!good)
            ag_fail(t, AG_EFILE, "%s: %s: %s", who, text(&m), strerror(errno));
        *at = '/';
    }
    nn_memory_free(&m);
    return good;
}

/* ---- temporary files */

static uint64_t random_bits(void)
{
    uint64_t bits;
    struct timespec now = { 0 };
    if (!getentropy(&bits, sizeof bits))
        return bits;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)getpid() << 16;
}

/* Between the making of a file and its lock another process may take it for one that was left behind. False: it did. */
static bool lock(int file)
{
    struct stat s;
    if (flock(file, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return false;
    return fstat(file, &s) || s.st_nlink > 0;
}

/* The temporary file, beside the target. What will replace a file is for nobody else before it has that one's mode. */
static bool create(nn_atomic_file *o)
{
    enum { ATTEMPTS = 100 };
    size_t room = o->directory.size + sizeof prefix + DIGITS;
    if (!nn_memory_grow(o->t, &o->temporary, room))
        return false;
    for (int i = 0; i < ATTEMPTS; i++) {
        snprintf((char *)o->temporary.at, room, "%s%s%016llx", text(&o->directory), prefix,
                 (unsigned long long)random_bits());
        o->file = open(text(&o->temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, o->replaces ? 0600 : 0666);
        if (o->file < 0 && errno != EEXIST)
            break;
        if (o->file >= 0 && lock(o->file))
            return true;
        if (o->file >= 0)
            close(o->file);
        o->file = -1;
        errno = EEXIST;
    }
    ag_fail(o->t, AG_EFILE, "%s: %s: no file can be made in its directory %s: %s", o->who, o->path, text(&o->directory),
            strerror(errno));
    return false;
}

static bool is_temporary(const char *name)
{
    size_t length = strlen(prefix);
    return !strncmp(name, prefix, length) && strlen(name) == length + DIGITS &&
           strspn(name + length, "0123456789abcdef") == DIGITS;
}

/* Removes a temporary file of this user's that nobody is writing any more. */
static void remove_stale(int directory, const char *name)
{
    struct stat opened, named;
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0)
        return;
    if (!fstat(file, &opened) && S_ISREG(opened.st_mode) && opened.st_uid == geteuid() &&
        !flock(file, LOCK_EX | LOCK_NB) && !fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) &&
        named.st_ino == opened.st_ino && named.st_dev == opened.st_dev)
        unlinkat(directory, name, 0);
    close(file);
}

/* Where the directory cannot be read, they stay. */
static void remove_all_stale(const nn_atomic_file *o)
{
    const char *own = text(&o->temporary) + strlen(text(&o->directory));
    DIR *d = opendir(text(&o->directory));
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        if (is_temporary(e->d_name) && strcmp(e->d_name, own))
            remove_stale(dirfd(d), e->d_name);
    if (d)
        closedir(d);
}

/* ---- from opening to closing */

bool nn_atomic_open(nn_atomic_file *o, ag_tape *t, const char *who, const char *path)
{
    *o = (nn_atomic_file){ .t = t, .who = who, .path = path, .file = -1 };
    if (!find_target(o) || !create(o))
        return false;
    remove_all_stale(o);
    return true;
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

/* The owner, group and mode of the file that is replaced, as far as this user may give them. Where the group cannot be
 * kept, it has no more rights than everybody. */
static void keep_mode(const nn_atomic_file *o)
{
    mode_t mode = o->old.st_mode & 0777;
    if (!o->replaces)
        return;
    if (fchown(o->file, o->old.st_uid, o->old.st_gid) && fchown(o->file, (uid_t)-1, o->old.st_gid))
        mode &= 0707 | (mode & 07) << 3;
    if (fchmod(o->file, mode))
        return; /* it stays for this user alone */
}

/* Without it the renaming might not survive a loss of power. Where directories cannot be opened or synced, nothing is
 * lost that the file system promises. */
static void sync_directory(const nn_atomic_file *o)
{
    int directory = open(text(&o->directory), O_RDONLY | O_CLOEXEC);
    if (directory < 0)
        return;
    fsync(directory);
    close(directory);
}

bool nn_atomic_commit(nn_atomic_file *o)
{
    keep_mode(o);
    if (fsync(o->file))
        return failed(o, "cannot be written to its disk");
    if (rename(text(&o->temporary), text(&o->target)))
        return failed(o, "cannot be put in its place");
    close(o->file); /* only now, since with it the lock ends; that all is written, fsync has said */
    o->file = -1;
    sync_directory(o);
    return true;
}

void nn_atomic_close(nn_atomic_file *o)
{
    if (o->file >= 0) {
        unlink(text(&o->temporary));
        close(o->file);
    }
    o->file = -1;
    nn_memory_free(&o->temporary);
    nn_memory_free(&o->directory);
    nn_memory_free(&o->target);
}
