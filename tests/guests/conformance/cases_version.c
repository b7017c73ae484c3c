/* xen_version: every command, with a complete buffer and one that ends too early, and each feature bit. */
#include <tests/guests/conformance/conformance.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/version.h>

#define FILL 0x5a

static u8 buffer[2048];

/* The number of bytes up to the last one that a call has changed. */
static u32 written(void)
{
    for (u32 i = sizeof(buffer); i; i--) {
        if (buffer[i - 1] != FILL)
            return i;
    }
    return 0;
}

static long fetch(u32 cmd)
{
    memset(buffer, FILL, sizeof(buffer));
    return version_op(cmd, buffer);
}

/* Texts: the whole field or only the text is written, always with a terminating NUL. */
static bool ends_within(u32 size)
{
    return strnlen((const char *)buffer, size) < size;
}

static const struct {
    u32 cmd;
    const char *call;
    u32 size;
} texts[] = {
    {XENVER_extraversion, "xen_version.extraversion", sizeof(xen_extraversion_t)},
    {XENVER_capabilities, "xen_version.capabilities", sizeof(xen_capabilities_info_t)},
    {XENVER_changeset, "xen_version.changeset", sizeof(xen_changeset_info_t)},
    {XENVER_commandline, "xen_version.commandline", sizeof(xen_commandline_t)},
};

static void text_commands(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(texts); i++) {
        CASE_SHOW(texts[i].call, "whole", fetch(texts[i].cmd), " ends=%u within=%u",
                  ends_within(texts[i].size), written() <= texts[i].size);
        CASE(texts[i].call, "fits_to_the_edge", version_op(texts[i].cmd, edge_ptr(texts[i].size)));
        CASE(texts[i].call, "one_byte_over", version_op(texts[i].cmd, edge_ptr(texts[i].size - 1)));
        CASE(texts[i].call, "unmapped", version_op(texts[i].cmd, bad_ptr()));
        CASE(texts[i].call, "hole", version_op(texts[i].cmd, hole_ptr()));
    }
}

static void structures(void)
{
    const struct xen_compile_info *info = (const void *)buffer;

    CASE_SHOW("xen_version.compile_info", "whole", fetch(XENVER_compile_info), " bytes=%u ends=%u%u%u%u",
              written() <= sizeof(*info), strnlen(info->compiler, 64) < 64,
              strnlen(info->compile_by, 16) < 16, strnlen(info->compile_domain, 32) < 32,
              strnlen(info->compile_date, 32) < 32);
    CASE("xen_version.compile_info", "fits_to_the_edge",
         version_op(XENVER_compile_info, edge_ptr(sizeof(*info))));
    CASE("xen_version.compile_info", "one_byte_over",
         version_op(XENVER_compile_info, edge_ptr(sizeof(*info) - 1)));
    CASE("xen_version.compile_info", "unmapped", version_op(XENVER_compile_info, bad_ptr()));
    CASE_SHOW("xen_version.platform_parameters", "whole", fetch(XENVER_platform_parameters), " bytes=%u",
              written());
    CASE("xen_version.platform_parameters", "fits_to_the_edge",
         version_op(XENVER_platform_parameters, edge_ptr(sizeof(xen_platform_parameters_t))));
    CASE("xen_version.platform_parameters", "one_byte_over",
         version_op(XENVER_platform_parameters, edge_ptr(sizeof(xen_platform_parameters_t) - 1)));
    CASE("xen_version.platform_parameters", "unmapped", version_op(XENVER_platform_parameters, bad_ptr()));
    CASE_SHOW("xen_version.guest_handle", "whole", fetch(XENVER_guest_handle), " bytes=%u first=%u last=%u",
              written(), buffer[0], buffer[sizeof(xen_domain_handle_t) - 1]);
    CASE("xen_version.guest_handle", "fits_to_the_edge",
         version_op(XENVER_guest_handle, edge_ptr(sizeof(xen_domain_handle_t))));
    CASE("xen_version.guest_handle", "one_byte_over",
         version_op(XENVER_guest_handle, edge_ptr(sizeof(xen_domain_handle_t) - 1)));
    CASE("xen_version.guest_handle", "unmapped", version_op(XENVER_guest_handle, bad_ptr()));
}

static void features(void)
{
    struct xen_feature_info info = {.submap = 0};
    char name[32];

    long rc = version_op(XENVER_get_features, &info);
    for (u32 bit = 0; bit < 32; bit++) {
        snprintf(name, sizeof(name), "bit_%02u", bit);
        CASE_SHOW("xen_version.get_features", name, rc, " set=%u", info.submap >> bit & 1);
    }
    for (u32 i = 1; i < 4; i++) {
        info = (struct xen_feature_info){.submap_idx = i == 3 ? ~0u : i, .submap = 0x5a5a};
        snprintf(name, sizeof(name), i == 3 ? "submap_all_ones" : "submap_%u", i);
        CASE_SHOW("xen_version.get_features", name, version_op(XENVER_get_features, &info), " submap=%x",
                  info.submap);
    }
    struct xen_feature_info *at = edge_ptr(sizeof(*at));
    at->submap_idx = 0;
    CASE("xen_version.get_features", "fits_to_the_edge", version_op(XENVER_get_features, at));
    at = edge_ptr(sizeof(*at) - 1);
    CASE("xen_version.get_features", "one_byte_over", version_op(XENVER_get_features, at));
    CASE("xen_version.get_features", "unmapped", version_op(XENVER_get_features, bad_ptr()));
}

static void numbers(void)
{
    char name[32];

    CASE("xen_version.version", "no_argument", version_op(XENVER_version, NULL));
    CASE("xen_version.version", "argument_is_ignored", version_op(XENVER_version, bad_ptr()));
    CASE("xen_version.pagesize", "no_argument", version_op(XENVER_pagesize, NULL));
    CASE("xen_version.pagesize", "argument", version_op(XENVER_pagesize, buffer));
    CASE("xen_version.pagesize", "bad_argument", version_op(XENVER_pagesize, bad_ptr()));
    for (u32 cmd = XENVER_build_id + 1; cmd < XENVER_build_id + 7; cmd++) {
        snprintf(name, sizeof(name), "cmd_%02u", cmd);
        CASE_SHOW("xen_version", name, fetch(cmd), " bytes=%u", written());
    }
    CASE("xen_version", "cmd_unmapped", version_op(11, bad_ptr()));
    CASE("xen_version", "cmd_2_to_31", version_op(1ull << 31, buffer));
    CASE("xen_version", "cmd_32_bits_all_ones", version_op(0xffffffff, buffer));
    CASE("xen_version", "cmd_all_ones", version_op(~0ull, buffer));
    CASE("xen_version", "cmd_above_32_bits", version_op(1ull << 32 | XENVER_version, buffer));
}

/* The length comes back with no buffer, or the bytes; a hypervisor that was not given one has no data. */
static void build_id(void)
{
    struct {
        u32 len;
        u8 buf[28];
    } id = {.len = 0};

    CASE("xen_version.build_id", "zero_length", version_op(XENVER_build_id, &id));
    CASE("xen_version.build_id", "unmapped", version_op(XENVER_build_id, bad_ptr()));
}

void cases_version(void)
{
    numbers();
    text_commands();
    structures();
    features();
    build_id();
}
