/* The chip's side of PACE with the generic mapping, and then of one protected
 * command, by Debian's libeac (OpenPACE): cryptography that shares nothing with
 * ours. Reads a command APDU per line in hexadecimal, writes the response.
 *
 * usage: chip PROTOCOL PARAMETER-ID KIND SECRET
 *   PROTOCOL  such as id-PACE-ECDH-GM-AES-CBC-CMAC-256
 *   KIND      can or mrz */
#include <eac/eac.h>
#include <eac/pace.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static EAC_CTX *ctx;
static PACE_SEC *secret;
static unsigned char line[2048];
static size_t line_len;

static void die(const char *why)
{
    fprintf(stderr, "chip: %s\n", why);
    exit(2);
}

static int read_line(void)
{
    char text[2 * sizeof line + 2];
    if (!fgets(text, sizeof text, stdin))
        return 0;
    for (line_len = 0; line_len < sizeof line; line_len++) {
        unsigned int octet;
        if (sscanf(text + 2 * line_len, "%2x", &octet) != 1)
            break;
        line[line_len] = octet;
    }
    return 1;
}

static void put(const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("%02x", ((const unsigned char *)data)[i]);
}

static void end(unsigned int status)
{
    printf("%04x\n", status);
    fflush(stdout);
}

/* length reads a DER length and moves past it. */
static size_t length(const unsigned char **p)
{
    size_t n = *(*p)++;
    if (n == 0x81)
        n = *(*p)++;
    else if (n > 0x7F)
        die("length");
    return n;
}

static void put_header(unsigned int tag, size_t len)
{
    printf(len > 0x7F ? "%02x81%02zx" : "%02x%02zx", tag, len);
}

/* answer writes 7C { tag value } 9000. */
static void answer(unsigned int tag, const BUF_MEM *value)
{
    size_t inner = value->length + (value->length > 0x7F ? 3 : 2);
    put_header(0x7C, inner);
    put_header(tag, value->length);
    put(value->data, value->length);
    end(0x9000);
}

static BUF_MEM *buffer(const unsigned char *data, size_t len)
{
    BUF_MEM *b = BUF_MEM_new();
    if (!b || !BUF_MEM_grow(b, len))
        die("memory");
    memcpy(b->data, data, len);
    return b;
}

static void authenticate(void)
{
    static BUF_MEM *peer;
    const unsigned char *p = line + 5;
    BUF_MEM *in, *out;
    unsigned int tag;

    if (*p++ != 0x7C)
        die("template");
    if (length(&p) == 0) {
        out = PACE_STEP1_enc_nonce(ctx, secret);
        if (!out)
            die("nonce");
        answer(0x80, out);
        return;
    }
    tag = *p++;
    size_t n = length(&p);
    in = buffer(p, n);
    switch (tag) {
    case 0x81:
        out = PACE_STEP3A_generate_mapping_data(ctx);
        if (!out || !PACE_STEP3A_map_generator(ctx, in))
            die("mapping");
        break;
    case 0x83:
        peer = in;
        out = PACE_STEP3B_generate_ephemeral_key(ctx);
        if (!out || !PACE_STEP3B_compute_shared_secret(ctx, in) || !PACE_STEP3C_derive_keys(ctx))
            die("agreement");
        break;
    case 0x85:
        out = PACE_STEP3D_compute_authentication_token(ctx, peer);
        if (!out)
            die("token");
        if (PACE_STEP3D_verify_authentication_token(ctx, in) != 1) {
            end(0x6300);
            return;
        }
        if (!EAC_CTX_set_encryption_ctx(ctx, EAC_ID_PACE))
            die("secure messaging");
        break;
    default:
        die("tag");
    }
    answer(tag + 1, out);
}

/* echo opens 87 .. 97 .. 8E .. and returns the command's data, protected. */
static void echo(void)
{
    const unsigned char *p = line + 5, *start = p, *cryptogram, *mac;
    unsigned char header[16] = {line[0], line[1], line[2], line[3], 0x80};
    BUF_MEM *checked, *plain, *sealed, *code;
    size_t n;

    if (*p++ != 0x87)
        die("cryptogram");
    n = length(&p) - 1;
    cryptogram = p + 1;
    p = cryptogram + n;
    if (*p++ != 0x97)
        die("expected length");
    p += length(&p);
    mac = p + 2;

    EAC_increment_ssc(ctx);
    checked = buffer(header, sizeof header);
    BUF_MEM_grow(checked, sizeof header + (p - start));
    memcpy(checked->data + sizeof header, start, p - start);
    if (EAC_verify_authentication(ctx, EAC_add_iso_pad(ctx, checked), buffer(mac, 8)) != 1) {
        end(0x6988);
        return;
    }
    plain = EAC_remove_iso_pad(EAC_decrypt(ctx, buffer(cryptogram, n)));
    if (!plain)
        die("decryption");

    EAC_increment_ssc(ctx);
    sealed = EAC_encrypt(ctx, EAC_add_iso_pad(ctx, plain));
    if (!sealed || sealed->length > 0x70)
        die("encryption");
    checked = buffer((const unsigned char *)"\x87", 1);
    n = sealed->length;
    BUF_MEM_grow(checked, 3 + n + 4);
    checked->data[1] = n + 1;
    checked->data[2] = 1;
    memcpy(checked->data + 3, sealed->data, n);
    memcpy(checked->data + 3 + n, "\x99\x02\x90\x00", 4);
    code = EAC_authenticate(ctx, EAC_add_iso_pad(ctx, checked));
    if (!code)
        die("code");
    put(checked->data, checked->length);
    put_header(0x8E, code->length);
    put(code->data, code->length);
    end(0x9000);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("arguments");
    EAC_init();
    ctx = EAC_CTX_new();
    secret = PACE_SEC_new(argv[4], strlen(argv[4]), strcmp(argv[3], "can") ? PACE_MRZ : PACE_CAN);
    if (!ctx || !secret || !EAC_CTX_init_pace(ctx, OBJ_sn2nid(argv[1]), atoi(argv[2])))
        die("protocol not supported");
    while (read_line()) {
        if (line_len < 7)
            die("command");
        if (line[0] & 0x0C)
            echo();
        else if (line[1] == 0x22)
            end(0x9000);
        else
            authenticate();
    }
    return 0;
}
