/* Claims memory for a domain that is about to be built, or says in a sentence why that is not possible. */
#include <errno.h>
#include <homestead.h>

/* pages on the node, instead of what the domain has claimed before. 0, or -errno with the reason in text. */
int claim_or_say_why(uint32_t domid, uint32_t node, uint64_t pages, char *text, size_t len)
{
    memory_claim_t set[] = {XEN_NODE_CLAIM_INIT(pages, node)};

    if (hs_claim(NULL, domid, 1, set, HS_CLAIM_REPLACE) == 0)
        return 0;
    int why = errno;
    hs_claim_text(NULL, why, domid, 1, set, HS_CLAIM_REPLACE, NULL, NULL, text, len);
    return -why;
}
