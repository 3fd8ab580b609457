/* evidence/ima_line.c - see ima_line.h. */
#include "evidence/ima_line.h"

#include <string.h>

#include "base/hash.h"

enum { NAME_IN_IMA = 256, NAME_MAX_IN_IMA = 255 };

static const struct template {
    const char *name;
    int padded; /* no lengths; the name fills 256 bytes */
    int extra;  /* a third field */
}
templates[] = {
    {"ima", 1, 0}, {"ima-ng", 0, 0}, {"ima-ngv2", 0, 0}, {"ima-sig", 0, 1}, {"ima-sigv2", 0, 1}, {"ima-buf", 0, 1},
};

static const struct template *template_of(const struct ev_bytes name) {
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        if (strlen(templates[i].name) == name.n && memcmp(templates[i].name, name.p, name.n) == 0) return &templates[i];
    return NULL;
}

static const struct template *template_in(const struct ima_entry *e) {
    return template_of((struct ev_bytes){(const uint8_t *)e->template_name, strlen(e->template_name)});
}

/* ---- the template hash ---- */

static void put_hex(struct writer *w, struct ev_bytes hex) {
    uint8_t byte;
    for (size_t i = 0; i + 1 < hex.n; i += 2) {
        if (hex_decode(&byte, 1, (const char *)hex.p + i, 2) != 0) w->err = ERR_FORMAT;
        write_u8(w, byte);
    }
}

static void put_fields(struct writer *w, const struct template *t, const struct ima_entry *e) {
    size_t name = strlen(e->hash_name);
    if (t->padded) {
        write_bytes(w, e->digest, e->digest_size);
        write_bytes(w, e->path.p, e->path.n);
        write_zeros(w, NAME_IN_IMA - e->path.n);
        return;
    }
    write_u32_le(w, (uint32_t)(name + 2 + e->digest_size));
    write_bytes(w, e->hash_name, name);
    write_bytes(w, ":", 2); /* and its NUL */
    write_bytes(w, e->digest, e->digest_size);
    write_u32_le(w, (uint32_t)e->path.n + 1);
    write_bytes(w, e->path.p, e->path.n);
    write_u8(w, 0);
    if (!t->extra) return;
    write_u32_le(w, (uint32_t)(e->extra.n / 2));
    put_hex(w, e->extra);
}

int ima_template_hash(const struct ima_entry *e, uint16_t alg, uint8_t out[TPM_DIGEST_MAX]) {
    uint8_t fields[4 + 32 + TPM_DIGEST_MAX + 4 + IMA_PATH_MAX + 4 + IMA_EXTRA_MAX];
    if (tpm_hash_size(alg) == 0) return ERR_UNSUPPORTED;
    if (e->violation) {
        memset(out, 0xff, tpm_hash_size(alg));
        return 0;
    }
    const struct template *t = template_in(e);
    struct writer w = writer_over(fields, sizeof fields);
    if (!t || (t->padded && e->path.n > NAME_MAX_IN_IMA)) return ERR_FORMAT;
    put_fields(&w, t, e);
    return w.err ? w.err : tpm_hash(alg, out, fields, w.len);
}

/* ---- the words of a line ---- */

/* Up to the next space, which is taken; more than max bytes, or none before the line's end, is ERR_FORMAT. */
static struct ev_bytes word(struct reader *r, size_t max) {
    struct ev_bytes out = {r->p, 0};
    while (!r->err && out.n < r->left && out.n <= max && r->p[out.n] != ' ' && r->p[out.n] != '\n') out.n++;
    if (r->err || out.n == 0 || out.n > max || out.n == r->left || r->p[out.n] != ' ') {
        read_fail(r, ERR_FORMAT);
        return (struct ev_bytes){0};
    }
    read_bytes(r, out.n + 1);
    return out;
}

static uint16_t alg_of_size(size_t n) {
    static const uint16_t algs[] = {TPM_ALG_SHA1, TPM_ALG_SHA256, TPM_ALG_SHA384, TPM_ALG_SHA512};
    for (int i = 0; i < 4; i++)
        if (tpm_hash_size(algs[i]) == n) return algs[i];
    return 0;
}

static int read_hash(struct ima_line *l, struct ev_bytes hex) {
    uint8_t any = 0;
    l->hash_size = hex.n / 2;
    if (!alg_of_size(l->hash_size) || hex_decode(l->hash, l->hash_size, (const char *)hex.p, hex.n) != 0) return ERR_FORMAT;
    for (size_t i = 0; i < l->hash_size; i++) any |= l->hash[i];
    l->entry.violation = any == 0;
    return 0;
}

/* "sha256:<digits>", "verity:sha256:<digits>"; template ima has digits alone. */
static int read_digest(struct ima_entry *e, const struct template *t, struct ev_bytes text) {
    size_t name = text.n;
    while (name > 0 && text.p[name - 1] != ':') name--;
    if ((name > 0) == t->padded || name > sizeof e->hash_name) return ERR_FORMAT;
    if (name > 0) memcpy(e->hash_name, text.p, name - 1);
    if (t->padded) memcpy(e->hash_name, "sha1", 5);
    if (strlen(e->hash_name) != (t->padded ? 4 : name - 1) || !e->hash_name[0]) return ERR_FORMAT; /* a NUL in it */
    e->digest_size = (text.n - name) / 2;
    if (e->digest_size < 16 || e->digest_size > sizeof e->digest) return ERR_FORMAT;
    const char *plain = strrchr(e->hash_name, ':');
    size_t known = tpm_hash_size(tpm_hash_named(plain ? plain + 1 : e->hash_name));
    if (known && known != e->digest_size) return ERR_FORMAT;
    return hex_decode(e->digest, e->digest_size, (const char *)text.p + name, text.n - name);
}

/* ---- where the path ends ---- */

static int all_hex(struct ev_bytes s) {
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) return 0;
    return s.n % 2 == 0;
}

/* Path and extra as they are if the line ends at rest.n. split: the extra is what follows the last space. */
static int cut(struct ima_entry *e, const struct template *t, struct ev_bytes rest, int split) {
    size_t n = rest.n;
    e->extra = (struct ev_bytes){0};
    if (split) {
        while (n > 0 && rest.p[n - 1] != ' ') n--;
        if (!t->extra || n == 0) return 0;
        e->extra = (struct ev_bytes){rest.p + n, rest.n - n};
        if (!all_hex(e->extra) || e->extra.n / 2 > IMA_EXTRA_MAX) return 0;
        n--;
    }
    e->path = (struct ev_bytes){rest.p, n};
    return n < (t->padded ? NAME_IN_IMA : IMA_PATH_MAX) && (n == 0 || !memchr(rest.p, 0, n));
}

static int is_whole(struct ima_line *l) {
    uint8_t made[TPM_DIGEST_MAX];
    return l->entry.violation ||
           (ima_template_hash(&l->entry, alg_of_size(l->hash_size), made) == 0 && memcmp(made, l->hash, l->hash_size) == 0);
}

/* A name may hold line ends, so each is tried, and the template hash decides. */
static int find_end(struct ima_line *l, const struct template *t, struct ev_bytes rest) {
    size_t max = IMA_PATH_MAX + 2 * IMA_EXTRA_MAX + 1, end = 0;
    for (int lines = 0; lines <= IMA_PATH_LINES_MAX; lines++, end++) {
        while (end < rest.n && end < max && rest.p[end] != '\n') end++;
        if (end == max) return lines > 0 ? ERR_AUTH : ERR_LIMIT;
        int last = end == rest.n; /* a text's last line may have lost its end: whether it is whole the template hash says */
        struct ev_bytes here = {rest.p, end};
        for (int split = 1; split >= 0; split--)
            if (cut(&l->entry, t, here, split) && is_whole(l)) {
                l->taken = end + !last;
                return 0;
            }
        if (l->entry.violation) return ERR_FORMAT;
        if (last) return ERR_AUTH;
    }
    return ERR_AUTH;
}

int ima_line_read(struct ima_line *out, struct ev_bytes text, struct why *why) {
    struct ima_line l = {0};
    struct reader r = reader_over(text.p, text.n);
    if (text.n && text.p[0] == ' ') read_u8(&r); /* a PCR under 10 */
    struct ev_bytes pcr = word(&r, 2), hash = word(&r, 2 * TPM_DIGEST_MAX), name = word(&r, 32);
    if (r.err || read_hash(&l, hash) != 0)
        return why_set(why, ERR_FORMAT, "it does not begin with PCR, template hash and template");
    if (pcr.n != 2 || memcmp(pcr.p, "10", 2) != 0) return why_set(why, ERR_UNSUPPORTED, "it is for another PCR than 10");
    const struct template *t = template_of(name);
    if (!t) return why_set(why, ERR_UNSUPPORTED, "template \"%.*s\" is not read", (int)name.n, (const char *)name.p);
    l.entry.template_name = t->name;
    struct ev_bytes digest = word(&r, sizeof l.entry.hash_name + 2 * sizeof l.entry.digest);
    if (r.err || read_digest(&l.entry, t, digest) != 0) return why_set(why, ERR_FORMAT, "its digest is none");
    int e = find_end(&l, t, (struct ev_bytes){r.p, r.left});
    if (e == ERR_AUTH) return why_set(why, e, "its template hash is not that of its fields");
    if (e != 0) return why_set(why, e, "its path has no end, is too long, or has a NUL");
    l.taken += text.n - r.left;
    *out = l;
    return 0;
}
