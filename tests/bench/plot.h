/* tests/bench/plot.h - a line plot as SVG: x logarithmic to base 2, y from zero, one line per series, a legend. */
#ifndef TESTS_BENCH_PLOT_H
#define TESTS_BENCH_PLOT_H

enum { PLOT_LINES = 6, PLOT_POINTS = 16 };
struct plot_line {
    const char *name;
    int dashed, n;
    double x[PLOT_POINTS], y[PLOT_POINTS]; /* x > 0 ascending */
};
struct plot {
    const char *title, *x_label, *y_label;
    int lines;
    struct plot_line line[PLOT_LINES];
};
/* Writes the file; 0, or -1 when it cannot be written or there is nothing to draw. */
int plot_write(const struct plot *p, const char *path);

#endif
