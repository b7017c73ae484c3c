#include <arch/x86/cpu/symbols.h>

#include <arch/x86/cpu/paging.h>

const char *symbol_lookup(u64 addr, u64 *offset)
{
    u32 low = 0, high;

    if (!&symbol_count || addr < IMAGE_VIRT_BASE || addr - IMAGE_VIRT_BASE > 0xffffffffull)
        return NULL;
    u32 wanted = (u32)(addr - IMAGE_VIRT_BASE);
    high = symbol_count;
    while (low < high) { /* first entry after wanted */
        u32 middle = low + (high - low) / 2;
        if (symbol_table[middle].offset <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    *offset = wanted - symbol_table[low - 1].offset;
    return symbol_names + symbol_table[low - 1].name;
}
