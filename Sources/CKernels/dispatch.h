/* Compiles a function three times and picks one when it is called.
 *
 * The body is an always_inline function; each copy inlines it under its own instruction set. Chosen
 * by hand and not by `target_clones`, whose resolvers run before the sanitizers are ready. */
#ifndef CK_DISPATCH_H
#define CK_DISPATCH_H

#define CK_INLINE static inline __attribute__((always_inline))

enum { ck_baseline, ck_avx2, ck_avx512 };
int ck_level(void);

#if defined(__x86_64__)
#define CK_DISPATCH(type, name, parameters, arguments)                                         \
  __attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static type                \
  name##_avx512 parameters { return name##_body arguments; }                                   \
  __attribute__((target("arch=x86-64-v3"))) static type name##_avx2 parameters {              \
    return name##_body arguments;                                                              \
  }                                                                                            \
  static type name##_baseline parameters { return name##_body arguments; }                     \
  type name parameters {                                                                       \
    switch (ck_level()) {                                                                      \
      case ck_avx512: return name##_avx512 arguments;                                          \
      case ck_avx2: return name##_avx2 arguments;                                              \
      default: return name##_baseline arguments;                                               \
    }                                                                                          \
  }
#else
#define CK_DISPATCH(type, name, parameters, arguments) \
  type name parameters { return name##_body arguments; }
#endif

/* Sixteen floats: one register of AVX-512, two of AVX2, four of the baseline. */
typedef float ck_v16 __attribute__((vector_size(64)));
typedef float ck_v16u __attribute__((vector_size(64), aligned(4)));
typedef float ck_v8 __attribute__((vector_size(32)));
typedef float ck_v4 __attribute__((vector_size(16)));
typedef int32_t ck_i16 __attribute__((vector_size(64)));

#define CK_LOAD(p) (*(const ck_v16u *)(p))
#define CK_STORE(p, v) (*(ck_v16u *)(p) = (v))

/* The sum of sixteen lanes, always in the same order: halves onto halves. */
#define CK_SUM(result, v)                                                                      \
  do {                                                                                         \
    ck_v16 sum_v = (v);                                                                        \
    ck_v8 sum_8 = __builtin_shufflevector(sum_v, sum_v, 0, 1, 2, 3, 4, 5, 6, 7)                \
        + __builtin_shufflevector(sum_v, sum_v, 8, 9, 10, 11, 12, 13, 14, 15);                 \
    ck_v4 sum_4 = __builtin_shufflevector(sum_8, sum_8, 0, 1, 2, 3)                            \
        + __builtin_shufflevector(sum_8, sum_8, 4, 5, 6, 7);                                   \
    (result) = (sum_4[0] + sum_4[2]) + (sum_4[1] + sum_4[3]);                                  \
  } while (0)

/* v = exp(v) for v <= 0, to 2 units in the last place; below -87 it is 0.
 *
 * 2^n by the exponent's bits, the rest by a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2]
 * (the coefficients of Cephes' expf). */
#define CK_EXP(v)                                                                              \
  do {                                                                                         \
    ck_v16 exp_x = (v);                                                                        \
    ck_i16 exp_live = exp_x > -87.0f;                                                          \
    exp_x = (ck_v16)((ck_i16)exp_x & exp_live);                                                \
    ck_v16 exp_k = exp_x * 1.44269504f - 0.5f;                                                 \
    ck_i16 exp_n = __builtin_convertvector(exp_k, ck_i16);                                     \
    ck_v16 exp_f = __builtin_convertvector(exp_n, ck_v16);                                     \
    ck_v16 exp_r = (exp_x - exp_f * 0.693359375f) + exp_f * 2.12194440e-4f;                    \
    ck_v16 exp_p = exp_r * 1.9875691500e-4f + 1.3981999507e-3f;                                \
    exp_p = exp_p * exp_r + 8.3334519073e-3f;                                                  \
    exp_p = exp_p * exp_r + 4.1665795894e-2f;                                                  \
    exp_p = exp_p * exp_r + 1.6666665459e-1f;                                                  \
    exp_p = exp_p * exp_r + 5.0000001201e-1f;                                                  \
    exp_p = exp_p * exp_r * exp_r + (exp_r + 1.0f);                                            \
    ck_v16 exp_power = (ck_v16)((exp_n + 127) << 23);                                          \
    (v) = (ck_v16)((ck_i16)(exp_p * exp_power) & exp_live);                                    \
  } while (0)

#endif
