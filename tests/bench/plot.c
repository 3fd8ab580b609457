/* tests/bench/plot.c - see plot.h. */
#include "tests/bench/plot.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 640, HEIGHT = 400, LEFT = 70, RIGHT = 20, TOP = 40, BOTTOM = 50, TICKS = 5 };
static const char *const colours[PLOT_LINES] = {"#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#b9770e", "#444444"};

struct scale {
    double x0, x1, y1; /* log2 of the x range; the largest y */
};

static double at_x(const struct scale *s, double x) {
    double part = s->x1 > s->x0 ? (log2(x) - s->x0) / (s->x1 - s->x0) : 0.5;
    return LEFT + part * (WIDTH - LEFT - RIGHT);
}
static double at_y(const struct scale *s, double y) { return HEIGHT - BOTTOM - y / s->y1 * (HEIGHT - TOP - BOTTOM); }

/* 1, 2 or 5 times a power of ten, so that TICKS of them reach y. */
static double step_for(double y) {
    double ten = pow(10, floor(log10(y / TICKS))), part = y / TICKS / ten;
    return ten * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static int find_scale(const struct plot *p, struct scale *s) {
    double lo = INFINITY, hi = 0, top = 0;
    for (int l = 0; l < p->lines; l++)
        for (int i = 0; i < p->line[l].n; i++) {
            lo = fmin(lo, p->line[l].x[i]), hi = fmax(hi, p->line[l].x[i]);
            top = fmax(top, p->line[l].y[i]);
        }
    if (!(hi > 0) || !(top > 0)) return -1;
    double step = step_for(top);
    *s = (struct scale){log2(lo), log2(hi), step * ceil(top / step)};
    return 0;
}

static void axes(FILE *f, const struct plot *p, const struct scale *s) {
    for (double y = 0, step = step_for(s->y1); y <= s->y1 * 1.0001; y += step)
        fprintf(f, "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/><text x='%d' y='%.1f' text-anchor='end'>%g</text>\n",
                LEFT, WIDTH - RIGHT, at_y(s, y), at_y(s, y), LEFT - 6, at_y(s, y) + 4, y);
    const struct plot_line *longest = &p->line[0];
    for (int l = 1; l < p->lines; l++)
        if (p->line[l].n > longest->n) longest = &p->line[l];
    for (int i = 0; i < longest->n; i++)
        fprintf(f, "<text x='%.1f' y='%d' text-anchor='middle'>%g</text>\n", at_x(s, longest->x[i]), HEIGHT - BOTTOM + 18,
                longest->x[i]);
    fprintf(f, "<text x='%d' y='20' font-size='15'>%s</text>\n", LEFT, p->title);
    fprintf(f, "<text x='%d' y='%d' text-anchor='middle'>%s</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, p->x_label);
    fprintf(f, "<text transform='translate(16 %d) rotate(-90)' text-anchor='middle'>%s</text>\n", (TOP + HEIGHT - BOTTOM) / 2,
            p->y_label);
}

static void draw(FILE *f, const struct plot_line *l, const struct scale *s, int number) {
    const char *colour = colours[number % PLOT_LINES];
    fprintf(f, "<polyline fill='none' stroke='%s' stroke-width='2'%s points='", colour,
            l->dashed ? " stroke-dasharray='6 4'" : "");
    for (int i = 0; i < l->n; i++) fprintf(f, "%.1f,%.1f ", at_x(s, l->x[i]), at_y(s, l->y[i]));
    fprintf(f, "'/>\n");
    for (int i = 0; i < l->n; i++)
        fprintf(f, "<circle cx='%.1f' cy='%.1f' r='3' fill='%s'/>\n", at_x(s, l->x[i]), at_y(s, l->y[i]), colour);
    fprintf(f, "<text x='%d' y='%d' fill='%s' text-anchor='end'>%s</text>\n", WIDTH - RIGHT - 6, TOP + 16 + 16 * number, colour,
            l->name);
}

int plot_write(const struct plot *p, const char *path) {
    struct scale s;
    FILE *f = find_scale(p, &s) == 0 ? fopen(path, "we") : NULL;
    if (!f) return -1;
    fprintf(f,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' font-size='12' fill='#222'>\n",
            WIDTH, HEIGHT);
    fprintf(f, "<rect width='%d' height='%d' fill='white'/>\n", WIDTH, HEIGHT);
    axes(f, p, &s);
    for (int l = 0; l < p->lines; l++) draw(f, &p->line[l], &s, l);
    fprintf(f, "</svg>\n");
    return fclose(f) == 0 ? 0 : -1;
}
