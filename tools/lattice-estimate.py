#!/usr/bin/env python3
"""Estimated security of the blind tier's lattice mode, for the table in blind/lattice_params.c. Standard library only.

Core-SVP cost of the primal attack on a learning-with-errors secret (Alkim, Ducas, Poeppelmann, Schwabe: "Post-quantum key exchange -
a new hope", 2016, section 6.3): a lattice of dimension D = m + n + 1 holds the short vector (e, s, 1); BKZ with blocks of b finds it when
    sigma * sqrt(b) <= delta(b)^(2b - D - 1) * volume^(1/D),      delta(b) = ((pi b)^(1/b) * b / (2 pi e))^(1/(2(b-1))).
Where s is shorter than e, its coordinates are stretched by sigma_e / sigma_s (Bai, Galbraith, 2014), so that
volume = q^m * (sigma_e / sigma_s)^n. One call of the shortest-vector oracle costs 2^(0.292 b) (classical sieving), 2^(0.265 b) (quantum).
The attacker chooses m. Rounding to p is further noise, which this leaves out, as it leaves out all costs but that one call: both make the
true cost higher. Dual and hybrid attacks, and attacks on the ring, are not computed.

The script first computes Kyber512, 768 and 1024 and stops if it does not get 118, 182 and 255 classical bits. (The lattice estimator of
Albrecht and others, whose uSVP line is this attack, prints block sizes of 406 and 624, 118.6 and 182.2 bits for the first two.)
usage: lattice-estimate.py [--json]
"""
import json
import math
import sys

CLASSICAL, QUANTUM = 0.292, 0.265


def log2_delta(b):
    return (math.log2(math.pi * b) / b + math.log2(b / (2 * math.pi * math.e))) / (2 * (b - 1))


def found(b, n, m, log2_q, sigma_s, sigma_e):
    """Does BKZ with blocks of b find the secret from m samples?"""
    dim = m + n + 1
    if b > dim:
        return False
    stretch = max(1.0, sigma_e / sigma_s)
    volume = (m * log2_q + n * math.log2(stretch)) / dim
    return math.log2(sigma_e) + math.log2(b) / 2 <= (2 * b - dim - 1) * log2_delta(b) + volume


def best_block(n, q, sigma_s, sigma_e, samples):
    """The smallest block size that works for some number of samples, and that number."""
    log2_q = math.log2(q)
    low, high = 50, 4 * n

    def works(b):
        for m in range(max(1, b - n), samples + 1, 4):
            if found(b, n, m, log2_q, sigma_s, sigma_e):
                return m
        return 0

    while low < high:  # bigger blocks find whatever smaller ones do
        mid = (low + high) // 2
        if works(mid):
            high = mid
        else:
            low = mid + 1
    return low, works(low)


def binomial(eta):
    return math.sqrt(eta / 2)


def uniform(low, high):
    return math.sqrt(((high - low + 1) ** 2 - 1) / 12)


def row(name, rank, q, sigma_s, sigma_e, samples):
    b, m = best_block(256 * rank, q, sigma_s, sigma_e, samples)
    return {"name": name, "rank": rank, "block_size": b, "samples": m,
            "classical": math.floor(CLASSICAL * b), "quantum": math.floor(QUANTUM * b)}


def kyber(rank, eta):
    return row("Kyber%d" % (256 * rank), rank, 3329, binomial(eta), binomial(eta), 256 * (rank + 1))


# The parameters of the third round (eta of the keys): block sizes and bits.
CHECKS = [(kyber(2, 3), 406, 118), (kyber(3, 2), 624, 182), (kyber(4, 2), 874, 255)]

LULL_Q = 2013265921
# A block gives 256 samples for each input coordinate, more than any attack wants: the bound only ends the search.
LULL = [row("d%d" % d, d, LULL_Q, uniform(-1, 1), uniform(-32, 31), 256 * 4 * d) for d in (6, 5)]


def main():
    wrong = [c["name"] for c, block, bits in CHECKS if (c["block_size"], c["classical"]) != (block, bits)]
    if "--json" in sys.argv[1:]:
        print(json.dumps({"checks": [c for c, _, _ in CHECKS], "lull": LULL, "checks_hold": not wrong}))
    else:
        print("%-10s %4s %6s %8s %10s %8s" % ("", "rank", "block", "samples", "classical", "quantum"))
        for r in [c for c, _, _ in CHECKS] + LULL:
            print("%-10s %4d %6d %8d %10d %8d" % tuple(r[k] for k in ("name", "rank", "block_size", "samples", "classical", "quantum")))
    if wrong:
        sys.exit("not what is known for: " + ", ".join(wrong))


if __name__ == "__main__":
    main()
