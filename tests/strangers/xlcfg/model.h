/* What the builder must make of a file that libxlutil has read, by libxlutil's values alone. */
#ifndef TESTS_STRANGERS_XLCFG_MODEL_H
#define TESTS_STRANGERS_XLCFG_MODEL_H

#include <guest/dom0/xlcfg.h>

/* Compares what xlcfg_parse() has returned, rc and cfg, with the values of the file that is open by xlu_open().
 * Returns NULL, or the key or the rule that differs. */
const char *model_differs(int rc, const struct xlcfg *cfg);

#endif
