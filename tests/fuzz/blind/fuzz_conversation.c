/* Fuzz: what a client makes of a worker's messages. The input is a list of messages, each u16 length (big endian) and as many
 * bytes; they are the worker's whole side of a conversation that asks for one product of two columns. Whatever they are, an
 * answer that passes is the product. */
#include "tests/fuzz/fuzz.h"

#include "blind/conversation.h"
#include "math/row8.h"

enum { ROWS = 33, COLS = 8, COLUMNS = 2 };
static int8_t weights[ROWS][COLS];
static uint32_t words[3 * (ROWS + COLS)], u[COLUMNS][COLS], want[COLUMNS][ROWS];
static struct freivalds check;
static struct linear stack;

struct script {
    const uint8_t *p;
    size_t n;
};

static int on_send(void *state, const uint8_t *message, size_t n) {
    (void)state;
    struct blind_message m;
    CHECK(blind_message_read(message, n, 1, &m) == 0); /* what we say can be read */
    return 0;
}
static int on_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct script *s = state;
    (void)wait_ms;
    if (s->n < 2) return ERR_IO;
    size_t length = (size_t)s->p[0] << 8 | s->p[1];
    if (length > s->n - 2) return ERR_IO;
    *message = s->p + 2;
    *n = length;
    s->p += 2 + length;
    s->n -= 2 + length;
    return 0;
}
static void on_close(void *state) { (void)state; }
static const struct blind_link_ops script_ops = {on_send, on_receive, on_close};

/* Fixed weights, checks and inputs: a seed that answers right stays right. */
static void set_up(void) {
    stack = (struct linear){.rows = ROWS, .cols = COLS, .field = field_of(COLS), .t = 1};
    freivalds_place(&check, stack.field, ROWS, COLS, words);
    for (uint32_t i = 0; i < 3 * ROWS; i++) words[i] = (i * 2654435761u + 12345u) % stack.field->p;
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t j = 0; j < COLS; j++) weights[row][j] = (int8_t)((int)((row * 31 + j * 17) % 255) - 127);
        freivalds_add_row(&check, row, weights[row]);
    }
    for (uint32_t c = 0; c < COLUMNS; c++)
        for (uint32_t j = 0; j < COLS; j++) u[c][j] = (c * 7 + j + 1) * 1000003u % stack.field->p;
    for (uint32_t c = 0; c < COLUMNS; c++)
        for (uint32_t row = 0; row < ROWS; row++) {
            int64_t sum = 0;
            for (uint32_t j = 0; j < COLS; j++) sum += (int64_t)weights[row][j] * u[c][j];
            want[c][row] = field_reduce_signed(stack.field, sum);
        }
}

static void hear_answer(struct conversation *c, uint32_t seq) {
    uint32_t z[COLUMNS][ROWS];
    struct answer a[COLUMNS];
    struct awaited due = {seq, 0, COLUMNS, a};
    enum blind_fault fault = FAULT_NONE;
    uint8_t code;
    int r;
    for (uint32_t i = 0; i < COLUMNS; i++)
        answer_begin(&a[i], &check, &(struct answer_slot){.n = i, .input = ANSWER_TO_DATA}, z[i], u[i]);
    while ((r = conversation_piece(c, &due, 0, &fault, &code)) == 0) {}
    CHECK(r == 1 || (r == ERR_LOST && fault != FAULT_NONE));
    if (r == 1) CHECK(memcmp(z, want, sizeof z) == 0);
    for (uint32_t i = 0; i < COLUMNS; i++) answer_end(&a[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct script s = {data, n};
    struct blind_link link = {.ops = &script_ops, .state = &s};
    struct conversation c;
    enum blind_fault fault;
    uint8_t code, packed[COLUMNS * COLS * 3];
    uint32_t seq;
    if (check.rows == 0) set_up();
    struct conversation_opts o = {.role = BLIND_ROLE_A, .stacks = &stack, .stack_count = 1, .to = 1, .columns = COLUMNS};
    CHECK(conversation_init(&c, &o) == 0);
    int r = conversation_open(&c, &link, &o, &fault, &code);
    if (r == 0) {
        for (uint32_t i = 0; i < COLUMNS; i++) CHECK(residues_pack(stack.field, packed + i * COLS * 3, u[i], COLS) == 0);
        CHECK(conversation_product(&c, 0, COLUMNS, packed, sizeof packed, &seq) == 0);
        hear_answer(&c, seq);
    } else {
        CHECK((fault == FAULT_NONE) == (r == ERR_NOTFOUND));
    }
    conversation_release(&c);
    return 0;
}
