/* Any bytes as a kernel and as the hypervisor's image: no read beyond the buffer, no segment outside of it or overlapping. */
#include <stdlib.h>

#include <boot/efi/elf_load.h>
#include <lib/elf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_kernel(const uint8_t *data, size_t len)
{
    struct elf_kernel kernel;
    const char *why;

    if (elf_parse_kernel(data, len, &kernel, &why))
        return;
    for (u32 i = 0; i < kernel.nr_segments; i++) {
        const struct elf_segment *s = &kernel.segments[i];
        if (s->data < data || s->file_size > len - (size_t)(s->data - data) || s->mem_size < s->file_size ||
            s->paddr < kernel.start || s->paddr + s->mem_size > kernel.end || kernel.end > GIB(4))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct elf_image image;
    const char *why;

    check_kernel(data, len);
    if (elf_image_plan(data, len, &image, &why) == 0 && image.span <= MIB(16)) {
        void *memory = malloc(image.span);
        elf_image_place(&image, data, memory);
        free(memory);
    }
    return 0;
}
