/* Data: read, taken in batches, compared with answers. A part of nn.h, which includes it. */
#ifndef NN_DATA_H
#define NN_DATA_H

/* ---- files of data: regular ones; while they are read, all memory comes from the tape and counts for its limit */

/* Samples along the first dimension of both; y may be absent, {0}. */
typedef struct nn_dataset {
    ag_tensor x, y; /* persistent */
} nn_dataset;

/* nn_read_idx - reads MNIST's file format (yann.lecun.com/exdb/mnist), plain or gzipped. y_path NULL: no labels.
 * Unsigned bytes stay AG_U8; signed bytes, shorts and ints become AG_I32; floats AG_F32; doubles AG_F64.
 * Errors: AG_EFILE if a file cannot be read, is shorter or longer than its header says, or the counts differ; both
 * tensors are inert then. The header is not believed: memory is taken for data that are there. */
AG_API nn_dataset nn_read_idx(ag_tape *t, const char *x_path, const char *y_path);

/* The names of classes, in the order of their indices; memory of the tape. */
typedef struct nn_classes {
    const char *const *name;
    int64_t count;
} nn_classes;

enum { NN_CSV_COLUMNS = 32 };
typedef struct nn_csv_config {
    char separator;              /* zero: ',' */
    bool no_header;              /* the first line is data */
    bool header;                 /* the first line names the columns, even if by numbers */
    bool no_label;               /* every column is a feature; y is absent */
    bool regression;             /* the label is a number: y is AG_FLOAT */
    int label_column;            /* counted from 1, negative from the end: -1 is the last; zero: the last */
    int columns[NN_CSV_COLUMNS]; /* the features, counted from 1, up to the first 0; none: all but the label */
    nn_classes *classes;         /* the names of the labels: used if there are any, else filled in; NULL: not wanted */
} nn_csv_config;
/* nn_read_csv - reads a table (RFC 4180, plain or gzipped) of numbers: x [rows, features] AG_FLOAT, y [rows].
 * Labels are classes, y i64: as they stand if all are whole numbers >= 0, else words, numbered in order of first
 * appearance or, for a second file, as `classes` of the first one has them; a fraction is neither. Empty lines are
 * skipped, and spaces around fields that are not quoted; numbers are those of strtod in the C locale, which reads "nan"
 * and "inf" too. Fields are at most 4095 bytes long. Errors: AG_EFILE with the line's number, also for a first line whose
 * features are all numbers where neither header nor no_header says what it is; AG_EARG for a configuration that makes no
 * sense. */
AG_API nn_dataset nn_read_csv(ag_tape *t, const char *path, nn_csv_config config);

/* nn_read_pgm - gray pictures of one size, x [count,height,width] AG_FLOAT, persistent, from netpbm's PGM files
 * (netpbm.sourceforge.net/doc/pgm.html), P2 and P5, plain or gzipped. Each is divided by the maximum that its file states:
 * 0 is black and 1 white. Errors: AG_EARG for no path; AG_EFILE, with the path, if a file is none, holds less or more
 * than its header says, a pixel above the maximum, or a picture of another size than the first. */
AG_API ag_tensor nn_read_pgm(ag_tape *t, const char *const *paths, size_t count);

/* ---- parts */

typedef struct nn_parts {
    nn_dataset train, test; /* persistent; y absent if the data's is */
} nn_parts;
typedef struct nn_split_config {
    uint64_t seed;    /* of the order in which samples are drawn, the same on every tape and machine */
    bool in_order;    /* they are not drawn: the first ones are for training, or the first fold */
    ag_tensor groups; /* integers, one for each sample: those of one group, as a person's, stay together; {0}: none */
} nn_split_config;
/* nn_split - copies of the samples, in the data's order: a fraction for training, rounded, as near to it as whole groups
 * allow, and the rest for testing. Errors: AG_EARG for a fraction that is not between 0 and 1, or where a part would be
 * empty; AG_ESHAPE for data of rank 0 or of different lengths; AG_EDTYPE for groups that are not integers. */
AG_API nn_parts nn_split(nn_dataset data, double fraction, nn_split_config config);
/* nn_kfold - the samples (or the groups) in `folds` parts, whose sizes differ by one at most: part `fold`, from 0, is for
 * testing, all others for training. Errors: as nn_split; AG_EARG for fewer than two folds, more than there are samples or
 * groups, or a fold that is not below them. */
AG_API nn_parts nn_kfold(nn_dataset data, int64_t folds, int64_t fold, nn_split_config config);

/* nn_standardize - a module that takes every feature to mean 0 and deviation 1 as the samples x[n,..], those for training,
 * have it: y = (x - mean) / deviation, with the buffers mean and deviation (the sum of squares divided by n), which are
 * saved with the weights. Where a feature of x is constant, its deviation counts as 1. What comes out is AG_FLOAT.
 * NULL on error: AG_ESHAPE for rank 0; AG_EARG for no sample. */
AG_API nn_module *nn_standardize(ag_tensor x);

/* ---- batches */

typedef struct nn_batches_config {
    int64_t size;   /* samples in a batch; the last one of an epoch may have fewer */
    double scale;   /* what x is multiplied by; zero: 1 */
    bool shuffle;   /* a new order each epoch, from the tape's random numbers */
    bool drop_last; /* no smaller batch at the end */
} nn_batches_config;
typedef struct nn_batches {
    ag_tensor x, y,
        index;            /* of this batch, transient; index: i64, which samples these are; y absent if the data's is */
    int64_t count, epoch; /* samples in this batch; epochs completed */
} nn_batches;
/* nn_batches_new - a source of batches, which lives on the data's tape. x of type AG_U8, AG_F32 or AG_F64 comes out as
 * AG_FLOAT times scale; other integers as they are. y keeps its type.
 * Errors: AG_EARG for a size below 1, a scale that is not finite or that does not apply; AG_EUSE for transient data;
 * AG_ESHAPE for data of rank 0 or of different lengths. */
AG_API nn_batches *nn_batches_new(nn_dataset data, nn_batches_config config);
/* nn_batches_next - fetches the next batch. False at the end of the epoch, when the next call starts another, and while
 * an error is pending, when nothing is skipped. Without a batch the tensors are inert and count is 0. */
AG_API bool nn_batches_next(nn_batches *b);

/* ---- right answers */

/* nn_correct - in how many rows of logits [n,c] the largest element (the first of equals) stands at the label, labels
 * [n] being integers. A row with a NaN is wrong. 0 on error: AG_ESHAPE, AG_EDTYPE, AG_EARG for a label outside
 * [0, c). */
AG_API int64_t nn_correct(ag_tensor logits, ag_tensor labels);
/* nn_accuracy - the part of the rows that are right, from 0 to 1; NaN on error, as nn_correct, and where there is none. */
AG_API double nn_accuracy(ag_tensor logits, ag_tensor labels);
/* nn_confusion_matrix - i64 [c,c], transient: how often rows of the label i have their largest element at j. A row with a
 * NaN counts nowhere. Errors: as nn_correct. */
AG_API ag_tensor nn_confusion_matrix(ag_tensor logits, ag_tensor labels);

#endif
