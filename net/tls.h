/* net/tls.h - TLS 1.3 (RFC 8446) contexts. No tickets, no resumption, no renegotiation; nothing turns verification off.
 *
 * ALPN says which protocol a connection speaks: "lull/1" is a node, "h2" a gateway; anything else fails the handshake. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum tls_proto { TLS_NODE, TLS_GATEWAY, TLS_PROTOS }; /* "lull/1", "h2" */

struct tls;
/* Accepts both protocols. Files are PEM; the certificate file may hold a chain. */
int tls_server_new(struct tls **out, const char *cert_file, const char *key_file, struct why *why);

struct tls_client_opts {
    enum tls_proto proto;
    const char *ca_file; /* PEM roots instead of the system's; NULL: the system's */
    const char *pin; /* "sha256:HEX" of the peer's SubjectPublicKeyInfo instead of a chain; NULL: chain and name are checked */
};
int tls_client_new(struct tls **out, const struct tls_client_opts *o, struct why *why);
void tls_free(struct tls *t); /* after the connections made from it; NULL is fine */

/* Why a connection could not be made, for the person who set it up. */
struct tls_fault {
    const char *text; /* a literal: what is wrong and what to do; NULL: nothing to add to the error */
    char names[128];  /* the certificate's, when they are the matter: "a.example,10.0.0.1"; else "" */
};

enum { TLS_PIN_BYTES = 72 };
/* Pin text of a PEM certificate file. */
int tls_pin_of_file(const char *cert_file, char out[TLS_PIN_BYTES], struct why *why);

/* Makes cert_file (0644) and key_file (0600) when either is missing: P-256, self-signed, ten years. SANs: localhost, 127.0.0.1,
 * ::1, the host's name, and each of names (a DNS name or a numeric address), no one twice. When both are there and names has one
 * that the certificate lacks, it is issued anew with the same key for the old and the new names: TLS_FILES_REISSUED. Pins stay
 * valid, copies of the old certificate do not (OpenSSL wants a self-signed root to be the very same). ERR_EXISTS: it lacks a name
 * and was not made here with that key. */
enum { TLS_FILES_REISSUED = 1 };
int tls_files_make(const char *cert_file, const char *key_file, const char *const *names, size_t name_count, struct why *why);

#endif
