/* tests/swtpm.h - a software TPM of our own for a test: made in a fresh folder, with an endorsement certificate of a CA that is made
 * there too. In one header, so that unit tests and end-to-end tests can have it. */
#ifndef TESTS_SWTPM_H
#define TESTS_SWTPM_H

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

#define SWTPM static __attribute__((unused))

struct swtpm {
    pid_t pid;
    char dir[64];
    char tcti[64]; /* for chip_open */
};
SWTPM int swtpm_write_text(const char *dir, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    if (!f) return ERR_IO;
    fputs(text, f);
    return fclose(f) == 0 ? 0 : ERR_IO;
}

/* A port that is free now, and the one after it. */
SWTPM int swtpm_two_ports(void) {
    for (int tries = 0; tries < 50; tries++) {
        int fd[2], port = 0, good = 1;
        for (int i = 0; i < 2; i++) {
            struct sockaddr_in a = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                    .sin_port = htons((uint16_t)(port ? port + 1 : 0))};
            socklen_t n = sizeof a;
            fd[i] = socket(AF_INET, SOCK_STREAM, 0);
            good = good && bind(fd[i], (struct sockaddr *)&a, sizeof a) == 0 &&
                   getsockname(fd[i], (struct sockaddr *)&a, &n) == 0;
            if (!port) port = ntohs(a.sin_port);
        }
        close(fd[0]);
        close(fd[1]);
        if (good) return port;
    }
    return -1;
}

SWTPM int swtpm_manufacture(const char *dir) {
    char text[512], cmd[512];
    snprintf(text, sizeof text,
             "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = %s/localca.conf\ncreate_certs_tool_options "
             "= %s/options.conf\n",
             dir, dir);
    int r = swtpm_write_text(dir, "setup.conf", text);
    snprintf(text, sizeof text, "statedir = %s\nsigningkey = %s/key.pem\nissuercert = %s/ca.pem\ncertserial = %s/serial\n", dir,
             dir, dir, dir);
    if (r == 0) r = swtpm_write_text(dir, "localca.conf", text);
    if (r == 0)
        r = swtpm_write_text(dir, "options.conf", "--platform-manufacturer test\n--platform-version 1\n--platform-model test\n");
    snprintf(cmd, sizeof cmd,
             "swtpm_setup --tpm2 --tpmstate %s --config %s/setup.conf --create-ek-cert --lock-nvram >%s/log 2>&1", dir, dir, dir);
    return r == 0 && system(cmd) == 0 ? 0 : ERR_IO;
}

/* 0; ERR_NOTFOUND: swtpm is not installed; ERR_IO. */
SWTPM int swtpm_start(struct swtpm *t) {
    char state[96], server[64], control[64];
    *t = (struct swtpm){.pid = 0};
    if (system("command -v swtpm >/dev/null && command -v swtpm_setup >/dev/null") != 0) return ERR_NOTFOUND;
    snprintf(t->dir, sizeof t->dir, "/tmp/lull-swtpm-XXXXXX");
    int port = swtpm_two_ports();
    if (port < 0 || !mkdtemp(t->dir) || swtpm_manufacture(t->dir) != 0) return ERR_IO;
    snprintf(state, sizeof state, "dir=%s", t->dir);
    snprintf(server, sizeof server, "type=tcp,port=%d,bindaddr=127.0.0.1", port);
    snprintf(control, sizeof control, "type=tcp,port=%d,bindaddr=127.0.0.1", port + 1);
    snprintf(t->tcti, sizeof t->tcti, "swtpm:host=127.0.0.1,port=%d", port);
    t->pid = fork();
    if (t->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", control, "--flags",
               "not-need-init,startup-clear", (char *)NULL);
        _exit(127);
    }
    return t->pid > 0 ? 0 : ERR_IO;
}

/* Fine on a zeroed one. */
SWTPM void swtpm_stop(struct swtpm *t) {
    char cmd[128];
    if (t->pid > 0) {
        kill(t->pid, SIGKILL);
        waitpid(t->pid, NULL, 0);
    }
    snprintf(cmd, sizeof cmd, "rm -rf %s", t->dir);
    if (t->dir[0] && system(cmd) != 0) fprintf(stderr, "%s stays\n", t->dir);
    *t = (struct swtpm){.pid = 0};
}

#endif
