/* matrix.h: the product of two matrices of doubles, compiled once for x87 and once for SSE2: MATRIX_BENCH names it. */
#include "bench.h"

enum { N = 200 };

static OPAQUE void multiply(double (*c)[N], const double (*a)[N], const double (*b)[N]) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
}

uint32_t MATRIX_BENCH(void) {
    static double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = i - j;
            b[i][j] = i * j % 17;
        }
    multiply(c, a, b);
    uint32_t sum = 0;
    for (int i = 0; i < N; i++) sum = mix(sum, (uint32_t)(int32_t)c[i][N - 1 - i]);
    return sum;
}
