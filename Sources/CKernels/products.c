#include <string.h>

#include "ckernels.h"
#include "dispatch.h"

/* Multiplies `row_count` rows with one panel or several, all sums in registers.
 *
 *     panel 0        panel 1          each: [depth][32]
 *     |16|16|        |16|16|          row i: 2 * panels vectors of 16 sums
 *
 * Rows share the loads of the weights; a single row takes several panels at once, so that chains of
 * multiply-adds overlap. Neither changes the order of any sum. */
#define CK_TILE(name, row_count, panel_count)                                                  \
  CK_INLINE void name(const ck_product *p, size_t row, size_t panel) {                         \
    ck_v16 sums[row_count][2 * panel_count];                                                   \
    memset(sums, 0, sizeof sums);                                                              \
    const float *in = p->in + row * p->depth;                                                  \
    const float *weights = p->weights + panel * p->depth * CK_PANEL;                           \
    for (size_t k = 0; k < p->depth; k++) {                                                    \
      _Pragma("unroll") for (size_t j = 0; j < panel_count; j++) {                             \
        const float *w = weights + (j * p->depth + k) * CK_PANEL;                              \
        ck_v16 low = CK_LOAD(w), high = CK_LOAD(w + 16);                                       \
        _Pragma("unroll") for (size_t i = 0; i < row_count; i++) {                             \
          float x = in[i * p->depth + k];                                                      \
          sums[i][2 * j] += low * x;                                                           \
          sums[i][2 * j + 1] += high * x;                                                      \
        }                                                                                      \
      }                                                                                        \
    }                                                                                          \
    _Pragma("unroll") for (size_t i = 0; i < row_count; i++) {                                 \
      _Pragma("unroll") for (size_t j = 0; j < 2 * panel_count; j++) {                         \
        ck_put(p, row + i, panel * CK_PANEL + 16 * j, &sums[i][j]);                            \
      }                                                                                        \
    }                                                                                          \
  }

/* Writes sixteen columns of a row, or as many as the matrix has. */
CK_INLINE void ck_put(const ck_product *p, size_t row, size_t column, const ck_v16 *sums) {
  if (column >= p->columns) return;
  float *out = p->out + row * p->columns + column;
  if (p->columns - column >= 16) {
    CK_STORE(out, p->accumulates ? CK_LOAD(out) + *sums : *sums);
    return;
  }
  for (size_t i = 0; i < p->columns - column; i++) {
    out[i] = p->accumulates ? out[i] + (*sums)[i] : (*sums)[i];
  }
}

CK_TILE(ck_tile_8, 8, 1)
CK_TILE(ck_tile_4, 4, 1)
CK_TILE(ck_tile_2, 2, 2)
CK_TILE(ck_tile_1, 1, 4)
CK_TILE(ck_tile_2_last, 2, 1)
CK_TILE(ck_tile_1_last, 1, 1)

/* Rows whose panel stays in the second-level cache while they pass over it. */
enum { row_block = 64 };

CK_INLINE void ck_multiply_body(const ck_product *p) {
  size_t panels = (p->columns + CK_PANEL - 1) / CK_PANEL;
  for (size_t first = 0; first < p->rows; first += row_block) {
    size_t end = first + row_block < p->rows ? first + row_block : p->rows;
    size_t tiled = first + (end - first) / 4 * 4;
    for (size_t panel = 0; panel < panels; panel++) {
      size_t row = first;
      for (; row + 8 <= tiled; row += 8) ck_tile_8(p, row, panel);
      for (; row + 4 <= tiled; row += 4) ck_tile_4(p, row, panel);
    }
    size_t row = tiled;
    if (row + 2 <= end) {
      size_t panel = 0;
      for (; panel + 2 <= panels; panel += 2) ck_tile_2(p, row, panel);
      for (; panel < panels; panel++) ck_tile_2_last(p, row, panel);
      row += 2;
    }
    if (row < end) {
      size_t panel = 0;
      for (; panel + 4 <= panels; panel += 4) ck_tile_1(p, row, panel);
      for (; panel < panels; panel++) ck_tile_1_last(p, row, panel);
    }
  }
}
CK_DISPATCH(void, ck_multiply, (const ck_product *product), (product))

size_t ck_packed_size(size_t depth, size_t columns) {
  return (columns + CK_PANEL - 1) / CK_PANEL * CK_PANEL * depth;
}

void ck_pack(const float *matrix, size_t depth, size_t columns, int is_transposed, float *packed) {
  for (size_t panel = 0; panel * CK_PANEL < columns; panel++) {
    for (size_t k = 0; k < depth; k++) {
      for (size_t j = 0; j < CK_PANEL; j++) {
        size_t column = panel * CK_PANEL + j;
        size_t place = is_transposed ? column * depth + k : k * columns + column;
        *packed++ = column < columns ? matrix[place] : 0;
      }
    }
  }
}
