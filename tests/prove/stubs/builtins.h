/* For `make prove`, before each source: atomic operations are plain ones, since one CPU that has the locks is looked at. */
#ifndef PROVE_BUILTINS_H
#define PROVE_BUILTINS_H

#define __atomic_store_n(p, v, order)   ((void)(*(p) = (v)))
#define __atomic_load_n(p, order)       (*(p))
#define __atomic_fetch_add(p, v, order) ((void)(*(p) += (v)))

#endif
