/* Pictures for the examples. A script with its data goes to out/NAME.gnuplot, the picture to out/NAME.png; the script
 * can be changed and run again.
 *
 *     FILE *p = plot_begin("name", 800, 600);
 *     plot_points(p, "curve", x, y, count);
 *     plot_print(p, "plot $curve with lines\n");
 *     bool drawn = plot_end(p, "name");
 *
 * A machine without gnuplot gets a message in place of the picture, and the example goes on. This header comes first in
 * a file: popen and mkdir are POSIX's, not C's. */
#ifndef EXAMPLES_PLOT_H
#define EXAMPLES_PLOT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Colours that remain distinct for colour-blind eyes and on a projector; also those of the line styles 1 to 4 */
#define PLOT_BLUE "'#0072B2'"
#define PLOT_RED "'#D55E00'"
#define PLOT_GREEN "'#009E73'"
#define PLOT_BLACK "'#202020'"

static inline bool plot_directory(void)
{
    if (mkdir("out", 0777) && errno != EEXIST) {
        fprintf(stderr, "out/: %s\n", strerror(errno));
        return false;
    }
    return true;
}

/* Runs a command that makes out/NAME.png. True if it has, and also where the program is not installed. */
static inline bool plot_run(const char *command, const char *package, const char *name)
{
    char line[512], said[2048] = "";
    FILE *p = popen(command, "r");
    if (!p) {
        fprintf(stderr, "%s: %s\n", command, strerror(errno));
        return false;
    }
    while (fgets(line, sizeof line, p))
        strncat(said, line, sizeof said - strlen(said) - 1);
    int status = pclose(p);
    if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        printf("no picture: `%.*s` is not installed (package %s)\n", (int)strcspn(command, " "), command, package);
        return true;
    }
    if (status) {
        fprintf(stderr, "`%s` failed:\n%s", command, said);
        return false;
    }
    printf("picture: out/%s.png\n", name);
    return true;
}

static inline FILE *plot_begin(const char *name, int width, int height)
{
    char path[128];
    snprintf(path, sizeof path, "out/%s.gnuplot", name);
    FILE *p = plot_directory() ? fopen(path, "w") : NULL;
    if (!p)
        return NULL;
    fprintf(p,
            "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
            "    set terminal pngcairo size %d,%d font 'sans,15' linewidth 1.3\n"
            "} else {\n"
            "    set terminal png size %d,%d font 'sans,15' linewidth 2\n"
            "}\n",
            width, height, width, height);
    fprintf(p, "set output 'out/%s.png'\n", name);
    fprintf(p, "set border linecolor '#606060'\nset tics textcolor " PLOT_BLACK
               " nomirror\nset grid linetype 1 linecolor '#d8d8d8' linewidth 0.7\n"
               "set style line 1 pointtype 7 pointsize 0.5 linewidth 2.5 linecolor " PLOT_BLUE "\n"
               "set style line 2 pointtype 7 pointsize 0.5 linewidth 2.5 linecolor " PLOT_RED "\n"
               "set style line 3 pointtype 7 pointsize 0.5 linewidth 2.5 linecolor " PLOT_GREEN "\n"
               "set style line 4 pointtype 7 pointsize 0.5 linewidth 2.5 linecolor " PLOT_BLACK "\n");
    return p;
}

/* The functions between accept NULL, what a failed plot_begin returned. */
static inline void plot_print(FILE *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void plot_print(FILE *p, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (p)
        vfprintf(p, format, arguments);
    va_end(arguments);
}

/* A data block $NAME of two columns; x NULL: 0, 1, 2 ... */
static inline void plot_points(FILE *p, const char *name, const double *x, const double *y, size_t count)
{
    plot_print(p, "$%s << END\n", name);
    for (size_t i = 0; i < count; i++)
        plot_print(p, "%.9g %.9g\n", x ? x[i] : (double)i, y[i]);
    plot_print(p, "END\n");
}

/* A data block of those of the points xy[count][2] whose label is the given one */
static inline void plot_class(FILE *p, const char *name, const double *xy, const double *labels, double label,
                              size_t count)
{
    plot_print(p, "$%s << END\n", name);
    for (size_t i = 0; xy && labels && i < count; i++)
        if (labels[i] == label)
            plot_print(p, "%.6g %.6g\n", xy[2 * i], xy[2 * i + 1]);
    plot_print(p, "END\n");
}

static inline bool plot_end(FILE *p, const char *name)
{
    char command[256];
    bool written = p && !ferror(p);
    if (p && fclose(p))
        written = false;
    if (!written) {
        fprintf(stderr, "out/%s.gnuplot: cannot write: %s\n", name, strerror(errno));
        return false;
    }
    snprintf(command, sizeof command, "gnuplot out/%s.gnuplot 2>&1", name);
    return plot_run(command, "gnuplot-nox", name);
}

#endif
