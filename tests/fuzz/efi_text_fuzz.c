/* Any bytes as load options, as homestead.cfg and as names: every text is terminated inside its field, sections that are
 * found are those that were asked for, and names come back as they were. */
#include <boot/efi/load_options.h>
#include <boot/efi/text.h>
#include <homestead/errno.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define TERMINATED(field) (memchr(field, 0, sizeof(field)) != NULL)

static void report(void *ctx, const char *sentence)
{
    if (ctx || !*sentence || strlen(sentence) > 200)
        abort();
}

static void check_file(const struct config_file *f)
{
    if (!TERMINATED(f->path) || !TERMINATED(f->args))
        abort();
}

/* 16-bit units to bytes and back; and any bytes to units. */
static void check_units(const u8 *data, size_t size)
{
    static char text[3 * 512 + 1];
    static u16 units[512], back[sizeof(text)];
    size_t nr = 0, len = 0;

    for (; nr < 511 && 2 * nr + 1 < size && (data[2 * nr] || data[2 * nr + 1]); nr++) {
        units[nr] = (u16)(data[2 * nr] | data[2 * nr + 1] << 8);
        len += text_from_unit(units[nr], text + len);
    }
    text[len] = 0;
    units[nr] = 0;
    text_to_units(back, 512, text);
    if (memcmp(back, units, (nr + 1) * 2))
        abort();
    len = size < sizeof(text) ? size : sizeof(text) - 1;
    memcpy(text, data, len);
    text[len] = 0;
    text_to_units(back, len + 1, text);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    check_units(data, size);
    static struct load_options o;
    static struct boot_config c;
    char why[400] = "";
    int rc = load_options_parse(data, size, "BOOTX64.EFI", &o, why, sizeof(why), report, NULL);

    if (!TERMINATED(o.config) || !TERMINATED(o.section) || !TERMINATED(o.options) || !TERMINATED(why) ||
        (rc != 0) != (why[0] != 0))
        abort();
    c = (struct boot_config){0};
    why[0] = 0;
    rc = config_parse((const char *)data, size, o.section, &c, why, sizeof(why));
    if (!TERMINATED(why) || (rc != 0) != (why[0] != 0))
        abort();
    if (rc == 0 && (!*c.section || (*o.section && strcmp(c.section, o.section)) || !*c.dom0.path))
        abort();
    check_file(&c.kernel);
    check_file(&c.dom0);
    if (c.nr_modules > CONFIG_MODULE_MAX || !TERMINATED(c.options) || !TERMINATED(c.chain))
        abort();
    for (u32 i = 0; i < c.nr_modules; i++)
        check_file(&c.modules[i]);
    if (load_options_append(c.options, o.options) == 0 && !TERMINATED(c.options))
        abort();
    return 0;
}
