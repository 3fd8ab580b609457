/* Fuzz: messages of a worker session, from either side. What is accepted has exactly one spelling. */
#include "tests/fuzz/fuzz.h"

#include "blind/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static uint8_t again[1 << 17];
    for (int from_client = 0; from_client < 2; from_client++) {
        struct blind_message m;
        if (n > sizeof again || blind_message_read(data, n, from_client, &m) != 0) continue;
        struct writer w = writer_over(again, sizeof again);
        blind_message_write(&w, &m);
        CHECK(w.err == 0 && w.len == n && memcmp(again, data, n) == 0);
        if (m.type != BLIND_ORDER) continue;
        for (unsigned i = 0; i < m.order.range_count; i++) {
            struct blind_range g = blind_order_range(&m.order, i);
            CHECK(g.count >= 1 && g.count <= BLIND_COLUMNS_MAX);
            (void)blind_order_key(&m.order, g.n);
        }
    }
    return 0;
}
