/* Any bytes as the builder's archive: no read beyond the buffer, an end always. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <guest/dom0/cpio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cpio_file f;
    size_t at = 0, last = 0;

    while (cpio_next(data, len, &at, &f) == 1) {
        if (at <= last || at > len || f.data < data || f.size > len - (size_t)(f.data - data))
            abort();
        last = at;
        (void)cpio_is_regular(&f);
    }
    (void)cpio_find(data, len, "test.elf", &f);
    return 0;
}
