#if !__has_include(<cblas.h>)
#error "OpenBLAS is missing: run `make dependencies`, or install the Debian package libopenblas-dev"
#endif
#include <cblas.h>

/* Name of the kernels that OpenBLAS chose for this processor, such as `SkylakeX`. */
extern char *openblas_get_corename(void);
