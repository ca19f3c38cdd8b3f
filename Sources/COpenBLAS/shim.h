#if !__has_include(<cblas.h>)
#error "OpenBLAS is missing: run `make dependencies`, or install the Debian package libopenblas-dev"
#endif
#include <cblas.h>

/* Name of the kernels that OpenBLAS chose for this processor, such as `SkylakeX`. */
extern char *openblas_get_corename(void);

/* LAPACK's linear least squares by QR; Debian's OpenBLAS has it, but no header that declares it. */
extern void dgels_(
    const char *trans, const int *rows, const int *columns, const int *right_sides, double *a,
    const int *leading_a, double *b, const int *leading_b, double *work, const int *work_size,
    int *info);
