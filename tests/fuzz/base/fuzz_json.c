/* The JSON glue: what is accepted can be printed and read again, and quoting any bytes gives valid JSON. */
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    json_t *j, *again;
    struct buf b;
    size_t pos;
    if (n > 1 << 16) return 0;
    if (json_parse(&j, data, n, &pos) == 0) {
        if (json_print(&b, j, 1 << 20) == 0) {
            if (json_parse(&again, b.data, b.len, NULL) != 0 || !json_equal(j, again)) abort();
            json_decref(again);
            buf_release(&b);
        }
        json_decref(j);
    }
    buf_init(&b, 1 << 20);
    if (json_quote(&b, (const char *)data, n) != 0 || json_parse(&j, b.data, b.len, NULL) != 0) abort();
    json_decref(j);
    buf_release(&b);
    return 0;
}
