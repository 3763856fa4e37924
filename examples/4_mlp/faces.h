/* The faces of examples 4.7 and 4.10: Tom Mitchell's CMU Face Images (archive.ics.uci.edu, CC BY 4.0), those of 32 x 30
 * pixels: 20 people, each looking left, right, straight and up, with four expressions, with and without sunglasses. Files
 * are called person_pose_expression_eyes_4.pgm. */
#ifndef FACES_H
#define FACES_H
#include "nn/nn.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { FACE_HEIGHT = 30, FACE_WIDTH = 32, PIXELS = FACE_HEIGHT * FACE_WIDTH, POSES = 4, MOST_FACES = 1000 };
static const char *const poses[POSES] = { "left", "right", "straight", "up" };

typedef struct faces {
    nn_dataset data;           /* x [n,30,32] from 0 to 1, y the pose */
    ag_tensor person, glasses; /* i64 [n]: who it is; 1 with sunglasses */
} faces;

enum { NAME = 256 };

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The names of the files, sorted; how many */
static int list(const char *directory, char names[][NAME])
{
    DIR *d = opendir(directory);
    int n = 0;
    for (struct dirent *e; d && n < MOST_FACES && (e = readdir(d));) {
        size_t length = strlen(e->d_name);
        if (length > 6 && length < NAME && !strcmp(e->d_name + length - 6, "_4.pgm"))
            strcpy(names[n++], e->d_name);
    }
    if (d)
        closedir(d);
    qsort(names, (size_t)n, NAME, by_name);
    return n;
}

/* What the name of a file says; people are counted as they come, in the order of their names. */
static void label(const char *name, const char *before, int64_t *person, int64_t *pose, int64_t *glasses)
{
    size_t length = strcspn(name, "_");
    if (before && (strncmp(name, before, length) || before[length] != '_'))
        ++*person;
    for (*pose = 0; *pose < POSES - 1 && strncmp(name + length + 1, poses[*pose], strlen(poses[*pose]));)
        ++*pose;
    *glasses = strstr(name, "_sunglasses_") != NULL;
}

static faces faces_read(ag_tape *t, const char *directory)
{
    static char name[MOST_FACES][NAME], path[MOST_FACES][4 * NAME];
    const char *paths[MOST_FACES];
    static int64_t person[MOST_FACES], pose[MOST_FACES], glasses[MOST_FACES];
    int n = list(directory, name);
    int64_t who = 0;
    faces f = { 0 };
    if (n == 0)
        ag_fail(t, AG_EFILE, "%s: no files called person_pose_expression_eyes_4.pgm: the CMU Face Images", directory);
    for (int i = 0; i < n; i++) {
        snprintf(path[i], sizeof path[i], "%s/%.255s", directory, name[i]);
        paths[i] = path[i];
        label(name[i], i ? name[i - 1] : NULL, &who, &pose[i], &glasses[i]);
        person[i] = who;
    }
    if (n > 0) {
        ag_shape s = AG_SHAPE(n);
        size_t bytes = (size_t)n * sizeof *pose;
        f.data.x = nn_read_pgm(t, paths, (size_t)n);
        f.data.y = ag_buffer(ag_from(t, AG_I64, s, pose, bytes), "pose");
        f.person = ag_buffer(ag_from(t, AG_I64, s, person, bytes), "person");
        f.glasses = ag_buffer(ag_from(t, AG_I64, s, glasses, bytes), "glasses");
    }
    return f;
}

#endif
