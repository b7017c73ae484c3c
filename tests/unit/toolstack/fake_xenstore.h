/* A libxenstore for tests of toolstack/: names of domains, and nothing else. */
#ifndef TESTS_TOOLSTACK_FAKE_XENSTORE_H
#define TESTS_TOOLSTACK_FAKE_XENSTORE_H

#include <homestead/types.h>

#define FAKE_NAMES 16
extern const char *fake_names[FAKE_NAMES]; /* by domid; NULL: none */
extern bool fake_xenstored;                /* false: it is not running */

#endif
