/*
 * Judging guests: their ends, what they have left behind, and those that are preserved until all have ended.
 */
#include <guest/dom0/dom0.h>
#include <guest/lib/lock.h>
#include <lib/parse.h>
#include <lib/string.h>

#define PRESERVED_MAX 64u

struct dom0_guests guests;

static struct guest_lock preserved_lock;
static struct preserved {
    u32 domid;
    bool clean;
    enum xlcfg_expect expect, end;
    char name[XLCFG_NAME_MAX];
    char why[BUILD_WHY_MAX];
} preserved[PRESERVED_MAX]; /* preserved_lock */
static u32 nr_preserved;

void judge_count(u32 *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

void judge_end(const char *name, bool clean, enum xlcfg_expect expect, enum xlcfg_expect outcome,
               const char *why)
{
    const char *word = outcome == EXPECT_COUNT ? "" : xlcfg_expect_names[outcome];
    bool expected = outcome == expect || (expect == EXPECT_ANY && outcome <= EXPECT_KILLED);
    bool pass = clean && expected;

    if (expected)
        printf("%-9s %s: %s, as expected%s\n", name, pass ? "PASS" : "FAIL", word,
               clean ? "" : ", but its memory was not right");
    else
        printf("%-9s FAIL: expected %s, got %s%s%s\n", name, xlcfg_expect_names[expect], word,
               word[0] && why[0] ? ": " : "", why);
    judge_count(pass ? &guests.passed : &guests.failed);
}

bool judge_leak(const char *name, s64 pages, s64 claims)
{
    printf("@leak pages=%ld claims=%ld name=%s\n", pages, claims, name);
    if (pages_within(pages, options.slack) && claims == 0)
        return true;
    printf("%-9s %ld pages and %ld claimed pages did not come back\n", name, pages, claims);
    return false;
}

bool judge_later(const struct life *life, bool clean)
{
    const struct build *b = &life->build;
    struct preserved *p = NULL;

    guest_lock(&preserved_lock);
    if (nr_preserved < PRESERVED_MAX)
        p = &preserved[nr_preserved++];
    guest_unlock(&preserved_lock);
    if (!p) {
        printf("%-9s is not preserved: %u guests are\n", b->cfg->name, PRESERVED_MAX);
        return false;
    }
    *p = (struct preserved){.domid = b->domid, .clean = clean, .expect = life->cfg.expect, .end = life->end};
    str_copy(p->name, b->cfg->name, sizeof(p->name));
    str_copy(p->why, b->why, sizeof(p->why));
    printf("@guest domain=%u event=preserved code=0 name=%s\n", b->domid, b->cfg->name);
    return true;
}

void judge_destroy_preserved(void)
{
    for (u32 i = 0; i < nr_preserved; i++) {
        struct preserved *p = &preserved[i];
        int rc = watch_destroy(p->domid);
        p->clean = rc == 0 && p->clean;
        printf("@guest domain=%u event=destroyed code=%d name=%s\n", p->domid, rc, p->name);
    }
}

void judge_preserved(s64 pages, s64 claims)
{
    for (u32 i = 0; i < nr_preserved; i++) {
        const struct preserved *p = &preserved[i];
        bool clean = judge_leak(p->name, pages, claims);
        judge_end(p->name, clean && p->clean, p->expect, p->end, p->why);
    }
    nr_preserved = 0;
}
