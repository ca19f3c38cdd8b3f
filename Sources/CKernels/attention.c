#include <math.h>
#include <string.h>

#include "ckernels.h"
#include "dispatch.h"

/* Query tokens that pass over the keys and values together. */
enum { tile_tokens = 8 };
/* Rows (a query token in a query head) whose sums are in registers together. */
enum { row_step = 4 };
/* Tokens whose scores are computed together. */
enum { token_step = 4 };
/* Tokens of a chunk: a whole block, so that the heads of a block are read one after another as they
 * lie in memory, or several small blocks, or a part of a great one. */
enum { chunk_min = 16, chunk_max = 256 };

/* A tile of query tokens on its way through the attention of one sequence.
 *
 *     row = kv_head * rows_per_head + token of the tile * group + head of the group
 */
typedef struct {
  const ck_attention *a;
  /* First token of the tile and how many there are. */
  size_t first, tokens;
  /* Query heads of a KV head; rows of a KV head; rows of all. */
  size_t group, rows_per_head, rows;
  /* Tokens that the last row of the tile sees, and the same as whole vectors. */
  size_t context, stride;
  /* [rows][stride] scores, then weights; [rows][2][dim] sums of even and odd tokens. */
  float *scores, *sums;
} ck_tile;

CK_INLINE size_t ck_chunk(const ck_attention *a) {
  size_t chunk = a->block_size < chunk_max ? a->block_size : chunk_max;
  return chunk > chunk_min ? (chunk + 3) / 4 * 4 : chunk_min;
}

/* Where the rows of the tokens of a chunk are, for KV head 0; of head h they lie
 * h * block_size * dim further. */
CK_INLINE void ck_find(
    const ck_attention *a, const float *arena, size_t token, size_t count,
    const float **places) {
  const int32_t *block = a->table + token / a->block_size;
  size_t slot = token % a->block_size, size = a->kv_heads * a->block_size * a->dim;
  const float *place = arena + (size_t)*block * size + slot * a->dim;
  for (size_t t = 0; t < count; t++) {
    places[t] = place;
    place += a->dim;
    if (++slot < a->block_size || t + 1 == count) continue;
    slot = 0;
    place = arena + (size_t)*++block * size;
  }
}

CK_INLINE const float *ck_query(const ck_tile *tile, size_t row) {
  size_t head = row / tile->rows_per_head * tile->group + row % tile->group;
  size_t token = tile->first + row % tile->rows_per_head / tile->group;
  return tile->a->queries + (token * tile->a->heads + head) * tile->a->dim;
}

/* Scores of a few rows of one KV head with the tokens of a chunk, four tokens at a time.
 *
 * The last step repeats the last token, so that every score is computed by the same code. */
#define CK_SCORES(name, row_count)                                                             \
  CK_INLINE void name(                                                                         \
      const ck_tile *tile, size_t row, const float *const *places, size_t offset,              \
      size_t token, size_t count) {                                                            \
    size_t dim = tile->a->dim;                                                                 \
    float scale = 1.0f / sqrtf((float)dim);                                                    \
    const float *q[row_count];                                                                 \
    for (size_t r = 0; r < row_count; r++) q[r] = ck_query(tile, row + r);                     \
    float *scores = tile->scores + row * tile->stride + token;                                 \
    for (size_t start = 0; start < count; start += token_step) {                               \
      const float *k[token_step];                                                              \
      _Pragma("unroll") for (size_t t = 0; t < token_step; t++) {                              \
        k[t] = places[start + t < count ? start + t : count - 1] + offset;                     \
      }                                                                                        \
      ck_v16 sums[row_count][token_step];                                                      \
      memset(sums, 0, sizeof sums);                                                            \
      for (size_t d = 0; d < dim; d += 16) {                                                   \
        _Pragma("unroll") for (size_t t = 0; t < token_step; t++) {                            \
          ck_v16 key = CK_LOAD(k[t] + d);                                                      \
          _Pragma("unroll") for (size_t r = 0; r < row_count; r++) {                           \
            sums[r][t] += key * CK_LOAD(q[r] + d);                                             \
          }                                                                                    \
        }                                                                                      \
      }                                                                                        \
      _Pragma("unroll") for (size_t r = 0; r < row_count; r++) {                               \
        _Pragma("unroll") for (size_t t = 0; t < token_step; t++) {                            \
          float score;                                                                         \
          CK_SUM(score, sums[r][t]);                                                           \
          scores[r * tile->stride + start + t] = score * scale;                                \
        }                                                                                      \
      }                                                                                        \
    }                                                                                          \
  }
CK_SCORES(ck_scores_1, 1)
CK_SCORES(ck_scores_2, 2)
CK_SCORES(ck_scores_4, row_step)

/* Adds weight times value of the tokens of a chunk for `vectors` * 16 columns of a few rows of one
 * KV head; even and odd tokens have sums of their own, so that twice as many chains overlap. */
#define CK_VALUES(name, row_count, vectors)                                                    \
  CK_INLINE void name(                                                                         \
      const ck_tile *tile, size_t row, const float *const *places, size_t offset,              \
      size_t token, size_t count) {                                                            \
    size_t dim = tile->a->dim;                                                                 \
    const float *weights = tile->scores + row * tile->stride + token;                          \
    ck_v16 sums[2][row_count][vectors];                                                        \
    _Pragma("unroll") for (size_t r = 0; r < row_count; r++) {                                 \
      float *kept = tile->sums + (row + r) * 2 * dim + offset % dim;                           \
      _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {                                 \
        sums[0][r][v] = CK_LOAD(kept + 16 * v);                                                \
        sums[1][r][v] = CK_LOAD(kept + dim + 16 * v);                                          \
      }                                                                                        \
    }                                                                                          \
    for (size_t start = 0; start < count; start += 2) {                                        \
      _Pragma("unroll") for (size_t odd = 0; odd < 2; odd++) {                                 \
        const float *value = places[start + odd < count ? start + odd : start] + offset;       \
        _Pragma("unroll") for (size_t r = 0; r < row_count; r++) {                             \
          float weight = weights[r * tile->stride + start + odd];                              \
          _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {                             \
            sums[odd][r][v] += CK_LOAD(value + 16 * v) * weight;                               \
          }                                                                                    \
        }                                                                                      \
      }                                                                                        \
    }                                                                                          \
    _Pragma("unroll") for (size_t r = 0; r < row_count; r++) {                                 \
      float *kept = tile->sums + (row + r) * 2 * dim + offset % dim;                           \
      _Pragma("unroll") for (size_t v = 0; v < vectors; v++) {                                 \
        CK_STORE(kept + 16 * v, sums[0][r][v]);                                                \
        CK_STORE(kept + dim + 16 * v, sums[1][r][v]);                                          \
      }                                                                                        \
    }                                                                                          \
  }
CK_VALUES(ck_values_1, 1, 4)
CK_VALUES(ck_values_1_last, 1, 1)
CK_VALUES(ck_values_2, 2, 4)
CK_VALUES(ck_values_2_last, 2, 1)
CK_VALUES(ck_values_4, row_step, 2)
CK_VALUES(ck_values_4_last, row_step, 1)

/* Turns a row's scores with the `context` tokens it sees into exp(score - max), those with later
 * tokens up to `end` into zeros, and returns the sum. */
CK_INLINE float ck_exponentials(float *scores, size_t context, size_t end) {
  for (size_t t = context; t < end; t++) scores[t] = -INFINITY;
  ck_v16 greatest = CK_LOAD(scores);
  for (size_t t = 16; t < context; t += 16) {
    ck_v16 v = CK_LOAD(scores + t);
    ck_i16 is_greater = v > greatest;
    greatest = (ck_v16)(((ck_i16)v & is_greater) | ((ck_i16)greatest & ~is_greater));
  }
  float max = greatest[0];
  for (size_t i = 1; i < 16; i++) max = greatest[i] > max ? greatest[i] : max;
  ck_v16 sums = {0};
  for (size_t t = 0; t < context; t += 16) {
    ck_v16 v = CK_LOAD(scores + t) - max;
    CK_EXP(v);
    CK_STORE(scores + t, v);
    sums += v;
  }
  for (size_t t = (context + 15) / 16 * 16; t < end; t++) scores[t] = 0;
  float sum;
  CK_SUM(sum, sums);
  return sum;
}

/* All scores of the tile. */
CK_INLINE void ck_score_pass(const ck_tile *tile) {
  const ck_attention *a = tile->a;
  const float *places[chunk_max];
  size_t chunk = ck_chunk(a);
  for (size_t token = 0; token < tile->context; token += chunk) {
    size_t count = token + chunk < tile->context ? chunk : tile->context - token;
    ck_find(a, a->keys, token, count, places);
    for (size_t head = 0; head < a->kv_heads; head++) {
      size_t offset = head * a->block_size * a->dim;
      size_t row = head * tile->rows_per_head, end = row + tile->rows_per_head;
      for (; row + 4 <= end; row += 4) ck_scores_4(tile, row, places, offset, token, count);
      for (; row + 2 <= end; row += 2) ck_scores_2(tile, row, places, offset, token, count);
      if (row < end) ck_scores_1(tile, row, places, offset, token, count);
    }
  }
}

/* The weighted values of all rows of one KV head in a chunk. */
CK_INLINE void ck_add_values(
    const ck_tile *tile, size_t head, const float *const *places, size_t token, size_t count) {
  size_t dim = tile->a->dim, offset = head * tile->a->block_size * dim;
  size_t row = head * tile->rows_per_head, end = row + tile->rows_per_head;
  for (; row + 4 <= end; row += 4) {
    size_t d = 0;
    for (; d + 32 <= dim; d += 32) ck_values_4(tile, row, places, offset + d, token, count);
    for (; d < dim; d += 16) ck_values_4_last(tile, row, places, offset + d, token, count);
  }
  for (; row + 2 <= end; row += 2) {
    size_t d = 0;
    for (; d + 64 <= dim; d += 64) ck_values_2(tile, row, places, offset + d, token, count);
    for (; d < dim; d += 16) ck_values_2_last(tile, row, places, offset + d, token, count);
  }
  if (row < end) {
    size_t d = 0;
    for (; d + 64 <= dim; d += 64) ck_values_1(tile, row, places, offset + d, token, count);
    for (; d < dim; d += 16) ck_values_1_last(tile, row, places, offset + d, token, count);
  }
}

CK_INLINE void ck_value_pass(const ck_tile *tile) {
  const ck_attention *a = tile->a;
  const float *places[chunk_max];
  size_t chunk = ck_chunk(a);
  memset(tile->sums, 0, tile->rows * 2 * a->dim * sizeof(float));
  for (size_t token = 0; token < tile->context; token += chunk) {
    size_t count = token + chunk < tile->context ? chunk : tile->context - token;
    ck_find(a, a->values, token, count, places);
    for (size_t head = 0; head < a->kv_heads; head++) {
      ck_add_values(tile, head, places, token, count);
    }
  }
}

CK_INLINE void ck_attend_tile(const ck_tile *tile) {
  const ck_attention *a = tile->a;
  ck_score_pass(tile);
  float inverse[tile->rows];
  for (size_t row = 0; row < tile->rows; row++) {
    size_t token = tile->first + row % tile->rows_per_head / tile->group;
    inverse[row] = 1.0f / ck_exponentials(
        tile->scores + row * tile->stride, a->first_position + token + 1, tile->stride);
  }
  ck_value_pass(tile);
  for (size_t row = 0; row < tile->rows; row++) {
    float *out = a->out + (ck_query(tile, row) - a->queries);
    const float *even = tile->sums + row * 2 * a->dim, *odd = even + a->dim;
    for (size_t d = 0; d < a->dim; d += 16) {
      CK_STORE(out + d, (CK_LOAD(even + d) + CK_LOAD(odd + d)) * inverse[row]);
    }
  }
}

CK_INLINE void ck_attend_body(const ck_attention *a) {
  for (size_t first = 0; first < a->rows; first += tile_tokens) {
    ck_tile tile;
    tile.a = a;
    tile.first = first;
    tile.tokens = first + tile_tokens < a->rows ? tile_tokens : a->rows - first;
    tile.group = a->heads / a->kv_heads;
    tile.rows_per_head = tile.tokens * tile.group;
    tile.rows = tile.tokens * a->heads;
    tile.context = a->first_position + first + tile.tokens;
    tile.stride = (tile.context + 15) / 16 * 16;
    tile.scores = a->scratch;
    tile.sums = a->scratch + tile.rows * tile.stride;
    ck_attend_tile(&tile);
  }
}
CK_DISPATCH(void, ck_attend, (const ck_attention *attention), (attention))

size_t ck_scratch_size(size_t context, size_t heads, size_t dim) {
  return tile_tokens * heads * ((context + 15) / 16 * 16 + 2 * dim);
}

void ck_store(
    const float *rows, size_t stride, float *arena, const int32_t *table, size_t row_count,
    size_t first_position, size_t kv_heads, size_t dim, size_t block_size) {
  for (size_t row = 0; row < row_count; row++) {
    size_t position = first_position + row;
    float *block = arena + (size_t)table[position / block_size] * kv_heads * block_size * dim;
    for (size_t head = 0; head < kv_heads; head++) {
      memcpy(
          block + (head * block_size + position % block_size) * dim,
          rows + row * stride + head * dim, dim * sizeof(float));
    }
  }
}

CK_INLINE void ck_softmax_body(float *x, size_t count) {
  float scratch[16];
  size_t whole = count / 16 * 16, rest = count - whole;
  float max = x[0];
  for (size_t i = 1; i < count; i++) max = x[i] > max ? x[i] : max;
  ck_v16 sums = {0};
  for (size_t i = 0; i < whole; i += 16) {
    ck_v16 v = CK_LOAD(x + i) - max;
    CK_EXP(v);
    CK_STORE(x + i, v);
    sums += v;
  }
  if (rest > 0) {
    for (size_t i = 0; i < 16; i++) scratch[i] = i < rest ? x[whole + i] : -INFINITY;
    ck_v16 v = CK_LOAD(scratch) - max;
    CK_EXP(v);
    CK_STORE(scratch, v);
    memcpy(x + whole, scratch, rest * sizeof(float));
    sums += v;
  }
  float sum;
  CK_SUM(sum, sums);
  float inverse = 1.0f / sum;
  for (size_t i = 0; i < count; i++) x[i] *= inverse;
}
CK_DISPATCH(void, ck_softmax, (float *x, size_t count), (x, count))
