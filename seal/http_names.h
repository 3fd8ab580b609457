/* seal/http_names.h - paths and header names between gateway, coordinator and node (PROTOCOL.md, HTTP/2).
 *
 * A refusal has the status code_http_status(code), the header lull-code with code_name(code), and no body. A job's answer is
 * 200, then the sealed stream; the node's trailer lull-usage carries its usage statement, and the coordinator gives the
 * gateway lull-countersign instead, which contains it. Both are hexadecimal. An answer that breaks off is reset, never ended. */
#ifndef SEAL_HTTP_NAMES_H
#define SEAL_HTTP_NAMES_H

#define PATH_LINK "/lull/v1/link" /* POST, coordinator to node: link records both ways, never ends by itself */
#define PATH_JOB  "/lull/v1/job"  /* POST, coordinator to node: envelope up, sealed stream down */
#define PATH_EVIDENCE \
    "/lull/v1/evidence" /* POST, gateway to coordinator, with ?node=IDENTITY, to node: nonce up, evidence envelope down */
#define PATH_ACTIVATE  "/lull/v1/activate"  /* the same way: a credential for the node's TPM up, the secret in it down */
#define PATH_DIRECTORY "/lull/v1/directory" /* GET, gateway to coordinator; ?model=NAME narrows it */
#define PATH_REQUESTS  "/lull/v1/requests"  /* POST, gateway to coordinator: envelope up, sealed stream down */
#define PATH_BLIND     "/lull/v1/blind"     /* POST, gateway to coordinator to node: a worker session, both bodies stay open */

#define HEADER_CODE         "lull-code"
#define HEADER_KEY          "lull-key"         /* key id of the worker that a session is for, 64 hex digits */
#define HEADER_JOB          "lull-job"         /* coordinator's job id, 32 hex digits, on an accepted request */
#define TRAILER_USAGE       "lull-usage"       /* 2 x USAGE_BYTES hex digits */
#define TRAILER_COUNTERSIGN "lull-countersign" /* 2 x COUNTERSIGN_BYTES hex digits */

#define EVIDENCE_CONTENT_TYPE "application/cmw+cbor"
enum { EVIDENCE_NONCE_BYTES = 32, EVIDENCE_BYTES_MAX = 4 << 20 };
/* A TPM2B_ID_OBJECT, then a TPM2B_ENCRYPTED_SECRET (TPM 2.0 Library, Part 2), as TPM2_ActivateCredential takes them. */
enum { ACTIVATE_BYTES_MIN = 4, ACTIVATE_BYTES_MAX = 512, ACTIVATE_SECRET_MAX = 64 };

#endif
