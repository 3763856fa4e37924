/* What goes with training: penalties, snapshots, early stopping, and looking on. A part of nn.h, which includes it. */
#ifndef NN_TRAIN_H
#define NN_TRAIN_H

/* ---- penalties, to be added to a loss */

/* nn_l1_penalty, nn_l2_penalty - factor times the sum of |p|, or of p^2, over all elements of the list; rank 0. L2
 * regularisation of a mean over m samples is written with the factor lambda / (2 m).
 * Errors: AG_EARG for an empty list, and for a factor that is negative or not finite. */
AG_API ag_tensor nn_l1_penalty(ag_list params, double factor);
AG_API ag_tensor nn_l2_penalty(ag_list params, double factor);

/* ---- snapshots and early stopping. While an error is pending they do nothing, and return it. */

typedef struct nn_snapshot {
    ag_tape *tape;
} nn_snapshot;
/* nn_snapshot_new - copies the values of all parameters and buffers of m and below. NULL on failure. */
AG_API nn_snapshot *nn_snapshot_new(nn_module *m);
/* nn_snapshot_take - copies them again, over the copies. nn_snapshot_restore - writes the copies back, a write as in
 * ag_assign; what an optimizer keeps stays as it is. Errors: AG_ESTALE for a tensor that was released, AG_EUSE where the
 * module has other tensors than when the snapshot was made; then nothing has changed. */
AG_API ag_status nn_snapshot_take(nn_snapshot *s);
AG_API ag_status nn_snapshot_restore(nn_snapshot *s);

typedef struct nn_early_stopping_config {
    int64_t patience; /* training stops after so many values in a row without improvement */
    double min_delta; /* an improvement is better by more than this */
    bool maximize;    /* larger values are better */
} nn_early_stopping_config;
typedef struct nn_early_stopping {
    ag_tape *tape;
    double best;                    /* so far; infinite at first */
    int64_t values, best_at, since; /* how many there were; which was the best, from 1; values since */
    bool stopped;
} nn_early_stopping;
/* nn_early_stopping_new - watches a value, as a validation loss, and keeps the weights of m that had the best one.
 * Errors: AG_EARG for a patience below 1 and a min_delta that is negative or not finite. */
AG_API nn_early_stopping *nn_early_stopping_new(nn_module *m, nn_early_stopping_config config);
/* nn_early_stopping_next - looks at the next value; NaN is no improvement. False: it is time to stop, and the best weights
 * are back; also while an error is pending. */
AG_API bool nn_early_stopping_next(nn_early_stopping *e, double value);
/* nn_early_stopping_restore - brings the best weights back in a loop that ended otherwise. Before the first value these
 * are those with which it was made. */
AG_API ag_status nn_early_stopping_restore(nn_early_stopping *e);

/* ---- progress: how far training is, how fast, and how long it will take
 *
 *     epoch 3: 25600 of 60000 images (43 %), 41200 images/s, loss 0.3127, 0.8 s left
 *
 * On a terminal it is one line that is written over and over, at most ten times a second; elsewhere a line now and then.
 * Its loss is the mean since the line before, in the last line that of all steps. */

typedef struct nn_progress_config {
    int64_t total;     /* how many there are to do; zero: not known */
    const char *label; /* what the line begins with; NULL: nothing */
    const char *unit;  /* what is counted; NULL: "steps" */
    FILE *to;          /* NULL: stderr */
    double every;      /* seconds between lines; zero: 0.1 on a terminal, else 10 */
} nn_progress_config;
typedef struct nn_progress {
    ag_tape *tape;
    int64_t done;
} nn_progress;
/* nn_progress_new - NULL on failure. Errors: AG_EARG for a negative total, and seconds that are negative or not finite. */
AG_API nn_progress *nn_progress_new(ag_tape *t, nn_progress_config config);
/* nn_progress_step - so many more are done, with this loss. The clock starts with the first step after nn_progress_new or
 * nn_progress_end. Errors: AG_EARG for a negative count. */
AG_API void nn_progress_step(nn_progress *p, int64_t count, double loss);
/* nn_progress_end - writes the last line, and begins anew: the next epoch, say. */
AG_API void nn_progress_end(nn_progress *p);

/* ---- training watched: PATH.html, a page that refreshes itself in a browser, and its numbers in PATH.csv
 *
 * Curves of the values that it is given (loss, accuracy), of the norms of gradients, and the distribution of each
 * parameter's elements, now and at first. A curve has up to 512 points: means, where there are more values. Both files
 * appear whole, and need no network. They are written now and then, and gradients are looked at now and then, in a bounded
 * part of the time; nn_watch_end writes the last state. What fails then does not disturb training: nn_watch_end says it. */

typedef struct nn_watch_config {
    const char *title; /* of the page; NULL: the path */
    double every;      /* seconds at least between two writings; zero: 2 */
    double share;      /* of the time that it may take, up to 1; zero: 0.01 */
} nn_watch_config;
typedef struct nn_watch {
    ag_tape *tape;
    int64_t steps; /* made */
} nn_watch;
/* nn_watch_new - watches a list of parameters (copied), of which the first 64 have charts of their own. Writes both files
 * at once, and makes directories that are missing. NULL on failure, or while an error is pending. Errors: AG_EARG for a
 * list without parameters (a list {NULL, 0} of one's own has no tape to report to), an empty path, and numbers out of
 * range; AG_EFILE where the files cannot be written; AG_EUSE as optim's. */
AG_API nn_watch *nn_watch_new(ag_list params, const char *path, nn_watch_config config);
/* nn_watch_value - a value after so many steps: the loss at each, an accuracy now and then. At most 16 names, which are
 * UTF-8 and up to 127 bytes long. While an error is pending it does nothing, and returns it. */
AG_API ag_status nn_watch_value(nn_watch *w, const char *name, double value);
/* nn_watch_step - one more step is made; called while the gradients of it are there: after ag_backward, and before
 * optim_clip_norm, if they are to be seen as they were. */
AG_API ag_status nn_watch_step(nn_watch *w);
/* nn_watch_end - writes both files; also while an error is pending, which the page then shows, and which it returns. */
AG_API ag_status nn_watch_end(nn_watch *w);

#endif
