/* Options of ops from numbers, field by field in the order of ag/options.h, for ops_called.h: `read_` and the type's name.
 * A field that is a tensor takes the next one. What is missing is 0. */
#ifndef TESTS_OPTIONS_H
#define TESTS_OPTIONS_H

#endif
