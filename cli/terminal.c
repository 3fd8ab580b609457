/* cli/terminal.c - see terminal.h. */
#include "cli/terminal.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_control(uint32_t cp) { return (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0); }

size_t terminal_clean(const char *text, size_t n, char *out) {
    size_t to = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_get((const uint8_t *)text + i, n - i, &cp);
        if (len > 0 && !is_control(cp)) {
            memcpy(out + to, text + i, (size_t)len);
            to += (size_t)len;
        } else {
            memcpy(out + to, "\xef\xbf\xbd", 3);
            to += 3;
        }
        i += len > 0 ? (size_t)len : 1;
    }
    return to;
}

int terminal_write(const char *text, size_t n) {
    char *clean = isatty(STDOUT_FILENO) ? malloc(3 * n + 1) : NULL;
    if (clean) {
        size_t len = terminal_clean(text, n, clean);
        fwrite(clean, 1, len, stdout);
        mem_wipe(clean, 3 * n + 1);
        free(clean);
    } else if (!isatty(STDOUT_FILENO)) fwrite(text, 1, n, stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : ERR_IO;
}
