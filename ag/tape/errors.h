/* What a tape knows of errors, and of the places in callers' code from which it is called. A part of tape.h. */
#ifndef AG_TAPE_ERRORS_H
#define AG_TAPE_ERRORS_H

#include "ag/ag.h"
#include <stdarg.h>

enum { AG_TEXT = 1024, AG_ERROR_DEPTH = 8, AG_SCOPES = 16 };
typedef struct ag_error_state {
    ag_status status;
    char text[AG_TEXT];
} ag_error_state;

/* ---- places: known where callers define AG_TRACE_CALLS */

/* The nodes from `first` on were made from there, up to the next entry's first. */
typedef struct ag_made {
    uint32_t first, epoch;
    ag_site site;
} ag_made;

typedef struct ag_site_log {
    ag_made *at;
    uint32_t count, capacity;
} ag_site_log;

enum {
    AG_RESETS = 8,
    AG_WRITES = 64,
    AG_PLACE = 160,
    AG_HINT = 256
}; /* how many of late are remembered; bytes of a text */
typedef struct ag_sites {
    ag_site now;               /* of the call under way; file NULL: not known */
    ag_site_log made;          /* of live nodes */
    ag_site_log gone;          /* of those that the last reset or rewind removed */
    bool rewound;              /* was there a rewind in this step? */
    ag_site rewind;            /* of the last one */
    ag_made resets[AG_RESETS]; /* the epoch that each began, and where */
    ag_made writes[AG_WRITES]; /* the node that owns the storage, and where */
    uint32_t reset_count, write_count;
} ag_sites;

/* Of which there is one each. */
typedef enum ag_warning {
    AG_WARN_GROWS,
    AG_WARN_TWICE,
    AG_WARN_PAIRS,
    AG_WARN_UNWANTED,
    AG_WARN_CONSTANT,
    AG_WARN_ONE_CLASS,
    AG_WARN_PADDING,
    AG_WARN_MASK
} ag_warning;

/* ---- error.c */
void ag_tell(const ag_options *o, ag_status s, const char *text); /* the handler, or the standard error output */

/* Calls it while the tape is closed and its error stands. */
void ag_call_handler(ag_tape *t, ag_handler *handler, ag_status s, const char *text);
/* A message of AG_TEXT bytes at most, behind the place and the scopes. */
void ag_compose(const ag_tape *t, char *text, const char *format, va_list arguments);

/* ---- debug.c */
bool ag_debug_wanted(const ag_options *o);
bool ag_warn_first(ag_tape *t, ag_warning w); /* is the tape to warn of it, and did not yet? */
void ag_watch_pass(ag_tape *t, ag_tensor y);  /* after a pass from y; {0}: from an adjoint */
const char *ag_growth_text(const ag_tape *t, char *text, size_t bytes); /* "12 nodes since the last ag_tape_reset" */

/* ---- sites.c */
void ag_sites_end_step(ag_tape *t);               /* when the new epoch has begun */
void ag_sites_rewind(ag_tape *t, uint32_t index); /* before nodes from it on are dropped */
void ag_sites_written(ag_tape *t, uint32_t owner);
void ag_sites_free(ag_tape *t);
const char *ag_site_text(ag_site s, const char *before, char *text, size_t bytes);       /* " at train.c:12", or "" */
const char *ag_written_text(const ag_tape *t, uint32_t owner, char *text, size_t bytes); /* of a node's last write */
/* Why a transient tensor is stale. */
const char *ag_stale_text(const ag_tape *t, ag_tensor x, char *text, size_t bytes);

#endif
