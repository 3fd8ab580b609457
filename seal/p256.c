/* seal/p256.c - see p256.h. Secret scalars go through EC_POINT_mul with one factor, which OpenSSL computes in constant time; all numbers that
 * come from them are wiped. */
#include "seal/p256.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"

struct curve {
    EC_GROUP *group;
    BN_CTX *ctx;
    BIGNUM *scalar, *x, *y;
    EC_POINT *at, *to;
};

static int curve_open(struct curve *c) {
    *c = (struct curve){.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), .ctx = BN_CTX_secure_new()};
    c->scalar = BN_secure_new();
    c->x = BN_secure_new();
    c->y = BN_secure_new();
    c->at = c->group ? EC_POINT_new(c->group) : NULL;
    c->to = c->group ? EC_POINT_new(c->group) : NULL;
    return c->ctx && c->scalar && c->x && c->y && c->at && c->to ? 0 : ERR_NOMEM;
}

static void curve_close(struct curve *c) {
    EC_POINT_clear_free(c->at);
    EC_POINT_clear_free(c->to);
    BN_clear_free(c->scalar);
    BN_clear_free(c->x);
    BN_clear_free(c->y);
    BN_CTX_free(c->ctx);
    EC_GROUP_free(c->group);
    ERR_clear_error();
}

static int scalar_set(struct curve *c, const uint8_t secret[32]) {
    if (!BN_bin2bn(secret, 32, c->scalar)) return ERR_NOMEM;
    BN_set_flags(c->scalar, BN_FLG_CONSTTIME);
    return BN_is_zero(c->scalar) || BN_cmp(c->scalar, EC_GROUP_get0_order(c->group)) >= 0 ? ERR_RANGE : 0;
}

/* 04 || x || y of a point that is not the one at infinity. */
static int point_out(struct curve *c, const EC_POINT *p, uint8_t out[P256_POINT_BYTES]) {
    size_t n = EC_POINT_point2oct(c->group, p, POINT_CONVERSION_UNCOMPRESSED, out, P256_POINT_BYTES, c->ctx);
    return n == P256_POINT_BYTES ? 0 : ERR_AUTH;
}

static int multiply_base(struct curve *c) {
    return EC_POINT_mul(c->group, c->to, c->scalar, NULL, NULL, c->ctx) == 1 ? 0 : ERR_INTERNAL;
}

int p256_public(uint8_t point[P256_POINT_BYTES], const uint8_t secret[P256_SECRET_BYTES]) {
    struct curve c;
    int r = curve_open(&c);
    if (r == 0) r = scalar_set(&c, secret);
    if (r == 0) r = multiply_base(&c);
    if (r == 0) r = point_out(&c, c.to, point);
    curve_close(&c);
    return r;
}

/* d or order - d, whichever has the even y. */
static int make_even(struct curve *c, uint8_t point[P256_POINT_BYTES]) {
    int r = multiply_base(c);
    if (r == 0) r = point_out(c, c->to, point);
    if (r != 0 || point[P256_POINT_BYTES - 1] % 2 == 0) return r;
    if (BN_sub(c->scalar, EC_GROUP_get0_order(c->group), c->scalar) != 1) return ERR_NOMEM;
    r = multiply_base(c);
    return r == 0 ? point_out(c, c->to, point) : r;
}

int p256_keypair(uint8_t x[P256_X_BYTES], uint8_t secret[P256_SECRET_BYTES]) {
    struct curve c;
    uint8_t point[P256_POINT_BYTES];
    int r = curve_open(&c);
    if (r == 0) {
        do random_bytes(secret, P256_SECRET_BYTES);
        while ((r = scalar_set(&c, secret)) == ERR_RANGE); /* once in 2^32 */
    }
    if (r == 0) r = make_even(&c, point);
    if (r == 0 && BN_bn2binpad(c.scalar, secret, P256_SECRET_BYTES) != P256_SECRET_BYTES) r = ERR_INTERNAL;
    if (r == 0) memcpy(x, point + 1, P256_X_BYTES);
    curve_close(&c);
    return r;
}

int p256_point(uint8_t point[P256_POINT_BYTES], const uint8_t x[P256_X_BYTES]) {
    uint8_t compressed[1 + P256_X_BYTES] = {2};
    struct curve c;
    int r = curve_open(&c);
    memcpy(compressed + 1, x, P256_X_BYTES);
    if (r == 0 && EC_POINT_oct2point(c.group, c.to, compressed, sizeof compressed, c.ctx) != 1) r = ERR_AUTH;
    if (r == 0) r = point_out(&c, c.to, point);
    curve_close(&c);
    return r;
}

int p256_ecdh(uint8_t out[32], const uint8_t secret[P256_SECRET_BYTES], const uint8_t point[P256_POINT_BYTES]) {
    struct curve c;
    int r = curve_open(&c);
    if (r == 0) r = scalar_set(&c, secret);
    if (r == 0 && (point[0] != 4 || EC_POINT_oct2point(c.group, c.at, point, P256_POINT_BYTES, c.ctx) != 1)) r = ERR_AUTH;
    if (r == 0 && EC_POINT_mul(c.group, c.to, NULL, c.at, c.scalar, c.ctx) != 1) r = ERR_INTERNAL;
    if (r == 0 && EC_POINT_get_affine_coordinates(c.group, c.to, c.x, c.y, c.ctx) != 1) r = ERR_AUTH;
    if (r == 0 && BN_bn2binpad(c.x, out, 32) != 32) r = ERR_INTERNAL;
    curve_close(&c);
    return r;
}
