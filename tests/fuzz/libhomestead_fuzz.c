/* A hypervisor's answers are any bytes: none makes libhomestead pass an end, wait for ever, or report more than it had room for. */
#include <stdlib.h>
#include <string.h>

#include <homestead/errno.h>
#include <tests/unit/toolstack/fake_xencall.h>
#include <toolstack/libhomestead/homestead.h>

#define MEMORY_OP 12u

static const u8 *input;
static size_t left;

static u8 next(void)
{
    if (!left)
        return 0;
    left--;
    return *input++;
}

/* A large array takes little of the input: a piece again and again. */
static void fill(u64 address, u64 from, u64 piece)
{
    u64 bytes = fake_bytes(address);
    u8 *to = fake_memory(address, bytes);

    for (u64 i = from; i < bytes && left; i++)
        to[i] = i < from + piece ? next() : to[i - piece];
}

static long answer(unsigned int nr, u64 arg1, u64 arg2)
{
    static const long rcs[] = {0, 0, 1, -ENOBUFS, -EINVAL, -ENOMEM, -ENOENT, -ENOSYS};
    u64 at = nr == MEMORY_OP ? arg2 : arg1, array[2];
    long rc = rcs[next() % ARRAY_SIZE(rcs)];

    memcpy(array, fake_memory(at + 8, sizeof(array)), sizeof(array));
    for (u32 i = 0; i < ARRAY_SIZE(array); i++)
        fill(array[i], 0, 40);
    fill(at, 8, 40);
    return rc;
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const int errs[] = {EINVAL, ENOENT, ENOMEM, ESRCH, E2BIG, ENOSYS, EPERM, 12345};
    memory_claim_t set[3] = {XEN_NODE_CLAIM_INIT(1024, 0), XEN_NODE_CLAIM_INIT(512, 1),
                             XEN_NODE_CLAIM_INIT(1, ~0u)},
                   *all;
    struct hs_node nodes[HS_MAX_NODES];
    struct hs_domain_node own[HS_MAX_NODES];
    struct hs_domain_info info[4];
    struct hs_domain domain;
    struct hs_refusals refusals;
    struct hs_host host;
    char text[300];

    input = data;
    left = size;
    fake_hypervisor = answer;
    u32 room = next() % (HS_MAX_NODES + 1), nr = room;
    check(hs_nodes(NULL, &host, nodes, &nr) || nr <= room);
    nr = room;
    check(hs_domain(NULL, 1, &domain, own, &nr) || nr <= room);
    nr = 4;
    check(hs_domain_list(NULL, next(), info, &nr) || nr <= 4);
    if (!hs_claim_read_all(NULL, 1, &nr, &all))
        free(all);
    check(hs_refusals(NULL, &refusals) || refusals.nr_holders <= HS_MAX_HOLDERS);
    set[0].pad = next();
    size_t len = next() % sizeof(text);
    int err = errs[next() % ARRAY_SIZE(errs)];
    hs_claim_text(NULL, err, 1, 3, set, (u32)next() << 16, NULL, NULL, text, len);
    check(!len || memchr(text, 0, len));
    check(fake_buffers() == 0);
    return 0;
}
