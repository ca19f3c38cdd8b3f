#include <math.h>

#include "ckernels.h"
#include "dispatch.h"

int ck_level(void) {
#if defined(__x86_64__)
  static int known = -1;
  int level = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (level >= 0) return level;
  level = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
          && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
      ? ck_avx512
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? ck_avx2
                                                                        : ck_baseline;
  __atomic_store_n(&known, level, __ATOMIC_RELAXED);
  return level;
#else
  return ck_baseline;
#endif
}

const char *ck_instruction_set(void) {
  switch (ck_level()) {
    case ck_avx512: return "avx512";
    case ck_avx2: return "avx2";
    default: return "baseline";
  }
}

CK_INLINE void ck_rms_norm_body(
    const float *x, const float *weight, float *out, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, x += width, out += width) {
    ck_v16 squares = {0};
    for (size_t i = 0; i < width; i += 16) squares += CK_LOAD(x + i) * CK_LOAD(x + i);
    float sum;
    CK_SUM(sum, squares);
    float scale = 1.0f / sqrtf(sum / (float)width + 1e-5f);
    for (size_t i = 0; i < width; i += 16) {
      CK_STORE(out + i, CK_LOAD(x + i) * scale * CK_LOAD(weight + i));
    }
  }
}
CK_DISPATCH(
    void, ck_rms_norm,
    (const float *x, const float *weight, float *out, size_t rows, size_t width),
    (x, weight, out, rows, width))

CK_INLINE void ck_layer_norm_body(
    const float *x, const float *weight, const float *bias, float *out, size_t rows,
    size_t width) {
  for (size_t row = 0; row < rows; row++, x += width, out += width) {
    ck_v16 values = {0}, squares = {0};
    float sum, variance;
    for (size_t i = 0; i < width; i += 16) values += CK_LOAD(x + i);
    CK_SUM(sum, values);
    float mean = sum / (float)width;
    for (size_t i = 0; i < width; i += 16) {
      ck_v16 d = CK_LOAD(x + i) - mean;
      squares += d * d;
    }
    CK_SUM(variance, squares);
    float scale = 1.0f / sqrtf(variance / (float)width + 1e-5f);
    for (size_t i = 0; i < width; i += 16) {
      CK_STORE(
          out + i, (CK_LOAD(x + i) - mean) * scale * CK_LOAD(weight + i) + CK_LOAD(bias + i));
    }
  }
}
CK_DISPATCH(
    void, ck_layer_norm,
    (const float *x, const float *weight, const float *bias, float *out, size_t rows,
     size_t width),
    (x, weight, bias, out, rows, width))

void ck_add(const float *x, float *out, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, out += width) {
    for (size_t i = 0; i < width; i++) out[i] += x[i];
  }
}

void ck_relu(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] > 0 ? x[i] : 0;
}

void ck_rotate(float *row, size_t heads, size_t dim, const float *cosines, const float *sines) {
  size_t half = dim / 2;
  for (size_t head = 0; head < heads; head++, row += dim) {
    for (size_t i = 0; i < half; i++) {
      float a = row[i], b = row[half + i];
      row[i] = a * cosines[i] - b * sines[i];
      row[half + i] = a * sines[i] + b * cosines[i];
    }
  }
}

CK_INLINE void ck_silu_multiply_body(
    const float *gate_up, float *out, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, gate_up += 2 * width, out += width) {
    for (size_t i = 0; i < width; i += 16) {
      /* silu(x) = x / (1 + exp(-x)); with e = exp(-|x|) the exponential never overflows. */
      ck_v16 x = CK_LOAD(gate_up + i);
      ck_i16 is_positive = x > 0.0f;
      ck_v16 e = (ck_v16)((ck_i16)x | (int32_t)0x80000000);
      CK_EXP(e);
      ck_v16 one = e * 0.0f + 1.0f;
      ck_v16 above = (ck_v16)(((ck_i16)one & is_positive) | ((ck_i16)e & ~is_positive));
      CK_STORE(out + i, x * above / (1.0f + e) * CK_LOAD(gate_up + width + i));
    }
  }
}
CK_DISPATCH(
    void, ck_silu_multiply,
    (const float *gate_up, float *out, size_t rows, size_t width), (gate_up, out, rows, width))

/* The finaliser of splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t ck_hash(uint64_t x) {
  uint64_t z = x + 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void ck_fill_uniform(float *x, size_t count, uint64_t seed, float scale) {
  uint64_t stream = ck_hash(seed);
  for (size_t i = 0; i < count; i++) {
    float unit = (float)(ck_hash(stream ^ i) >> 40) * 0x1p-24f;
    x[i] = (2.0f * unit - 1.0f) * scale;
  }
}

size_t ck_argmax(const float *x, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; i++) best = x[i] > x[best] ? i : best;
  return best;
}

CK_INLINE size_t ck_sample_body(
    const float *x, size_t count, double temperature, double uniform) {
  float max = x[ck_argmax(x, count)];
  float scale = (float)(1.0 / temperature);
  /* Twice over the row: its sum, then the place of `uniform` of it. Added up in groups of sixteen,
   * in double precision; `count` is a multiple of sixteen. */
  double total = 0;
  for (size_t i = 0; i < count; i += 16) {
    ck_v16 v = (CK_LOAD(x + i) - max) * scale;
    CK_EXP(v);
    float sum;
    CK_SUM(sum, v);
    total += sum;
  }
  double left = uniform * total;
  for (size_t i = 0; i < count; i += 16) {
    ck_v16 v = (CK_LOAD(x + i) - max) * scale;
    CK_EXP(v);
    float sum;
    CK_SUM(sum, v);
    if (left >= sum && i + 16 < count) {
      left -= sum;
      continue;
    }
    for (size_t j = 0; j < 15; j++) {
      left -= v[j];
      if (left < 0) return i + j;
    }
    return i + 15;
  }
  return count - 1;
}
CK_DISPATCH(
    size_t, ck_sample, (const float *x, size_t count, double temperature, double uniform),
    (x, count, temperature, uniform))
