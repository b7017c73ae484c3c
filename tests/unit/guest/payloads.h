/* Payloads of each kind as Linux's build makes them, by the libraries' encoders: the size follows, but for gzip. */
#ifndef TESTS_UNIT_GUEST_PAYLOADS_H
#define TESTS_UNIT_GUEST_PAYLOADS_H

#include <lz4hc.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <guest/dom0/bzimage.h>

#define LZ4_BLOCK MIB(8)

struct bytes_made {
    u8 *data; /* malloc() */
    size_t size;
};

/* Something that can be compressed, the same for the same seed. malloc() */
static inline u8 *make_text(size_t size, u64 seed)
{
    u8 *text = malloc(size);

    for (size_t i = 0; i < size; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        text[i] = seed >> 61 ? (u8)(i >> 6) : (u8)(seed >> 40);
    }
    return text;
}

static inline void append(struct bytes_made *b, const void *data, size_t size)
{
    b->data = realloc(b->data, b->size + size);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void append_u32(struct bytes_made *b, u32 value)
{
    append(b, &value, sizeof(value));
}

static inline size_t make_gzip(u8 *out, size_t room, const u8 *text, size_t size)
{
    z_stream s = {.next_in = (Bytef *)text, .avail_in = (uInt)size, .next_out = out, .avail_out = (uInt)room};

    if (deflateInit2(&s, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&s, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&s);
    return s.total_out;
}

/* As `xz --check=crc32 --x86 --lzma2=dict=32MiB` */
static inline size_t make_xz(u8 *out, size_t room, const u8 *text, size_t size)
{
    lzma_options_lzma options;
    lzma_filter filters[] = {
        {LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    size_t at = 0;

    if (lzma_lzma_preset(&options, 1))
        abort();
    options.dict_size = 32 << 20;
    if (lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, text, size, out, &at, room) != LZMA_OK)
        abort();
    return at;
}

static inline struct bytes_made make_payload(enum payload_kind kind, const u8 *text, size_t size)
{
    size_t room = size + size / 8 + 4096;
    struct bytes_made made = {0};
    u8 *out = malloc(room);

    if (kind == PAYLOAD_LZ4)
        append_u32(&made, 0x184c2102);
    for (size_t at = 0; kind == PAYLOAD_LZ4 && at < size; at += LZ4_BLOCK) {
        int got = LZ4_compress_HC((const char *)text + at, (char *)out, (int)MIN(size - at, LZ4_BLOCK),
                                  (int)room, 9);
        append_u32(&made, (u32)got);
        append(&made, out, (size_t)got);
    }
    if (kind == PAYLOAD_GZIP)
        append(&made, out, make_gzip(out, room, text, size));
    if (kind == PAYLOAD_XZ)
        append(&made, out, make_xz(out, room, text, size));
    if (kind == PAYLOAD_ZSTD)
        append(&made, out, ZSTD_compress(out, room, text, size, 3));
    if (kind != PAYLOAD_GZIP)
        append_u32(&made, (u32)size);
    free(out);
    return made;
}

/* A bzImage of protocol 2.15 with setup_sects 2 and the payload at offset 0x40 of its protected-mode code. */
#define BZIMAGE_PAYLOAD (3u * 512 + 0x40)
static inline struct bytes_made make_bzimage(struct bytes_made payload)
{
    struct bytes_made made = {.data = calloc(1, BZIMAGE_PAYLOAD), .size = BZIMAGE_PAYLOAD};
    u32 offset = 0x40, length = (u32)payload.size;

    made.data[0x1f1] = 2;
    memcpy(made.data + 0x1fe, "\x55\xaa", 2);
    memcpy(made.data + 0x202, "HdrS\x0f\x02", 6);
    memcpy(made.data + 0x248, &offset, 4);
    memcpy(made.data + 0x24c, &length, 4);
    append(&made, payload.data, payload.size);
    append(&made, "after it", 8);
    return made;
}

#endif
