/* matrix_x87.c: see matrix.h; built with -mfpmath=387. */
#define MATRIX_BENCH bench_matrix_x87
#include "matrix.h"
