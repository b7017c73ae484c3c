/* Any bytes as a compressed kernel: the payload lies inside the file, and decoding writes no more than it claims. */
#include <stdlib.h>
#include <string.h>

#include <guest/dom0/decode.h>

#define DECODED_MAX MIB(1) /* larger ones take too long */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct payload p;
    const char *why = NULL;
    u64 own;

    int rc = bzimage_find(data, len, &p, &why);
    if (rc < 0 && !why)
        abort();
    if (rc <= 0)
        return 0;
    if (p.data < data || p.size > len - (size_t)(p.data - data) || !p.decoded || p.decoded > PAYLOAD_MAX)
        abort();
    if (p.decoded > DECODED_MAX)
        return 0;
    u8 *out = malloc(p.decoded);
    (void)payload_decode(&p, out, &own);
    free(out);
    return 0;
}
