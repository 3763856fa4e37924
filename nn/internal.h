/* What the files of nn/ share: a module's registry and reading files. */
#ifndef NN_INTERNAL_H
#define NN_INTERNAL_H

#include "nn/nn.h"
#include <locale.h>
#include <sys/stat.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

enum { NN_NAME = 128, NN_DEPTH = 32, NN_PATH = NN_NAME * NN_DEPTH }; /* a name with its end; nested modules; a path */

/* ---- module.c */

typedef struct nn_entry {
    struct nn_entry *next;
    nn_module *child; /* NULL: a tensor */
    ag_tensor tensor;
    bool param;
    char name[NN_NAME];
} nn_entry;

struct nn_registry {
    nn_entry *first, *last;
    ag_tensor *params; /* what nn_params returned last */
    size_t param_count;
    size_t built_from; /* tensors below the module when it did; entries are never removed */
    bool paused;       /* it is in training, but for a while in use: see plot_plane.c */
    char name[];
};

nn_entry *nn_entry_called(const nn_module *m, const char *name, size_t length);      /* m's own; NULL: there is none */
nn_module *nn_new(ag_tape *t, size_t bytes, const char *name, nn_function *forward); /* NULL on failure */
bool nn_usable(const nn_module *m, ag_tape *t, const char *who); /* false: reported where possible */
ag_tensor nn_param_as(nn_module *m, ag_tensor value, const ag_axes *order,
                      const char *name); /* order NULL: row-major */
void nn_discard(nn_module *m); /* releases the tensors of a module whose construction failed; NULL is ignored */
/* What surrounds a call of m on x: a name scope, and the mode of the first time where a checkpoint runs again. */
typedef struct nn_call {
    bool now, then; /* training mode */
} nn_call;
bool nn_begin(nn_module *m, ag_tensor x, const char *who, nn_call *c); /* m is usable; false: reported, or x is inert */
void nn_end(nn_module *m, nn_call c);
/* Visits every parameter and buffer of m and below, in order, with its path. False: a visit said so, or it is nested
 * too deep (AG_ELIMIT). */
typedef bool nn_visit(void *user, const nn_entry *e, const char *path);
bool nn_walk(nn_module *m, nn_visit *visit, void *user);

static inline ag_tensor nn_inert(ag_tape *t)
{
    ag_tensor x = { t, 0, 0 };
    return x;
}

/* ---- layers.c */

/* Makes a child of a module that was just made, of which nothing remains where that fails. NULL, which may be given: that
 * was reported. */
nn_module *nn_append(nn_module *m, nn_module *made, const char *name);
bool nn_activation_known(ag_tape *t, int kind, const char *who); /* false: reported */
ag_tensor nn_activate(int kind, ag_tensor x);                    /* of a known kind */
ag_tensor nn_drop(const nn_module *m, ag_tensor x, double p);    /* ag_dropout in m's training mode, else x */
bool nn_is_probability(ag_tape *t, double p, const char *who);   /* false: reported */
/* A weight [out,in] of products, uniform within `bound` of 0, stored for them (strides (1, out)). */
ag_tensor nn_add_weight(nn_module *m, int64_t out, int64_t in, double bound, const char *name);

/* ---- reader.c */

/* Growing memory of the tape for what a file holds: given back by nn_memory_free, whatever happened. */
typedef struct nn_memory {
    ag_tape *t; /* NULL: nothing yet */
    unsigned char *at;
    size_t size, capacity;
} nn_memory;
bool nn_memory_grow(ag_tape *t, nn_memory *m, size_t capacity); /* false: AG_ENOMEM */
bool nn_memory_add(ag_tape *t, nn_memory *m, const void *bytes, size_t count);
void nn_memory_free(nn_memory *m);

/* A file being read: as it is, or what it holds gzipped. */
typedef struct nn_reader {
    ag_tape *t;
    const char *who, *path;
    bool plain; /* never gzipped, whatever it begins with */
    struct nn_source *source;
} nn_reader;
bool nn_reader_open(nn_reader *r); /* all fields but the last are set; false: reported */
void nn_reader_close(nn_reader *r);
/* Up to `count` bytes, fewer only at the end of the file; -1: reported. */
int64_t nn_reader_read(nn_reader *r, void *to, size_t count);
/* How many bytes follow; -1: the file is gzipped, so only reading tells. */
int64_t nn_reader_rest(const nn_reader *r);
bool nn_reader_fail(const nn_reader *r, const char *format, ...) AG_PRINTF(2, 3); /* AG_EFILE with the path; false */

/* A buffer with the elements in `m`, which it copies. */
ag_tensor nn_make_buffer(ag_tape *t, ag_dtype d, ag_shape s, const nn_memory *m, const char *name);

/* ---- fields.c */

enum { NN_CHUNK = 1 << 14, NN_FIELD = 4096 }; /* NN_FIELD: with its end */
typedef struct nn_fields {                    /* of a table being read, row by row */
    nn_reader r;
    int separator;
    int64_t line;          /* being read, from 1 */
    int64_t row_line;      /* where the row began */
    nn_memory text, start; /* of the row's fields, each with its end; size_t: where each begins */
    size_t at, have;       /* in the chunk */
    unsigned char chunk[NN_CHUNK];
    char field[NN_FIELD];
    size_t length;
    bool quoted; /* the field */
} nn_fields;
bool nn_fields_open(nn_fields *f, ag_tape *t, const char *who, const char *path, char separator); /* false: reported */
void nn_fields_close(nn_fields *f);
/* Reads the next line that is not empty: how many fields it has; 0 at the end of the file, -1: reported. */
int64_t nn_fields_row(nn_fields *f);
const char *nn_fields_at(const nn_fields *f, int64_t column); /* of the row, from 1 */

/* ---- labels.c */

/* Labels and their numbers, in order of first appearance. */
typedef struct nn_labels {
    nn_memory text;  /* the labels, each with its end */
    nn_memory start; /* size_t: where in text each begins */
    nn_memory slots; /* uint32_t: a hash table of numbers + 1; its size is a power of two */
    size_t count;
    bool words; /* some label is no whole number >= 0: for the reader to say */
} nn_labels;
/* The number of a label, which is added if it is new; -1: AG_ENOMEM or AG_ELIMIT */
int64_t nn_labels_add(ag_tape *t, nn_labels *l, const char *label, const char *who);
int64_t nn_labels_find(const nn_labels *l, const char *label); /* -1: unknown */
const char *nn_labels_at(const nn_labels *l, size_t number);
bool nn_labels_export(ag_tape *t, const nn_labels *l, nn_classes *to); /* to memory of the tape */
void nn_labels_free(nn_labels *l);

/* ---- atomic_file.c */

/* A file that replaces another as a whole: written beside it, then renamed. Functions return false: reported. */
typedef struct nn_atomic_file {
    ag_tape *t;
    const char *who, *path;
    nn_memory target, directory; /* paths: of the file, behind all links; of where it is, with a slash */
    nn_memory temporary;         /* of what will replace it */
    struct stat old;             /* of the target */
    bool replaces;               /* there is an old one */
    int file;                    /* the temporary one; -1: closed */
} nn_atomic_file;
bool nn_atomic_open(nn_atomic_file *o, ag_tape *t, const char *who, const char *path);
bool nn_atomic_write(nn_atomic_file *o, const void *bytes, size_t count);
bool nn_atomic_commit(nn_atomic_file *o);
bool nn_make_directories(ag_tape *t, const char *who,
                         const char *path); /* all that the path names before its last part */
void nn_atomic_close(nn_atomic_file *o);    /* always; without a commit the temporary file is removed */

/* ---- output.c */

/* Text that is made in memory; after a failure, which was reported, nothing is added. */
typedef struct nn_output {
    ag_tape *t;
    const char *who;
    nn_memory text; /* for its owner to give back */
    bool failed;
    locale_t c, before;
} nn_output;
/* From the one to the other, which must follow, numbers have a point, whatever the program's locale. False: reported. */
bool nn_output_begin(nn_output *o, ag_tape *t, const char *who);
void nn_output_end(nn_output *o);
void nn_put(nn_output *o, const char *text, size_t length);
void nn_print(nn_output *o, const char *format, ...) AG_PRINTF(2, 3); /* up to 2047 bytes */
bool nn_output_save(const nn_output *o, const char *path);            /* false: reported, now or before */

/* ---- json.c */

/* Text with a NUL at its end, read from left to right. Strings are unescaped where they stand. */
typedef struct nn_json {
    char *at;
} nn_json;
char nn_json_peek(nn_json *j);                  /* the next character that is no white space; NUL: the end */
bool nn_json_take(nn_json *j, char c);          /* goes past it if it is c */
const char *nn_json_string(nn_json *j);         /* UTF-8; NULL: there is none, or it is malformed */
bool nn_json_size(nn_json *j, uint64_t *to);    /* a whole number from 0 to 2^63 - 1; false: there is none */
int nn_utf8_length(const char *text);           /* of the sequence at text, 0 if it is none (Unicode 15, table 3-7) */
const char *nn_what_is_wrong(const char *name); /* as a name of up to 127 bytes; NULL: nothing */

/* ---- safetensors_header.c: what a safetensors file says of its data */

enum { NN_HEADER_LIMIT = 100000000 }; /* bytes, as in the format's reference implementation */

typedef struct nn_stored { /* one tensor in a file */
    const char *name;      /* in the text of the header, or of the module */
    ag_dtype dtype;
    ag_shape shape;
    uint64_t begin, end; /* its bytes, counted from the end of the header */
    ag_tensor tensor;    /* the module's of this name */
    unsigned char *data; /* while loading: what the file holds */
} nn_stored;

typedef struct nn_table {
    nn_memory memory; /* nn_stored */
    size_t count;
} nn_table;
static inline nn_stored *nn_table_at(const nn_table *t, size_t i)
{
    return (nn_stored *)(void *)t->memory.at + i;
}
void nn_table_sort(nn_table *t, int (*order)(const nn_stored *, const nn_stored *));
void nn_table_free(nn_table *t);
/* The header of the table's tensors, padded, with its length before it. */
bool nn_header_print(ag_tape *t, const nn_table *table, nn_memory *text, const char *who);
/* Reads a header (its end is a NUL byte), in which the names stay, and checks all of it against the number of data
 * bytes. Sorted by position. */
bool nn_header_parse(const nn_reader *r, nn_memory *text, uint64_t data_bytes, nn_table *table);

/* ---- progress.c */

double nn_seconds(void); /* of a clock that never goes back */

#endif
