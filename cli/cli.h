/* cli/cli.h - the commands. Each takes its own argv (argv[0] is the command's name) and returns the process's exit status. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

enum exit_status {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_INVALID = 10,      /* verify, replay: it was judged, and is wrong */
    EXIT_MALFORMED = 30,    /* verify, replay: cannot be judged */
    EXIT_INTERRUPTED = 130, /* Ctrl-C, as a shell says it */
    EXIT_PIPE = 141,        /* the reader of our output has left, likewise */
};

int cmd_attest(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_blind(int argc, char **argv);
int cmd_chat(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_logits(int argc, char **argv);
int cmd_model(int argc, char **argv);
int cmd_perplexity(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_tokenize(int argc, char **argv);
int cmd_verify(int argc, char **argv);

#endif
