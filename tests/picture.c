/* picture FILE - reads a PNG (8 bits a channel, not interlaced) and prints its width and height, how many colours it
 * has and how many of its pixels do not have the commonest one. Status 1 if it is damaged. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct png {
    uint32_t width, height;
    int channels;
    unsigned char *data; /* compressed, then pixels */
    size_t bytes;
} png;

static void stop(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static uint32_t number(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void header(png *p, const unsigned char *b, uint32_t n)
{
    static const int channels[] = { 1, 0, 3, 1, 2, 0, 4 };
    if (n != 13 || b[8] != 8 || b[9] > 6 || !channels[b[9]] || b[12])
        stop("another kind of PNG");
    p->width = number(b);
    p->height = number(b + 4);
    p->channels = channels[b[9]];
}

/* Collects the data from the chunks, whose checksums must be right. */
static void chunks(png *p, FILE *file)
{
    static unsigned char head[8], body[1 << 20];
    if (fread(head, 1, 8, file) != 8 || memcmp(head, "\x89PNG\r\n\x1a\n", 8))
        stop("no PNG");
    while (fread(head, 1, 8, file) == 8) {
        uint32_t n = number(head);
        if (n > sizeof body - 4 || fread(body, 1, n + 4, file) != n + 4)
            stop("cut off");
        if (crc32(crc32(0, head + 4, 4), body, n) != number(body + n))
            stop("a wrong checksum");
        if (!memcmp(head + 4, "IHDR", 4))
            header(p, body, n);
        if (!memcmp(head + 4, "IEND", 4))
            return;
        if (memcmp(head + 4, "IDAT", 4))
            continue;
        p->data = realloc(p->data, p->bytes + n + 1);
        if (!p->data)
            stop("no memory");
        memcpy(p->data + p->bytes, body, n);
        p->bytes += n;
    }
    stop("no end");
}

static int paeth(int a, int b, int c)
{
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Undoes the filter of a line; above: the line before it, or zeros. */
static void unfilter(unsigned char *line, const unsigned char *above, size_t n, size_t step, int filter)
{
    for (size_t i = 0; i < n; i++) {
        int a = i < step ? 0 : line[i - step], b = above[i], c = i < step ? 0 : above[i - step];
        int add = filter == 1 ? a : filter == 2 ? b : filter == 3 ? (a + b) / 2 : filter == 4 ? paeth(a, b, c) : 0;
        line[i] = (unsigned char)(line[i] + add);
    }
}

static void decode(png *p)
{
    size_t row = (size_t)p->width * (size_t)p->channels;
    uLongf size = (uLongf)((row + 1) * p->height);
    unsigned char *raw = malloc(size + 1), *zeros = calloc(1, row + 1);
    if (!raw || !zeros || !row)
        stop("no memory, or no pixels");
    if (uncompress(raw, &size, p->data, (uLong)p->bytes) != Z_OK || size != (row + 1) * p->height)
        stop("damaged data");
    for (uint32_t y = 0; y < p->height; y++) {
        unsigned char *line = raw + y * (row + 1);
        if (line[0] > 4)
            stop("an unknown filter");
        unfilter(line + 1, y ? line - row : zeros, row, (size_t)p->channels, line[0]);
    }
    for (uint32_t y = 0; y < p->height; y++)
        memmove(raw + y * row, raw + y * (row + 1) + 1, row);
    free(zeros);
    free(p->data);
    p->data = raw;
}

static int by_value(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void count(const png *p)
{
    size_t pixels = (size_t)p->width * p->height, colours = 0, run = 0, commonest = 0;
    uint32_t *values = malloc(pixels * sizeof *values);
    if (!values)
        stop("no memory");
    for (size_t i = 0; i < pixels; i++) {
        values[i] = 0;
        for (int k = 0; k < p->channels; k++)
            values[i] = values[i] << 8 | p->data[i * (size_t)p->channels + (size_t)k];
    }
    qsort(values, pixels, sizeof *values, by_value);
    for (size_t i = 0; i < pixels; i++) {
        run = i && values[i] == values[i - 1] ? run + 1 : 1;
        colours += run == 1;
        commonest = run > commonest ? run : commonest;
    }
    free(values);
    printf("%u %u %zu %zu\n", p->width, p->height, colours, pixels - commonest);
}

int main(int argc, char **argv)
{
    png p = { 0 };
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!file)
        stop("no file");
    chunks(&p, file);
    fclose(file);
    if (!p.data)
        stop("no data");
    decode(&p);
    count(&p);
    free(p.data);
    return 0;
}
