/* JSON, written: valid whatever names and numbers are, and in a page of HTML too. */
#ifndef AG_SHOW_JSON_H
#define AG_SHOW_JSON_H

#include "ag/show/show.h"

/* ---- json.c */
void ag_json_text(FILE *to, const char *text);   /* with its quotes; bytes that are no UTF-8 become U+FFFD */
void ag_json_number(FILE *to, double x);         /* reads back as it is; "Infinity", "-Infinity", "NaN" */
void ag_json_value(FILE *to, const ag_array *a); /* "shape", and "value" or "norm" and, of few, "values" */

/* ---- explain_json.c */
/* The object of ag_explain_json, without what is around it: so many nodes and steps at most. */
ag_status ag_explain_object(const ag_look *g, uint32_t nodes, uint32_t steps);

#endif
