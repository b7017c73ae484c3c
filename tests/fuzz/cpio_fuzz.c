/* Any bytes as the builder's archive: no read beyond the buffer, an end always. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <guest/dom0/cpio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_to_find(const uint8_t *data, size_t len, const char *name)
{
    char why[CPIO_WHY_MAX] = "";
    struct cpio_file f;
    int rc = cpio_find(data, len, name, &f, why);

    if (rc && !why[0])
        abort();
    if (!rc && (f.data < data || f.size > len - (size_t)(f.data - data)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cpio_file f;
    size_t at = 0, last = 0;

    while (cpio_next(data, len, &at, &f) == 1) {
        if (at <= last || at > len || f.data < data || f.size > len - (size_t)(f.data - data))
            abort();
        last = at;
        try_to_find(data, len, f.name);
        char why[CPIO_WHY_MAX] = "";
        if (cpio_resolve(data, len, &f, why) < 0 && !why[0])
            abort();
    }
    (void)cpio_describe(data, len);
    try_to_find(data, len, "test.elf");
    try_to_find(data, len, "./a/../b//c");
    return 0;
}
