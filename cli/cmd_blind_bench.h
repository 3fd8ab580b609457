/* cli/cmd_blind_bench.h - `lull blind bench`. */
#ifndef CLI_CMD_BLIND_BENCH_H
#define CLI_CMD_BLIND_BENCH_H

int cmd_blind_bench(int argc, char **argv);

#endif
