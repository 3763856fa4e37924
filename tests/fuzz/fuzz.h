/* The fuzzer: random sequences of calls of every public function, right and wrong, beside a model of what must hold.
 *
 *   main.c      options, processes, replaying and shrinking
 *   play.c      one sequence from its seed: tapes, the order of calls, what must hold at the end
 *   model.c     what is known of tensors and errors, and whether it is so
 *   draw.c      random arguments, most of them sensible
 *   heap.c      an allocator that counts and fails
 *   user_op.c   ops of a user's that misbehave
 *   calls_*.c   the calls
 *
 * It sees the public headers alone. All follows from a seed: call i draws from numbers of its own, (seed, i), and
 * leaves its results in places of its own, so that a call that is left out changes little of what comes after. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "nn/nn.h"
#include "optim/optim.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

enum { CALLS = 256, RESULTS = 6, MARKS = 24, TAPES = 2, FEW = 8, DEPTH = 2, TEXT = 400 };

/* ---- what may happen; each can be switched off by its name (FUZZ_WITHOUT="absent rule_calls") */

/* clang-format off */
#define HABITS(X) X(absent) X(inert) X(stale) X(foreign) X(other_dtype) X(absurd_shape) X(empty_shape) \
    X(absurd_number) X(absurd_axis) X(null_list) X(odd_flags) X(failing_memory) X(small_limit) X(f32) X(keep_grads) X(check_finite) \
    X(handler_clears) X(handler_calls) X(handler_ends) X(shape_odd) X(shape_calls) X(forward_odd) X(forward_calls) \
    X(view_odd) X(odd_status) X(rule_odd) X(rule_calls) X(fused_odd) X(fused_calls) X(nested_end) \
    X(nested_backward) X(nested_write) X(files) X(large) X(traced) X(debug)
/* clang-format on */
#define HABIT(name) may_##name,
typedef enum habit { HABITS(HABIT) HABIT_COUNT } habit;

/* ---- memory */

typedef struct heap {
    int64_t blocks, bytes, until, every; /* until: allocations before one fails, -1: none does; every: again after */
    int failed;
    bool paused; /* nothing fails now */
    unsigned char fill;
} heap;

ag_allocator heap_allocator(heap *h, bool resizes);

/* ---- the model */

typedef enum life { NONE, ALIVE, GONE, EITHER } life; /* EITHER: gone, or as it was */

typedef struct known {
    ag_tensor x;
    life life;
    int tape, group;                           /* group: the first place of those that share values */
    bool persistent, param, changing, undated; /* changing: a gradient, whose values are not known; undated: it may be
                                                  older than its birth says */
    uint64_t birth, hash;
    ag_shape shape;
    ag_dtype dtype;
} known;

typedef struct marked {
    ag_mark mark;
    uint64_t time;
    bool good; /* false: void, or nothing is known */
} marked;

typedef struct own_module { /* a module of the fuzzer's */
    nn_module module;
    struct lane *lane;
} own_module;

typedef struct lane {
    ag_tape *t;
    heap heap;
    ag_options options;
    uint64_t clock;
    marked marks[MARKS];
    int mark_count, ends, told; /* ends: resets and rewinds that succeeded; told: how often the handler was called */
    int clears;                 /* calls of ag_error_clear, push and pop */
    int manner;                 /* of the handler */
    bool starved;               /* was refused memory */
    optim *optims[FEW];
    nn_module *modules[FEW];
    own_module own[FEW];
    nn_batches *batches[FEW];
    nn_snapshot *snapshots[FEW];
    ag_profile *profiles[FEW];
    char *blocks[FEW]; /* of ag_tape_allocate, `block_bytes` long */
    size_t block_bytes[FEW];
    int optim_count, module_count, own_count, batch_count, snapshot_count, profile_count;
    struct world *world;
} lane;

/* What was picked since the last call began. */
typedef struct given_arguments {
    ag_tape *first;
    bool inert, gone, foreign; /* is one of them? */
} given_arguments;

typedef struct world {
    uint64_t seed, random, trace; /* trace: a hash of all that came out */
    uint64_t traces[CALLS];       /* after each call, 0: not to be compared */
    const uint64_t *reference;    /* the traces of another time, or NULL */
    lane lanes[TAPES];
    known at[CALLS * RESULTS];
    int used[CALLS * RESULTS], used_count, results[CALLS]; /* places in use; how many of a call */
    int call, depth, budget, callbacks;
    int rudeness; /* in a hundred arguments */
    int weights[16];
    bool log, large, files, traced; /* traced: places of calls are known */
    given_arguments given;
    char directory[64];
} world;

/* A call under way. */
typedef struct frame {
    world *w;
    int lane, ends, told, clears, callbacks;
    bool inert, gone, foreign;
    ag_status before;
} frame;

typedef struct argument {
    ag_tensor x;
    int place; /* -1: not of the table */
} argument;

/* ---- main.c, play.c */

extern bool fuzz_without[HABIT_COUNT];
_Noreturn void fault(world *w, const char *format, ...) AG_PRINTF(2, 3);
typedef struct variant {
    int threads;
    bool failing;
    unsigned char fill;
    int64_t fuse; /* these as in ag_options */
    int repeat;
} variant;
/* Plays the sequence of a seed but for the calls that are left out. */
void play(world *w, uint64_t seed, variant v, const bool *left_out);
void play_call(world *w);   /* one random call */
void play_inside(world *w); /* some calls from within a callback */

/* ---- model.c */

bool is_same(ag_tensor x, ag_tensor y); /* the same handle */
frame begin(world *w, ag_tape *t, const char *format, ...) AG_PRINTF(3, 4);
/* The outcome of a call: of a function that returns a tensor, a status, or nothing of the kind. `source` is the place
 * of the tensor whose values the result may share, -1 for none. They return the place of the result, and the status. */
int end_tensor(frame *f, ag_tensor y, int source);
ag_status end_status(frame *f, ag_status s);
void end_call(frame *f);
/* The same for a function that works on while an error is pending. */
ag_status end_anyway(frame *f, ag_status s);
int learn(world *w, ag_tensor x, int source, bool sure);
void wrote(world *w, int place);               /* a tensor's values, and those that share them, are others now */
void wrote_all(world *w, int lane);            /* so are those of all persistent ones */
void ended(world *w, int lane, uint64_t time); /* transient tensors made after `time` are gone */
void look(world *w, const known *k);
void look_around(world *w, bool all);
enum { NOT_KNOWN = 2 }; /* the hash of what was not read yet, or cannot be for lack of memory */
uint64_t values_hash(ag_tensor x, ag_dtype d, ag_shape s);
uint64_t grads_hash(world *w, int lane);                 /* of all persistent tensors; 0: they cannot be read */
bool grads_changed(world *w, int lane, uint64_t before); /* since they had that hash */
void note(world *w, const char *format, ...) AG_PRINTF(2, 3);
void observe(world *w, uint64_t value); /* into the trace */
void observe_number(world *w, double v);

/* ---- draw.c */

uint64_t mix(uint64_t x);
uint64_t bits(world *w);
int draw(world *w, int below);
bool chance(world *w, int in); /* one in */
bool rude(world *w, habit h);  /* is this one to be wrong in this way? */
lane *draw_lane(world *w);
const char *letter(const lane *l);               /* what a trace calls its tape */
nn_module *draw_module(world *w, const lane *l); /* one of the lane's, or NULL */
argument pick(world *w);                         /* a tensor, mostly floating and alive */
argument pick_made(world *w, ag_tensor x);       /* one that is not of the table */
argument pick_of(world *w, bool (*fits)(const known *k));
argument pick_like(world *w, argument x); /* of the same shape */
ag_list pick_list(world *w, ag_tensor *to, int most);
bool is_float(const known *k);
bool is_integer(const known *k);
bool is_persistent(const known *k);
bool is_param(const known *k);
bool is_small(const known *k);
const char *text_of(world *w, argument a);
const char *text_of_list(world *w, ag_list l);
const char *text_of_shape(ag_shape s);
ag_shape draw_shape(world *w);
ag_shape shape_like(world *w, argument x);
ag_dtype draw_dtype(world *w);
double draw_number(world *w);
int64_t draw_extent(world *w);
int64_t draw_index(world *w);
int draw_axis(world *w);
ag_axes draw_axes(world *w);
int draw_flags(world *w);
const char *draw_name(world *w);

/* ---- the calls */

ag_status reset_tape(world *w, lane *l); /* and what is transient on it is gone */

typedef struct move {
    const char *name;
    int weight;
    void (*play)(world *w);
    bool ends, differentiates, writes; /* what nested calls may be kept from */
} move;
extern const move tape_moves[], tensor_moves[], op_moves[], derive_moves[], transform_moves[], module_moves[],
    train_moves[], optim_moves[], file_moves[], check_moves[], user_moves[], plot_moves[], profile_moves[],
    loop_moves[], chain_moves[]; /* up to one without a name */
bool load_cases(void);           /* calls_ops.c: from tests/fixtures */
void furnish(world *w, int i);   /* the first calls of a sequence: a few tensors to play with */
enum { FURNITURE = 10 };
void remove_files(world *w);
void handler(void *user, ag_status status, const char *text);
const ag_op *user_op(world *w, void *params); /* an op and, in FUZZ_PARAMS bytes, its parameters */
enum { FUZZ_PARAMS = 64 };

/* ---- element.c: element i of an array, row by row, wherever it lies */

double fuzz_element(const ag_array *x, int64_t i);
void fuzz_store(ag_array *y, int64_t i, double v);

#endif
