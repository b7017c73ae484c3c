/* Any bytes as load options and as homestead.cfg: every text is terminated inside its field, and sections that are found
 * are those that were asked for. */
#include <boot/efi/load_options.h>
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

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
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
