/* The inner loops of the reference transformer, fp32, one thread.
 *
 * Every result of every function depends on the row it belongs to and on nothing beside it: not on
 * how many rows are computed together, not on the size of KV blocks or where they are. Each sum has
 * one order, so that a token computed in a batch of paged sequences is equal, bit for bit, to the
 * one computed alone in contiguous memory. (OpenBLAS does not promise that; its sgemm gives other
 * last bits at other numbers of rows.)
 *
 * Three copies of the code are compiled for x86-64 (baseline, AVX2 with FMA, AVX-512) and the best
 * one that the processor knows is taken; results of different processors may differ in last bits.
 */
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Columns of a panel of packed weights, floats. */
#define CK_PANEL 32

/* Name of the copy in use: `avx512`, `avx2` or `baseline`. */
const char *ck_instruction_set(void);

/* A matrix product: out[rows, columns] (+)= in[rows, depth] x weights[depth, columns].
 *
 * `weights` is packed by ck_pack: panels of CK_PANEL columns, [columns / CK_PANEL][depth][CK_PANEL].
 * Each element is one chain of multiply-adds over `depth` from 0 up. */
typedef struct {
  const float *in;
  const float *weights;
  float *out;
  size_t rows, depth, columns;
  /* Add to `out` instead of overwriting it. */
  int accumulates;
} ck_product;
void ck_multiply(const ck_product *product);

/* Floats of a packed [depth, columns] matrix: the last panel is filled up with zeros. */
size_t ck_packed_size(size_t depth, size_t columns);

/* Packs a row-major [depth, columns] matrix, or, if `is_transposed`, a row-major
 * [columns, depth] one. */
void ck_pack(const float *matrix, size_t depth, size_t columns, int is_transposed, float *packed);

/* Causal attention of the `rows` newest tokens of one sequence in one layer.
 *
 *     tokens   0        first_position        first_position + rows
 *              |-- resident --|-- these rows --|      row i sees first_position + i + 1 tokens
 *
 * `queries` and `out` are [rows][heads][dim]; `keys` and `values` are arenas of blocks, each
 * [kv_heads][block_size][dim], and `table` names the blocks of the sequence in order. `heads` is a
 * multiple of `kv_heads`, `dim` of 16. `scratch` has room for ck_scratch_size floats. */
typedef struct {
  const float *queries;
  const float *keys;
  const float *values;
  const int32_t *table;
  float *out;
  float *scratch;
  size_t rows, first_position;
  size_t heads, kv_heads, dim, block_size;
} ck_attention;
void ck_attend(const ck_attention *attention);
size_t ck_scratch_size(size_t context, size_t heads, size_t dim);

/* Writes `rows` rows of [kv_heads][dim] keys or values, `stride` floats apart, into the blocks. */
void ck_store(
    const float *rows, size_t stride, float *arena, const int32_t *table, size_t row_count,
    size_t first_position, size_t kv_heads, size_t dim, size_t block_size);

/* Softmax in place. */
void ck_softmax(float *x, size_t count);

/* out = x / rms(x) * weight, for each row of `width` floats. */
void ck_rms_norm(const float *x, const float *weight, float *out, size_t rows, size_t width);

/* out = (x - mean(x)) / deviation(x) * weight + bias, for each row of `width` floats. */
void ck_layer_norm(
    const float *x, const float *weight, const float *bias, float *out, size_t rows,
    size_t width);

/* Adds `width` floats to each row of `out`. */
void ck_add(const float *x, float *out, size_t rows, size_t width);

/* x = max(x, 0) in place. */
void ck_relu(float *x, size_t count);

/* Rotates the halves of each head by the row's position:
 * (a, b) -> (a cos - b sin, a sin + b cos), with [position][dim / 2] tables. */
void ck_rotate(
    float *row, size_t heads, size_t dim, const float *cosines, const float *sines);

/* out[i] = silu(gate_up[i]) * gate_up[width + i], for each row of 2 * width floats. */
void ck_silu_multiply(const float *gate_up, float *out, size_t rows, size_t width);

/* Uniform draws in [-scale, scale), element i from a hash of (seed, i). */
void ck_fill_uniform(float *x, size_t count, uint64_t seed, float scale);

/* Index of the greatest element, the first of equals. */
size_t ck_argmax(const float *x, size_t count);

/* Index drawn from softmax(x / temperature) by inversion of `uniform` in [0, 1). */
size_t ck_sample(const float *x, size_t count, double temperature, double uniform);

#endif
