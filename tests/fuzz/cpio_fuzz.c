// sources: guest/dom0/cpio.c guest/lib/pvhelf.c
/* Any bytes as the builder's archive, each file of it as a kernel: no read beyond the buffer, an end always.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <guest/dom0/cpio.h>
#include <guest/lib/pvhelf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cpio_file f;
    struct pvhelf elf;
    const char *why;
    size_t at = 0, last = 0;

    while (cpio_next(data, len, &at, &f) == 1) {
        if (at <= last || at > len || f.data < data || f.size > len - (size_t)(f.data - data))
            abort();
        last = at;
        (void)cpio_is_regular(&f);
        if (pvhelf_parse(f.data, f.size, &elf, &why) == 0) {
            for (uint32_t i = 0; i < elf.nr_segments; i++) {
                const struct pvhelf_segment *s = &elf.segments[i];
                if (s->data < f.data || s->file_size > f.size - (size_t)(s->data - f.data) ||
                    s->mem_size < s->file_size)
                    abort();
            }
        }
    }
    (void)cpio_find(data, len, "test.elf", &f);
    (void)pvhelf_parse(data, len, &elf, &why);
    return 0;
}
