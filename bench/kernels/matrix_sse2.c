/* matrix_sse2.c: see matrix.h; built with -msse2 -mfpmath=sse. */
#define MATRIX_BENCH bench_matrix_sse2
#include "matrix.h"
