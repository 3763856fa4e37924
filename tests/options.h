/* Options of ops from numbers, for ops_called.h. Those of ag/options.h are read field by field by functions that are
 * generated; here stand the ones that must be read in another way: `read_` and the type's name. A field that is a tensor
 * takes the next one. What is missing is 0. */
#ifndef TESTS_OPTIONS_H
#define TESTS_OPTIONS_H

#endif
