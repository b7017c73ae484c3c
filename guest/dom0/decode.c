/* See decode.h. */
#include <guest/dom0/decode.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

static enum decoded check_size(u64 got, u64 claimed, u64 unread)
{
    return unread ? DECODED_TRAILING : got < claimed ? DECODED_SMALLER : DECODED;
}

static enum decoded decode_gzip(const struct payload *p, u8 *out, u64 *own)
{
    z_stream s = {.next_in = (z_const Bytef *)p->data,
                  .avail_in = (uInt)p->size,
                  .next_out = out,
                  .avail_out = (uInt)p->decoded};

    *own = KIB(48);                        /* a window of 32 KiB and the state */
    if (inflateInit2(&s, 15 + 16) != Z_OK) /* 32 KiB, gzip's header */
        return DECODED_NO_MEMORY;
    int rc = inflate(&s, Z_FINISH);
    inflateEnd(&s);
    if (rc == Z_STREAM_END)
        return check_size(s.total_out, p->decoded, s.avail_in);
    if (rc == Z_MEM_ERROR)
        return DECODED_NO_MEMORY;
    if (rc != Z_BUF_ERROR && rc != Z_OK)
        return DECODED_DAMAGED;
    return s.avail_in ? DECODED_LARGER : DECODED_CUT_SHORT;
}

/* The legacy frame: the magic number, then blocks of at most 8 MiB when decoded, each after its size of 4 bytes. Frames
 * may follow each other. */
static enum decoded decode_lz4(const struct payload *p, u8 *out, u64 *own)
{
    const u32 magic = 0x184c2102;
    const u8 *from = p->data;
    u64 left = p->size, room = p->decoded;

    *own = 0;
    while (left) {
        u32 size;

        if (left < sizeof(size))
            return DECODED_TRAILING;
        __builtin_memcpy(&size, from, sizeof(size));
        from += sizeof(size);
        left -= sizeof(size);
        if (size == magic)
            continue;
        if (!size || size > (u32)LZ4_compressBound(MIB(8)))
            return room ? DECODED_DAMAGED : DECODED_TRAILING;
        if (size > left)
            return DECODED_CUT_SHORT;
        if (!room)
            return DECODED_LARGER;
        int most = (int)MIN(room, MIB(8));
        int got = LZ4_decompress_safe((const char *)from, (char *)out, (int)size, most);
        if (got <= 0)
            return LZ4_decompress_safe_partial((const char *)from, (char *)out, (int)size, most, most) == most
                       ? DECODED_LARGER
                       : DECODED_DAMAGED;
        from += size;
        left -= size;
        out += got;
        room -= (u32)got;
    }
    return room ? DECODED_SMALLER : DECODED;
}

static enum decoded decode_xz(const struct payload *p, u8 *out, u64 *own)
{
    lzma_stream s = LZMA_STREAM_INIT;

    *own = KIB(64);
    if (lzma_stream_decoder(&s, 1, 0) !=
        LZMA_OK) /* at first it may use nothing: it says then how much it wants */
        return DECODED_NO_MEMORY;
    s.next_in = p->data;
    s.avail_in = p->size;
    s.next_out = out;
    s.avail_out = p->decoded;
    lzma_ret rc = lzma_code(&s, LZMA_FINISH);
    if (rc == LZMA_MEMLIMIT_ERROR) {
        *own = lzma_memusage(&s);
        rc = lzma_memlimit_set(&s, UINT64_MAX);
        if (rc == LZMA_OK)
            rc = lzma_code(&s, LZMA_FINISH);
    }
    u64 unread = s.avail_in, got = s.total_out;
    lzma_end(&s);
    if (rc == LZMA_STREAM_END)
        return check_size(got, p->decoded, unread);
    if (rc == LZMA_MEM_ERROR)
        return DECODED_NO_MEMORY;
    if (rc != LZMA_OK && rc != LZMA_BUF_ERROR)
        return DECODED_DAMAGED;
    return unread ? DECODED_LARGER : DECODED_CUT_SHORT;
}

static enum decoded decode_zstd(const struct payload *p, u8 *out, u64 *own)
{
    size_t frame = ZSTD_findFrameCompressedSize(p->data, p->size);

    *own = KIB(256);
    if (ZSTD_isError(frame))
        return ZSTD_getErrorCode(frame) == ZSTD_error_srcSize_wrong ? DECODED_CUT_SHORT : DECODED_DAMAGED;
    if (frame < p->size)
        return DECODED_TRAILING;
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (!context)
        return DECODED_NO_MEMORY;
    size_t got = ZSTD_decompressDCtx(context, out, p->decoded, p->data, p->size);
    ZSTD_freeDCtx(context);
    if (!ZSTD_isError(got))
        return check_size(got, p->decoded, 0);
    return ZSTD_getErrorCode(got) == ZSTD_error_dstSize_tooSmall ? DECODED_LARGER : DECODED_DAMAGED;
}

enum decoded payload_decode(const struct payload *p, u8 *out, u64 *own)
{
    static enum decoded (*const decoders[])(const struct payload *p, u8 *out, u64 *own) = {
        [PAYLOAD_GZIP] = decode_gzip,
        [PAYLOAD_LZ4] = decode_lz4,
        [PAYLOAD_XZ] = decode_xz,
        [PAYLOAD_ZSTD] = decode_zstd,
    };

    return decoders[p->kind](p, out, own);
}
