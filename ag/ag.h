/* ag: reverse-mode automatic differentiation of tensors on a dynamic tape.
 *
 * Rules that hold for every function here:
 * - Errors. Nothing aborts. A function that fails records the first error on its tape (ag_error, ag_error_text), calls
 *   the tape's handler, and returns the inert handle {tape, 0, 0}, a status, NULL or NaN. Every op passes an inert
 *   handle on without a second error; passes, ag_assign, optimizer steps and files refuse to run while an error is
 *   pending, and return it. The handle {0} means "absent": AG_ENULL, but for arguments documented as optional.
 * - Lifetime. A tensor is transient, gone with the next ag_tape_reset or with a rewind to a mark made before it, unless
 *   it was made by ag_param or ag_buffer. A handle that is gone is found out, AG_ESTALE, but where exactly 2^32 resets,
 *   rewinds and derivative rules (of a persistent tensor: releases) have gone by since it was made.
 * - Types. Floating operands have one dtype; a rank-0 operand follows a ranked one; two rank-0 operands of different
 *   dtypes give f64. In elementwise ops of two operands integers beside floats take the float's dtype, and of integers
 *   the wider type counts, whatever their ranks. Elsewhere nothing is promoted: ag_cast. Elementwise integer arithmetic
 *   wraps, modulo 2^64, 2^32, 2^8; a number c with integers has to be one.
 * - Finite checks. With ag_options.check_finite, or AG_CHECK_FINITE=1 in the environment when the tape is made, the first
 *   op that makes an infinity or a NaN from finite values fails, AG_EVALUE, and says where and from which values; so
 *   does a pass in which an op's contribution to a gradient is the first, and changes no gradient. What comes of values
 *   that were not finite, as from a mask of -inf, and what a branch not taken leaves out on the way back is no error.
 * - Threads. A tape belongs to one thread at a time; different tapes may be used by different threads at once. Large work
 *   is shared with threads that the process has for all tapes and that wait in between; those of a program that call at the
 *   same time have them between them: two callers with four threads get two each. */
#ifndef AG_AG_H
#define AG_AG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define AG_API __attribute__((visibility("default")))
#define AG_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define AG_API
#define AG_PRINTF(text, first)
#endif

/* ---- types */

enum { AG_MAX_RANK = 8 };

typedef struct ag_tape ag_tape;
typedef struct ag_tensor {
    ag_tape *tape;
    uint32_t id, epoch; /* id 0: a failed op */
} ag_tensor;
typedef struct ag_shape {
    int rank;
    int64_t dim[AG_MAX_RANK];
} ag_shape;
typedef struct ag_axes {
    int count, axis[AG_MAX_RANK]; /* -1 is the last; see AG_ALL */
} ag_axes;
typedef struct ag_list {
    const ag_tensor *at; /* borrowed */
    size_t count;
} ag_list;

/* AG_FLOAT is the tape's float type, f64 unless its options say f32. */
typedef enum ag_dtype { AG_FLOAT, AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 } ag_dtype;

typedef enum ag_status {
    AG_OK,
    AG_ENOMEM,      /* memory, or the tape's memory limit, is exhausted; the tape stays usable */
    AG_ENULL,       /* an argument that is not optional is absent */
    AG_ESTALE,      /* the tensor's step is over */
    AG_ESHAPE,      /* shapes, axes or indices do not fit */
    AG_EDTYPE,      /* the dtype is not supported there, or dtypes differ */
    AG_EARG,        /* another argument is out of range */
    AG_EUSE,        /* the call is not allowed in this state */
    AG_EINCOMPLETE, /* a gradient is missing parts of itself; a pass that fails leaves none such: it changes nothing */
    AG_ELIMIT,      /* a size, count or id is beyond what the library can represent */
    AG_EFILE,       /* a file cannot be read or written, or its content is wrong */
    AG_EVALUE,      /* a value is not finite where that is refused: ag_options.check_finite */
    AG_USE_RULE     /* no error: what ag_op.vjp_fused returns to have the rule used instead */
} ag_status;

/* A point on the tape to which ag_tape_rewind returns. */
typedef struct ag_mark {
    uint64_t arena;
    uint32_t id, epoch;
} ag_mark;

/* Is told of an error, which it cannot clear. Making tensors, passes, reset and rewind are AG_EUSE in a handler. */
typedef void ag_handler(void *user, ag_status status, const char *text);

/* Where a tape gets its memory. allocate returns NULL on failure; alignment is a power of two, at most 64. resize,
 * which is optional, makes a block larger and keeps its contents, at another place perhaps; NULL: it cannot, and the
 * block is as it was. */
typedef struct ag_allocator {
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    void (*release)(void *user, void *memory, size_t bytes);
    void *user;
    void *(*resize)(void *user, void *memory, size_t before, size_t bytes);
} ag_allocator;

enum { AG_FUSE_OFF = -1, AG_REPEAT_OFF = -1 };
typedef struct ag_options {
    ag_dtype dtype;         /* the float type, AG_F32 or AG_F64; zero: AG_F64 */
    int threads;            /* at most, the caller's too; zero: all processors, or OMP_NUM_THREADS */
    uint64_t seed;          /* of the random numbers */
    bool keep_grads;        /* keep the gradients of intermediate results too */
    bool check_finite;      /* see above */
    ag_handler *on_error;   /* NULL: print to stderr; ag_quiet: silent */
    void *user;             /* passed to on_error */
    ag_allocator allocator; /* zero: the C library's */
    uint64_t memory_limit;  /* bytes; zero: the machine's memory */
    bool debug;             /* warn of likely mistakes, see ag_warn; so does AG_DEBUG=1 in the environment */
    ag_handler *on_warning; /* is told of them, with AG_OK; NULL: print to stderr. Implies debug */
    int64_t fuse; /* elementwise ops on so many elements or more wait until their values are asked for, and run block by
                   * block with those that they wait for: the same values; zero: 32768, AG_FUSE_OFF: never */
    int repeat; /* ops and ag_backward that are what they were in the step before do again what they did then: the same
                   * values, sooner; AG_REPEAT_OFF: never */
} ag_options;

#define AG_COUNT(type, ...) (sizeof((type[]){ __VA_ARGS__ }) / sizeof(type))
#ifdef __cplusplus
/* C++ has no compound literals that live as long as a call's arguments; these are temporaries that do. Numbers may be of
 * any type that C would convert, each evaluated once, from left to right. */
} /* extern "C" */
#include <initializer_list>
#include <type_traits>
namespace ag_detail
{
template <typename To> struct integer {
    To v;
    template <typename From,
              typename = typename std::enable_if<std::is_integral<From>::value || std::is_enum<From>::value>::type>
    integer(From n) : v(static_cast<To>(n))
    {
    }
};
struct number {
    double v;
    template <typename From, typename = typename std::enable_if<std::is_arithmetic<From>::value>::type>
    number(From n) : v(static_cast<double>(n))
    {
    }
};
static_assert(sizeof(number) == sizeof(double), "a list of numbers is an array of doubles");
struct shape : ag_shape {
    shape(std::initializer_list<integer<int64_t>> d) : ag_shape()
    {
        for (const integer<int64_t> &n : d)
            if (rank < AG_MAX_RANK)
                dim[rank++] = n.v;
            else {
                rank = -1;
                break;
            }
    }
};
struct axes : ag_axes {
    axes(std::initializer_list<integer<int>> a) : ag_axes()
    {
        for (const integer<int> &n : a)
            if (count < AG_MAX_RANK)
                axis[count++] = n.v;
            else {
                count = AG_MAX_RANK + 1; /* refused wherever it goes */
                break;
            }
    }
};
struct list : ag_list {
    list(std::initializer_list<ag_tensor> l) : ag_list{ l.begin(), l.size() }
    {
    }
};
} // namespace ag_detail
#define AG_SHAPE(...) (ag_detail::shape({ __VA_ARGS__ }))
#define AG_AXES(...) (ag_detail::axes({ __VA_ARGS__ }))
#define AG_LIST(...) (ag_detail::list({ __VA_ARGS__ }))
#define AG_VALUES(t, shape, ...) (ag_detail::values(t, shape, { __VA_ARGS__ }))
extern "C" {
#else
#define AG_DIMS(...)                         \
    {                                        \
        (int)AG_COUNT(int64_t, __VA_ARGS__), \
        {                                    \
            __VA_ARGS__                      \
        }                                    \
    } /* for static initialisers */
#define AG_SHAPE(...) ((ag_shape)AG_DIMS(__VA_ARGS__))
#define AG_AXES(...) ((ag_axes){ (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } })
#define AG_LIST(...) ((ag_list){ (const ag_tensor[]){ __VA_ARGS__ }, AG_COUNT(ag_tensor, __VA_ARGS__) })
#define AG_VALUES(t, shape, ...) ag_values(t, shape, (const double[]){ __VA_ARGS__ }, AG_COUNT(double, __VA_ARGS__))
#endif
extern AG_API const ag_shape AG_SCALAR; /* rank 0 */
extern AG_API const ag_axes AG_ALL;     /* every axis */

/* ---- the tape */

/* ag_tape_new - an empty tape, which owns everything made on it. NULL if there is no memory for it or an option is
 * invalid; the options' handler is told which: AG_ENOMEM or AG_EARG. */
AG_API ag_tape *ag_tape_new(ag_options options);
/* ag_tape_free - frees the tape and everything made on it; its handles must not be used any more. NULL is ignored. A use
 * after it is often found out, on stderr, but only sanitizers and Valgrind find it for sure: the memory is another's. */
AG_API void ag_tape_free(ag_tape *t);
/* ag_tape_reset - ends the step: every transient tensor is gone, its memory is kept for the next step, a no-grad block
 * goes on. Returns the pending error and keeps it. AG_EUSE inside an op's functions, a handler or a gradient check. */
AG_API ag_status ag_tape_reset(ag_tape *t);
/* ag_tape_mark, ag_tape_rewind - rewinding to a mark removes the transient tensors made since. A mark is void after a
 * reset or a rewind to an earlier mark: AG_ESTALE. Inside a rule, a hook or a checkpoint's function to marks made there
 * alone, and not inside an op's other functions, a handler or a gradient check: AG_EUSE. Returns its own status; runs while
 * an error is pending. */
AG_API ag_mark ag_tape_mark(ag_tape *t);
AG_API ag_status ag_tape_rewind(ag_tape *t, ag_mark mark);
/* ag_tape_dtype - what AG_FLOAT stands for on this tape. */
AG_API ag_dtype ag_tape_dtype(const ag_tape *t);
/* ag_tape_threads - the number of threads that the kernels use. */
AG_API int ag_tape_threads(const ag_tape *t);
/* ag_tape_nodes - nodes recorded since the last reset. */
AG_API int64_t ag_tape_nodes(const ag_tape *t);
/* ag_tape_memory - bytes that the tape holds, in use or kept for reuse: about what the largest step of late had. */
AG_API uint64_t ag_tape_memory(const ag_tape *t);

/* ---- errors, warnings, and where they arose */
#include "errors.h"

/* ---- making tensors (transient, row-major, without a gradient unless said) */

/* ag_variable - a rank-0 f64 leaf that wants a gradient. */
AG_API ag_tensor ag_variable(ag_tape *t, double v);
/* ag_constant - a rank-0 f64 tensor. */
AG_API ag_tensor ag_constant(ag_tape *t, double v);
/* ag_values - the AG_FLOAT tensor of the shape from `count` numbers; AG_VALUES counts. AG_ESHAPE if it needs others. */
AG_API ag_tensor ag_values(ag_tape *t, ag_shape s, const double *v, size_t count);
AG_API ag_tensor ag_empty(ag_tape *t, ag_dtype d, ag_shape s); /* values undefined until written: ag_write */
AG_API ag_tensor ag_zeros(ag_tape *t, ag_dtype d, ag_shape s);
AG_API ag_tensor ag_ones(ag_tape *t, ag_dtype d, ag_shape s);
AG_API ag_tensor ag_full(ag_tape *t, ag_dtype d, ag_shape s, double v);
/* ag_arange - low, low + step, ... while below high (above, if step is negative): ceil((high - low) / step) numbers. */
AG_API ag_tensor ag_arange(ag_tape *t, ag_dtype d, double low, double high, double step);
/* ag_linspace - `count` numbers from low to high, both included. */
AG_API ag_tensor ag_linspace(ag_tape *t, ag_dtype d, double low, double high, int64_t count);
/* ag_eye - the n x n identity. */
AG_API ag_tensor ag_eye(ag_tape *t, ag_dtype d, int64_t n);
/* ag_rand - uniform in [low, high); ag_randn - normal. Philox 4x32-10 (Salmon et al. 2011), keyed by the seed: element
 * i of the n-th random call depends on (seed, n, i) alone, on no size and no thread count. */
AG_API ag_tensor ag_rand(ag_tape *t, ag_dtype d, ag_shape s, double low, double high);
AG_API ag_tensor ag_randn(ag_tape *t, ag_dtype d, ag_shape s, double mean, double deviation);
/* ag_truncated_normal - normal numbers, of those in [low, high] alone, which may be infinite; ag_gumbel - what
 * location - scale log(-log u) is for a uniform u. */
AG_API ag_tensor ag_truncated_normal(ag_tape *t, ag_dtype d, ag_shape s, double mean, double deviation, double low,
                                     double high);
AG_API ag_tensor ag_gumbel(ag_tape *t, ag_dtype d, ag_shape s, double location, double scale);
/* ag_randperm - a random permutation of 0 ... n-1, i64. */
AG_API ag_tensor ag_randperm(ag_tape *t, int64_t n);
/* ag_from - a copy of `bytes` bytes of the caller's, row-major. AG_EARG if that is not the size of the shape. */
AG_API ag_tensor ag_from(ag_tape *t, ag_dtype d, ag_shape s, const void *data, size_t bytes);
/* ag_wrap - the caller's memory itself, not copied: it must stay, unchanged, until reset (AG_EUSE there in a DEBUG=1
 * build). */
AG_API ag_tensor ag_wrap(ag_tape *t, ag_dtype d, ag_shape s, const void *data, size_t bytes);
/* ag_require_grad - a new leaf with x's values (shared) that wants a gradient. AG_EDTYPE for integers. */
AG_API ag_tensor ag_require_grad(ag_tensor x);

/* Persistent tensors: dense copies, until the tape is freed or ag_release. `name` is copied; NULL: none. */
AG_API ag_tensor ag_param(ag_tensor value, const char *name);  /* wants a gradient; floating */
AG_API ag_tensor ag_buffer(ag_tensor value, const char *name); /* does not */
/* ag_param_as, ag_buffer_as - the same, stored with the dimensions in the given order from outermost to innermost:
 * AG_AXES(1, 0) stores a matrix column by column. */
AG_API ag_tensor ag_param_as(ag_tensor value, ag_axes order, const char *name);
AG_API ag_tensor ag_buffer_as(ag_tensor value, ag_axes order, const char *name);
/* ag_assign - overwrites a persistent tensor's values with those of `value` (same shape; floats convert). No history.
 * Ops recorded before that need the old values in their derivative become errors in a later backward pass. */
AG_API ag_status ag_assign(ag_tensor persistent, ag_tensor value);
/* ag_release - gives a persistent tensor's memory back at the next reset; its handles are stale at once. */
AG_API ag_status ag_release(ag_tensor persistent);
/* ag_params - all parameters of the tape, in the order of creation; valid until one is made or released. */
AG_API ag_list ag_params(ag_tape *t);
/* ag_list_none - an empty list that knows its tape, so that who is given it can report an error; its `at` is not to be
 * looked at. ag_list_tape - that tape, or the first one that a tensor of the list has; NULL: none. */
AG_API ag_list ag_list_none(ag_tape *t);
AG_API ag_tape *ag_list_tape(ag_list l);

/* ---- for optimizers and modules */

/* A persistent tensor's elements and its gradient's, dense and in storage order. grad is NULL where none arrived. Who
 * writes values asks for it again before: what waits to be computed from the old ones is computed then. */
typedef struct ag_storage {
    void *value, *grad;
    int64_t count;
    ag_dtype dtype;
    uint32_t zeroed; /* how often the gradient was zeroed */
} ag_storage;
AG_API ag_status ag_storage_of(ag_tensor persistent, ag_storage *s);
/* ag_written - declares that the values in the storage were changed: a write as in ag_assign. */
AG_API ag_status ag_written(ag_tensor persistent);
/* ag_grad_written - the same for the gradient: handles that ag_grad gave out count as written. */
AG_API ag_status ag_grad_written(ag_tensor persistent);
/* ag_tape_allocate - zeroed memory, 64-byte aligned, that lives as long as the tape. NULL and AG_ENOMEM on failure. */
AG_API void *ag_tape_allocate(ag_tape *t, size_t bytes);
/* ag_tape_resize - makes a block from ag_tape_allocate larger, at another place perhaps, and returns it; its contents
 * stay, what is new is undefined. NULL for memory: a new block. On failure NULL, and the block is as it was.
 * ag_tape_deallocate - gives one back before the tape ends. NULL is ignored. */
AG_API void *ag_tape_resize(ag_tape *t, void *memory, size_t bytes);
AG_API void ag_tape_deallocate(ag_tape *t, void *memory);
/* ag_scope_begin, ag_scope_end - names given between them, and error messages, are prefixed with "name.". At most 16
 * nested scopes count. `name` must live until the scope ends. */
AG_API void ag_scope_begin(ag_tape *t, const char *name);
AG_API void ag_scope_end(ag_tape *t);

/* ---- reading and writing */

AG_API ag_tensor ag_name(ag_tensor x, const char *name); /* names x (copied) and returns it */
AG_API const char *ag_name_of(ag_tensor x);              /* "" without one; valid as long as x and until renamed */
AG_API bool ag_ok(ag_tensor x);                          /* usable? Never an error */
AG_API ag_shape ag_shape_of(ag_tensor x);                /* rank -1 on error */
AG_API ag_dtype ag_dtype_of(ag_tensor x);                /* AG_FLOAT on error */
AG_API int64_t ag_size_of(ag_tensor x);                  /* number of elements; -1 on error */
AG_API bool ag_needs_grad(ag_tensor x);                  /* does a gradient flow through x? */
AG_API bool ag_is_persistent(ag_tensor x);
/* ag_item - the only element; ag_item_at - element i in row-major order. NaN on error (AG_ESHAPE). An i64 beyond 2^53
 * comes rounded to a double: for its exact value see ag_data. */
AG_API double ag_item(ag_tensor x);
AG_API double ag_item_at(ag_tensor x, int64_t i);
/* ag_data - the elements, row-major, as dtype `expected` (AG_FLOAT: the tape's), for reading until the next call that
 * writes x or ends its life; a transient copy where x is not dense. NULL and AG_EDTYPE if the dtype is another. */
AG_API const void *ag_data(ag_tensor x, ag_dtype expected);
/* ag_write - the elements of a dense leaf or persistent tensor, row-major, for writing until the next call on this
 * tape. Counts as a write as in ag_assign. AG_EUSE for an op's result, a view, a gradient, wrapped memory or a rank-0
 * f64 transient. */
AG_API void *ag_write(ag_tensor x, ag_dtype expected);
/* ag_copy_out, ag_copy_in - row-major copies to and from the caller's memory of dtype d, converting; `bytes` is
 * checked. ag_copy_in writes what ag_write can write, and persistent tensors of any storage order. */
AG_API ag_status ag_copy_out(ag_tensor x, ag_dtype d, void *to, size_t bytes);
AG_API ag_status ag_copy_in(ag_tensor x, ag_dtype d, const void *from, size_t bytes);
/* ag_print - name, dtype, shape and values, large tensors abridged. ag_show - the same in a string that lives until the
 * next reset or ag_show; for debuggers; never sets an error. */
AG_API ag_status ag_print(ag_tensor x, FILE *to);
AG_API const char *ag_show(ag_tensor x);
AG_API size_t ag_dtype_size(ag_dtype d);      /* bytes of an element; 0 for AG_FLOAT */
AG_API const char *ag_dtype_name(ag_dtype d); /* "f32" */
AG_API int64_t
ag_shape_size(ag_shape s); /* number of elements; -1 if a dimension is negative or the product overflows */

/* ---- derivatives: backward passes, gradients as results, no-grad */
#include "derivatives.h"

enum { AG_KEEPDIM = 1 }; /* flags of reductions: reduced axes stay, with extent 1 */

/* ---- ops: their options, and themselves, generated from the sources in ag/ops */
#include "options.h"
#ifndef AG_WITHOUT_OPS /* for who has options alone, or includes ag/ops.h */
#include "ops.h"
#endif

/* ---- ops of one's own, and checking gradients */
#include "op.h"

/* ---- looking at graphs, and at what steps take */
#include "graphs.h"
#include "profile.h"

#ifdef __cplusplus
} /* extern "C" */
namespace ag_detail
{
inline ag_tensor values(ag_tape *t, ag_shape s, std::initializer_list<number> n)
{
    return ag_values(t, s, n.size() ? &n.begin()->v : nullptr, n.size());
}
inline ag_tensor values(const char *file, int line, ag_tape *t, ag_shape s, std::initializer_list<number> n)
{
    const ag_site before = ag_site_enter(t, file, line);
    const ag_tensor x = values(t, s, n);
    ag_site_leave(t, before);
    return x;
}
} // namespace ag_detail
#endif
#endif

#ifdef AG_TRACE_CALLS
#include "traced.h"
#endif
