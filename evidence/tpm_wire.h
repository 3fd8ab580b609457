/* evidence/tpm_wire.h - structures of TPM 2.0 (TCG "TPM 2.0 Library", part 2), big-endian, read bounded and whole.
 *
 * What is read points into the caller's bytes. Read are the kinds that evidence is made of: quotes and certified creations, signatures
 * of RSA and ECDSA, public areas of RSA and elliptic keys. Everything else is ERR_UNSUPPORTED. */
#ifndef EVIDENCE_TPM_WIRE_H
#define EVIDENCE_TPM_WIRE_H

#include "evidence/tpm_pcr.h"

enum {
    TPM_ATTEST_BYTES_MAX = 1024,
    TPM_PUBLIC_BYTES_MAX = 1024,
    TPM_SIGNATURE_BYTES_MAX = 520, /* RSA-4096, or ECDSA: with its head */
    TPM_CREATION_BYTES_MAX = 512,
    TPM_RSA_BYTES_MAX = 512,
    TPM_NAME_BYTES = 2 + 32, /* of a key whose names are SHA-256, and we take no others */
};
enum { TPM_MAGIC = 0xff544347, TPM_ST_QUOTE = 0x8018, TPM_ST_CREATION = 0x801a };
enum { TPM_ALG_RSASSA = 0x0014, TPM_ALG_RSAPSS = 0x0016, TPM_ALG_ECDSA = 0x0018, TPM_ALG_ECDH = 0x0019, TPM_ALG_NULL = 0x0010 };
enum { TPM_ALG_RSA = 0x0001, TPM_ALG_ECC = 0x0023, TPM_CURVE_P256 = 0x0003, TPM_CURVE_P384 = 0x0004 };
enum { TPM_RH_OWNER = 0x40000001, TPM_RH_NULL = 0x40000007, TPM_RH_ENDORSEMENT = 0x4000000b };

/* TPMS_ATTEST. */
struct tpm_attest {
    uint32_t magic;
    uint16_t type;
    struct ev_bytes whole;  /* what the signature covers */
    struct ev_bytes signer; /* qualified name */
    struct ev_bytes extra;  /* what the caller asked to have signed with it: the nonce */
    uint64_t clock, firmware;
    uint32_t reset_count, restart_count;
    uint8_t safe;
    struct tpm_selection select; /* of a quote */
    struct ev_bytes pcr_digest;
    struct ev_bytes name, creation_hash; /* of a certified creation */
};
/* Reads one from r and leaves what follows. Errors stick in r. ERR_VERSION: not the magic; ERR_UNSUPPORTED: another type: magic and type
 * are set in both cases. */
int tpm_attest_read(struct reader *r, struct tpm_attest *out);
/* A type that TPM2 knows, whether we read it or not. */
int tpm_attest_type_known(uint16_t type);

/* TPMT_SIGNATURE. */
struct tpm_signature {
    uint16_t scheme, hash; /* scheme 0: RSA of a kind that was not said (raw bytes), RSASSA or RSAPSS */
    struct ev_bytes r, s;  /* RSA: all of it is r */
};
int tpm_signature_read(struct reader *r, struct tpm_signature *out);

/* TPMA_OBJECT. */
enum {
    TPM_FIXED_TPM = 1 << 1,
    TPM_FIXED_PARENT = 1 << 4,
    TPM_SENSITIVE_DATA_ORIGIN = 1 << 5,
    TPM_USER_WITH_AUTH = 1 << 6,
    TPM_ADMIN_WITH_POLICY = 1 << 7,
    TPM_NO_DA = 1 << 10,
    TPM_RESTRICTED = 1 << 16,
    TPM_DECRYPT = 1 << 17,
    TPM_SIGN = 1 << 18,
};
/* TPMT_PUBLIC of an RSA or elliptic key. */
struct tpm_public {
    struct ev_bytes whole; /* what its name is made of */
    uint16_t type, name_alg;
    uint32_t attributes;
    struct ev_bytes auth_policy;
    uint16_t symmetric, scheme, scheme_hash; /* TPM_ALG_NULL: none */
    uint16_t rsa_bits, curve, kdf;
    uint32_t exponent;
    struct ev_bytes x, y; /* RSA: the modulus is x */
};
/* ERR_UNSUPPORTED: another type of object, or an algorithm that we do not know the form of. */
int tpm_public_read(struct reader *r, struct tpm_public *out);
/* A TPM2B_PUBLIC or a TPMT_PUBLIC that fills the bytes exactly. */
int tpm_public_of(struct ev_bytes bytes, struct tpm_public *out);
/* 000b || SHA-256(public). ERR_UNSUPPORTED: its names are made with another hash. */
int tpm_name(const struct tpm_public *p, uint8_t out[TPM_NAME_BYTES]);
/* The qualified name of a primary key directly under a hierarchy (TPM_RH_*). */
void tpm_qualified_primary(uint32_t hierarchy, const uint8_t name[TPM_NAME_BYTES], uint8_t out[TPM_NAME_BYTES]);

/* TPMS_CREATION_DATA. */
struct tpm_creation {
    struct ev_bytes whole;
    struct tpm_selection select;
    struct ev_bytes pcr_digest;
    uint8_t locality;
    uint16_t parent_name_alg;
    struct ev_bytes parent_name, parent_qualified, outside;
};
/* A TPM2B_CREATION_DATA or a TPMS_CREATION_DATA that fills the bytes exactly. */
int tpm_creation_of(struct ev_bytes bytes, struct tpm_creation *out);

#endif
