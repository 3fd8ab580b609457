/* What macOS's answers about a process mean, and what is said on the systems that do not give them. */
#include <string.h>

#include "platform/enclave.h"
#include "platform/macos_words.h"
#include "platform/process.h"
#include "tests/check.h"

enum { SIGNED = MACOS_CS_VALID | MACOS_CS_HARD | MACOS_CS_KILL | MACOS_CS_RUNTIME | MACOS_CS_REQUIRE_LV };

/* -1: it is not named. */
static int state_of(const struct measures *m, const char *name) {
    for (unsigned i = 0; i < m->count; i++)
        if (strcmp(m->list[i].name, name) == 0) return (int)m->list[i].state;
    return -1;
}

static int code_state(uint32_t flags, const char *name) {
    struct measures m = {.count = 0};
    macos_note_code(&m, 1, flags);
    return state_of(&m, name);
}

TEST(a_program_signed_with_the_hardened_runtime_has_it) {
    CHECK(code_state(SIGNED, "hardened_runtime") == MEASURE_GIVEN);
    CHECK(code_state(SIGNED, "no_debugger_entitlement") == MEASURE_GIVEN);
    CHECK(code_state(SIGNED, "library_validation") == MEASURE_GIVEN);
}

TEST(each_missing_flag_of_the_signature_is_noticed) {
    static const uint32_t needed[] = {MACOS_CS_VALID, MACOS_CS_HARD, MACOS_CS_KILL, MACOS_CS_RUNTIME};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        CHECK(code_state(SIGNED & ~needed[i], "hardened_runtime") == MEASURE_MISSING);
    CHECK(code_state(SIGNED | MACOS_CS_ADHOC, "hardened_runtime") == MEASURE_PARTLY);
    CHECK(code_state(SIGNED & ~(uint32_t)MACOS_CS_REQUIRE_LV, "library_validation") == MEASURE_MISSING);
}

TEST(an_entitlement_for_debuggers_or_a_debugger_that_was_there_is_noticed) {
    CHECK(code_state(SIGNED | MACOS_CS_GET_TASK_ALLOW, "no_debugger_entitlement") == MEASURE_MISSING);
    CHECK(code_state(SIGNED | MACOS_CS_DEBUGGED, "no_debugger_entitlement") == MEASURE_MISSING);
}

TEST(a_system_that_does_not_answer_gives_no_measure) {
    struct measures m = {.count = 0};
    macos_note_code(&m, 0, SIGNED);
    macos_note_integrity(&m, 0, 0);
    macos_note_environment(&m, NULL);
    CHECK(m.count == 5 && measures_in_state(&m, MEASURE_MISSING) == 5);
}

TEST(integrity_protection_is_on_at_zero_and_at_nothing_else) {
    for (uint32_t bit = 0; bit <= 32; bit++) {
        struct measures m = {.count = 0};
        macos_note_integrity(&m, 1, bit == 32 ? 0 : UINT32_C(1) << bit);
        CHECK(state_of(&m, "system_integrity") == (bit == 32 ? MEASURE_GIVEN : MEASURE_MISSING));
    }
}

static int environment_state(const char *variable) {
    char text[64], other[] = "PATH=/usr/bin";
    char *const env[] = {other, text, NULL};
    struct measures m = {.count = 0};
    snprintf(text, sizeof text, "%s", variable);
    macos_note_environment(&m, env);
    return state_of(&m, "no_inserted_libraries");
}

TEST(a_library_inserted_by_the_environment_is_noticed) {
    CHECK(environment_state("HOME=/") == MEASURE_GIVEN);
    CHECK(environment_state("XDYLD_INSERT_LIBRARIES=a") == MEASURE_GIVEN);
    CHECK(environment_state("DYLD_INSERT_LIBRARIES=a.dylib") == MEASURE_MISSING);
    CHECK(environment_state("DYLD_LIBRARY_PATH=/tmp") == MEASURE_PARTLY);
}

TEST(without_a_secure_enclave_every_call_says_so) {
    struct enclave *e = (struct enclave *)1;
    static struct enclave_certs certs;
    struct why why = {{0}};
    uint8_t out[ENCLAVE_SIGNATURE_MAX], value[65] = {4};
    size_t n = 1;
    CHECK(enclave_open(&e, &why) == ERR_UNSUPPORTED && !e && why.text[0]);
    CHECK(enclave_ecdh(NULL, out, value) == ERR_UNSUPPORTED);
    CHECK(enclave_sign(NULL, value, out, &n, &why) == ERR_UNSUPPORTED && n == 0);
    CHECK(enclave_certs("label", &certs, &why) == ERR_UNSUPPORTED && certs.count == 0);
    enclave_close(NULL);
}

TEST(what_runs_on_this_system_needs_no_caveat) { CHECK(process_caveat() == NULL); }

TESTS_MAIN("macos_words", T(a_program_signed_with_the_hardened_runtime_has_it), T(each_missing_flag_of_the_signature_is_noticed),
           T(an_entitlement_for_debuggers_or_a_debugger_that_was_there_is_noticed),
           T(a_system_that_does_not_answer_gives_no_measure), T(integrity_protection_is_on_at_zero_and_at_nothing_else),
           T(a_library_inserted_by_the_environment_is_noticed), T(without_a_secure_enclave_every_call_says_so),
           T(what_runs_on_this_system_needs_no_caveat))
