/* net/http_check.h - what a request's headers must look like before anything else is done. Pure functions, no I/O. */
#ifndef NET_HTTP_CHECK_H
#define NET_HTTP_CHECK_H

#include <stddef.h>

/* 1 if a Host value (with or without port) names this machine or its private network: empty is refused; localhost, *.localhost,
 * own_name, host.docker.internal, host.containers.internal, loopback, private, link-local and unspecified addresses pass.
 * *.local and *.internal pass unless only this machine is served (on_loopback): whoever answers for such a name in the user's
 * network could point it here. */
int http_host_allowed(const char *host, const char *own_name, int on_loopback);
/* 1 for pages of this machine: http or https at localhost, 127.0.0.0/8 or [::1], any port, and the app schemes app://,
 * file://, tauri://, vscode-webview://, vscode-file://. "null" and all else are refused. */
int http_origin_allowed(const char *origin);
/* 1 if value is "Bearer KEY" (scheme in any case). Takes the same time wherever the first difference lies. */
int http_bearer_matches(const char *value, const char *key);
/* 1 if a Content-Encoding means that the body is not plain ("identity" and "" are plain). */
int http_encoding_compressed(const char *value);
/* Splits a request target in origin form. 1 ok; 0: not origin form, or bytes outside printable ASCII. */
int http_target_split(const char *target, char *path, size_t path_cap, const char **query);

#endif
