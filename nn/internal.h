/* What the files of nn/ share: a module's registry and reading files. */
#ifndef NN_INTERNAL_H
#define NN_INTERNAL_H

#include "nn/nn.h"

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
    char name[];
};

nn_module *nn_new(ag_tape *t, size_t bytes, const char *name, nn_function *forward); /* NULL on failure */
bool nn_usable(const nn_module *m, ag_tape *t, const char *who); /* false: reported where possible */
ag_tensor nn_param_as(nn_module *m, ag_tensor value, const ag_axes *order,
                      const char *name); /* order NULL: row-major */
void nn_discard(nn_module *m); /* releases the tensors of a module whose construction failed; NULL is ignored */
/* Visits every parameter and buffer of m and below, in order, with its path. False: a visit said so, or it is nested
 * too deep (AG_ELIMIT). */
typedef bool nn_visit(void *user, const nn_entry *e, const char *path);
bool nn_walk(nn_module *m, nn_visit *visit, void *user);

static inline ag_tensor nn_inert(ag_tape *t)
{
    ag_tensor x = { t, 0, 0 };
    return x;
}

/* ---- reader.c */

/* Growing memory for what a file holds: released by nn_memory_free, whatever happened. */
typedef struct nn_memory {
    unsigned char *at;
    size_t size, capacity;
} nn_memory;
bool nn_memory_grow(ag_tape *t, nn_memory *m, size_t capacity, const char *who); /* false: AG_ENOMEM */
bool nn_memory_add(ag_tape *t, nn_memory *m, const void *bytes, size_t count, const char *who);
void nn_memory_free(nn_memory *m);

/* A plain or gzipped file being read. */
typedef struct nn_reader {
    ag_tape *t;
    const char *who, *path;
    void *file;
} nn_reader;
bool nn_reader_open(nn_reader *r, ag_tape *t, const char *who, const char *path); /* false: reported */
void nn_reader_close(nn_reader *r);
/* Up to `count` bytes, fewer only at the end of the file; -1: reported. */
int64_t nn_reader_read(nn_reader *r, void *to, size_t count);
bool nn_reader_fail(const nn_reader *r, const char *format, ...) AG_PRINTF(2, 3); /* AG_EFILE with the path; false */

/* A buffer with the elements in `m`, which it copies. */
ag_tensor nn_make_buffer(ag_tape *t, ag_dtype d, ag_shape s, const nn_memory *m, const char *name);

/* ---- labels.c */

/* Labels and their numbers, in order of first appearance. */
typedef struct nn_labels {
    nn_memory text;  /* the labels, each with its end */
    nn_memory start; /* size_t: where in text each begins */
    nn_memory slots; /* uint32_t: a hash table of numbers + 1; its size is a power of two */
    size_t count;
    bool words; /* some label is no whole number >= 0 */
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
    nn_memory temporary, directory; /* paths */
    int file;                       /* -1: closed */
} nn_atomic_file;
bool nn_atomic_open(nn_atomic_file *o, ag_tape *t, const char *who, const char *path);
bool nn_atomic_write(nn_atomic_file *o, const void *bytes, size_t count);
bool nn_atomic_commit(nn_atomic_file *o);
void nn_atomic_close(nn_atomic_file *o); /* always; without a commit the temporary file is removed */

/* ---- safetensors_header.c: what a safetensors file says of its data */

enum { NN_HEADER_LIMIT = 100000000 }; /* bytes, as in the format's reference implementation */

typedef struct nn_stored { /* one tensor in a file */
    const char *name;
    ag_dtype dtype;
    ag_shape shape;
    uint64_t begin, end; /* its bytes, counted from the end of the header */
    ag_tensor tensor;    /* the module's of this name */
    unsigned char *data; /* while loading: what the file holds */
} nn_stored;

typedef struct nn_table {
    nn_memory memory; /* nn_stored */
    size_t count;
    void *json; /* the parsed header, which owns the names */
} nn_table;
static inline nn_stored *nn_table_at(const nn_table *t, size_t i)
{
    return (nn_stored *)(void *)t->memory.at + i;
}
/* The header of the table's tensors, padded, with its length before it. */
bool nn_header_print(ag_tape *t, const nn_table *table, nn_memory *text, const char *who);
/* Reads a header (its end is a NUL byte) and checks all of it against the number of data bytes. Sorted by position. */
bool nn_header_parse(const nn_reader *r, const nn_memory *text, uint64_t data_bytes, nn_table *table);
void nn_table_free(nn_table *t);

#endif
