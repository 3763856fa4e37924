/* Errors, and where in a caller's code they arose. A part of ag.h, which includes it. */
#ifndef AG_ERRORS_H
#define AG_ERRORS_H

/* ---- errors */

/* ag_error - the first error since the last clearing; for NULL AG_ENOMEM: ag_tape_new failed, and told the handler. */
AG_API ag_status ag_error(const ag_tape *t);
/* ag_error_text - its message, "" without one; valid until it is cleared. */
AG_API const char *ag_error_text(const ag_tape *t);
AG_API void ag_error_clear(ag_tape *t);
/* ag_error_push, ag_error_pop - isolate a probe: push hides the pending error, silences the handler and starts with
 * none; pop returns the probe's own first error and brings the hidden one back. Nesting: at most 8 deep, else
 * AG_ELIMIT. */
AG_API ag_status ag_error_push(ag_tape *t);
AG_API ag_status ag_error_pop(ag_tape *t);
/* ag_fail - records an error as the library does: the first one is kept, the handler is called. Returns s.
 * Every error of a tape's passes through here: a place for a breakpoint. */
AG_API ag_status ag_fail(ag_tape *t, ag_status s, const char *format, ...) AG_PRINTF(3, 4);
/* ag_status_name - "AG_ESHAPE" and the like. */
AG_API const char *ag_status_name(ag_status s);
/* ag_quiet - an error handler that does nothing. */
AG_API void ag_quiet(void *user, ag_status status, const char *text);

/* ---- warnings
 *
 * A tape of which ag_options.debug, on_warning or the environment's AG_DEBUG=1 asks for it warns of what is no
 * error but as a rule a mistake, of each once: a tape that only grows (100 backward passes without a reset, and a
 * million nodes or a quarter of the memory limit); a second ag_backward from the same tensor in a step; two
 * operands [n,1] and [n] that broadcast to [n,n]; a derivative as a result by a tensor that wants none, or of one
 * that depends on nothing that does; a cross entropy of one class; a square window of which one dimension alone is
 * padded; an index that looks like a mask; the second of Adam's betas left out; by optim_step that no parameter has
 * a gradient, a gradient that was not zeroed before three steps in a row, and one or a parameter that is not
 * finite. A warning changes nothing: it is a line on stderr that begins with "warning: ", or a call of on_warning,
 * and never an error of the tape's. Without debug nothing is looked at. */

/* ag_warn - warns, where the tape is to warn: for layers, optimizers and the like. ag_tape_debug - is it to? */
AG_API void ag_warn(ag_tape *t, const char *format, ...) AG_PRINTF(2, 3);
AG_API bool ag_tape_debug(const ag_tape *t);

/* ---- where
 *
 * Where AG_TRACE_CALLS is defined before the first of these headers is included, or for the compiler
 * (-DAG_TRACE_CALLS), the calls of that file tell their tape where they stand, and messages begin with file and line:
 *   train.c:15: ag_matmul: 'x' [64,100] f64 and 'w' [10,100] f64: ...
 * They also say where a tensor was made that is stale, what ended its step, and where an operand was written that a
 * derivative needs. Files with and without it go together; a call that was made without says nothing of a place.
 * It costs some 10 ns a call and 24 bytes of the tape's memory for each change of the line that records. It is done by
 * macros of the functions' names (traced.h): arguments are evaluated once and checked as ever, and a function's
 * address is taken as ever. Of a call over several lines gcc names the first, clang the last. A macro AG_SITE that is
 * defined before says another place, as "NULL, 0" says none. */

/* A place in a caller's code. `file` must live as long as the tape, as __FILE__ does; NULL: none. */
typedef struct ag_site {
    const char *file;
    int line;
} ag_site;
/* ag_site_enter, ag_site_leave - what is called between them is called from that place. enter returns the place that
 * was known before, for leave: calls nest, and the innermost counts. A file that is NULL leaves it as it is. */
AG_API ag_site ag_site_enter(ag_tape *t, const char *file, int line);
AG_API void ag_site_leave(ag_tape *t, ag_site before);
/* ag_fail_at, ag_tape_new_at - ag_fail and ag_tape_new, called from that place. */
AG_API ag_status ag_fail_at(const char *file, int line, ag_tape *t, ag_status s, const char *format, ...)
    AG_PRINTF(5, 6);
AG_API ag_tape *ag_tape_new_at(const char *file, int line, ag_options options);

#endif
