/* The chip's side of PACE with the integrated mapping (ICAO 9303-11 §4.4.3.3.2
 * and appendix B.2), which libeac does not offer, on OpenSSL's big numbers,
 * curves, ciphers and digests. Reads a command APDU per line in hexadecimal,
 * writes the response.
 *
 * usage: chip KEY-BITS PARAMETER-ID KIND SECRET PROTOCOL
 *   KIND      can, or hash for the SHA-1 of the MRZ fields in hexadecimal
 *   PROTOCOL  content octets of the object identifier in hexadecimal */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char octet;

static int key_len;
static octet oid[32], password[64];
static size_t oid_len, password_len;
static EC_GROUP *group;
static BN_CTX *bn;
static octet nonce[32], k_mac[32];
static size_t nonce_len, point_len;
static EC_POINT *generator;
static octet own[200], peer[200];

static void die(const char *why)
{
    fprintf(stderr, "chip: %s\n", why);
    exit(2);
}

static void must(int ok, const char *why)
{
    if (!ok)
        die(why);
}

static size_t unhex(octet *dst, size_t max, const char *text)
{
    size_t n = 0;
    unsigned int v;
    while (n < max && sscanf(text + 2 * n, "%2x", &v) == 1)
        dst[n++] = v;
    return n;
}

static void kdf(octet *key, const octet *secret, size_t len, int counter)
{
    octet in[256], out[EVP_MAX_MD_SIZE];
    memcpy(in, secret, len);
    memset(in + len, 0, 3);
    in[len + 3] = counter;
    must(EVP_Digest(in, len + 4, out, NULL, key_len == 16 ? EVP_sha1() : EVP_sha256(), NULL), "digest");
    memcpy(key, out, key_len);
}

/* cbc encrypts whole blocks with the initial vector zero. */
static void cbc(octet *out, const octet *key, const octet *in, size_t len)
{
    const EVP_CIPHER *c = key_len == 16 ? EVP_aes_128_cbc() : key_len == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    octet iv[16] = {0};
    int n;
    must(EVP_EncryptInit_ex(x, c, NULL, key, iv) && EVP_CIPHER_CTX_set_padding(x, 0) &&
         EVP_EncryptUpdate(x, out, &n, in, (int)len) && (size_t)n == len, "cipher");
    EVP_CIPHER_CTX_free(x);
}

static void token(octet *out, const octet *point)
{
    octet in[300], code[16], *p = in;
    size_t inner = 2 + oid_len + (point_len > 127 ? 3 : 2) + point_len, n;
    char name[16];
    *p++ = 0x7F;
    *p++ = 0x49;
    if (inner > 127)
        *p++ = 0x81;
    *p++ = inner;
    *p++ = 0x06;
    *p++ = oid_len;
    memcpy(p, oid, oid_len);
    p += oid_len;
    *p++ = 0x86;
    if (point_len > 127)
        *p++ = 0x81;
    *p++ = point_len;
    memcpy(p, point, point_len);
    p += point_len;
    snprintf(name, sizeof name, "AES-%d-CBC", 8 * key_len);
    must(EVP_Q_mac(NULL, "CMAC", NULL, name, NULL, k_mac, key_len, in, p - in, code, sizeof code, &n) != NULL, "cmac");
    memcpy(out, code, 8);
}

/* field is R(s,t) modulo p. */
static void field(BIGNUM *u, const octet *t, const BIGNUM *p)
{
    static const char *c0[] = {"a668892a7c41e3ca739f40b057d85904",
                               "d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"};
    static const char *c1[] = {"a4e136ac725f738b01c1f60217c188ad",
                               "54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"};
    octet k[32], next[32], a[32], b[32], x[256];
    size_t len = 0;
    unhex(a, nonce_len, c0[nonce_len == 32]);
    unhex(b, nonce_len, c1[nonce_len == 32]);
    cbc(k, t, nonce, nonce_len);
    while (8 * len < (size_t)BN_num_bits(p) + 64) {
        cbc(x + len, k, b, nonce_len);
        cbc(next, k, a, nonce_len);
        memcpy(k, next, nonce_len);
        len += nonce_len;
    }
    must(BN_bin2bn(x, len, u) && BN_mod(u, u, p, bn), "field");
}

/* encode maps u to a point: the simplified Shallue-Woestijne-Ulas method with
 * alpha = -u^2, X2 = -b/a (1 + 1/(alpha + alpha^2)), X3 = alpha X2, of which the
 * one whose right hand side is a square is taken, with y = h(X2)^((p+1)/4) or
 * u^3 times that. */
static void encode(const BIGNUM *u, const BIGNUM *p, const BIGNUM *a, const BIGNUM *b)
{
    BIGNUM *alpha = BN_new(), *s = BN_new(), *x = BN_new(), *h = BN_new(), *y = BN_new(), *e = BN_new(), *v = BN_new();
    BN_mod_sqr(alpha, u, p, bn);
    BN_sub(alpha, p, alpha);
    BN_mod_sqr(s, alpha, p, bn);
    BN_mod_add(s, s, alpha, p, bn);
    must(BN_mod_inverse(s, s, p, bn) != NULL, "no image");
    BN_add_word(s, 1);
    BN_mod_mul(s, s, b, p, bn);
    BN_mod_inverse(x, a, p, bn);
    BN_mod_mul(x, x, s, p, bn);
    BN_sub(x, p, x);
    BN_mod_sqr(h, x, p, bn);
    BN_mod_add(h, h, a, p, bn);
    BN_mod_mul(h, h, x, p, bn);
    BN_mod_add(h, h, b, p, bn);
    BN_copy(e, p);
    BN_add_word(e, 1);
    BN_rshift(e, e, 2);
    BN_mod_exp(y, h, e, p, bn);
    BN_mod_sqr(v, y, p, bn);
    if (BN_cmp(v, h) != 0) {
        BN_mod_mul(x, x, alpha, p, bn);
        for (int i = 0; i < 3; i++)
            BN_mod_mul(y, y, u, p, bn);
    }
    generator = EC_POINT_new(group);
    must(EC_POINT_set_affine_coordinates(group, generator, x, y, bn), "not on the curve");
}

static void map(const octet *t)
{
    BIGNUM *p = BN_new(), *a = BN_new(), *b = BN_new(), *u = BN_new();
    EC_GROUP_get_curve(group, p, a, b, bn);
    field(u, t, p);
    encode(u, p, a, b);
}

static void agree(const octet *point)
{
    BIGNUM *d = BN_new(), *x = BN_new();
    EC_POINT *q = EC_POINT_new(group), *r = EC_POINT_new(group);
    octet secret[66];
    must(BN_rand_range(d, EC_GROUP_get0_order(group)) && EC_POINT_mul(group, r, NULL, generator, d, bn), "key");
    point_len = EC_POINT_point2oct(group, r, POINT_CONVERSION_UNCOMPRESSED, own, sizeof own, bn);
    memcpy(peer, point, point_len);
    must(EC_POINT_oct2point(group, q, peer, point_len, bn), "the reader's point");
    must(EC_POINT_mul(group, r, NULL, q, d, bn) && EC_POINT_get_affine_coordinates(group, r, x, NULL, bn), "agreement");
    must(BN_bn2binpad(x, secret, point_len / 2) > 0, "secret");
    kdf(k_mac, secret, point_len / 2, 2);
}

static void answer(int tag, const octet *value, size_t len)
{
    size_t inner = len + (len > 127 ? 3 : 2);
    printf(inner > 127 ? "7c81%02zx" : "7c%02zx", inner);
    printf(len > 127 ? "%02x81%02zx" : "%02x%02zx", tag, len);
    for (size_t i = 0; i < len; i++)
        printf("%02x", value[i]);
    printf("9000\n");
}

static void command(const octet *c)
{
    const octet *p = c + 6;
    octet key[32], out[32], code[8];
    int tag;
    if (c[1] == 0x22) {
        printf("9000\n");
        return;
    }
    if (*p++ == 0) {
        must(RAND_bytes(nonce, nonce_len), "random");
        kdf(key, password, password_len, 3);
        cbc(out, key, nonce, nonce_len);
        answer(0x80, out, nonce_len);
        return;
    }
    if (p[-1] == 0x81)
        p++;
    tag = *p++;
    if (*p++ == 0x81)
        p++;
    switch (tag) {
    case 0x81:
        map(p);
        answer(0x82, NULL, 0);
        return;
    case 0x83:
        agree(p);
        answer(0x84, own, point_len);
        return;
    case 0x85:
        token(code, own);
        if (memcmp(code, p, sizeof code)) {
            printf("63c2\n");
            return;
        }
        token(code, peer);
        answer(0x86, code, sizeof code);
        return;
    }
    die("tag");
}

int main(int argc, char **argv)
{
    static const int curves[] = {[12] = NID_X9_62_prime256v1, [13] = NID_brainpoolP256r1, [15] = NID_secp384r1,
                                 [16] = NID_brainpoolP384r1, [17] = NID_brainpoolP512r1, [18] = NID_secp521r1};
    char text[1200];
    octet line[600];
    must(argc == 6, "arguments");
    key_len = atoi(argv[1]) / 8;
    nonce_len = key_len == 16 ? 16 : 32;
    bn = BN_CTX_new();
    group = EC_GROUP_new_by_curve_name(curves[atoi(argv[2])]);
    must(group != NULL, "curve not supported");
    if (strcmp(argv[3], "can")) {
        password_len = unhex(password, sizeof password, argv[4]);
    } else {
        password_len = strlen(argv[4]);
        memcpy(password, argv[4], password_len);
    }
    oid_len = unhex(oid, sizeof oid, argv[5]);
    while (fgets(text, sizeof text, stdin)) {
        must(unhex(line, sizeof line, text) >= 7, "command");
        command(line);
        fflush(stdout);
    }
    return 0;
}
