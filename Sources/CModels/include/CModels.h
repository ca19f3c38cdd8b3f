/* The configurations that the tool knows by name, a model a line: published ones, as tools/published-models writes them, and
   recalled ones. */
#ifndef CMODELS_H
#define CMODELS_H

#include <stddef.h>

struct kvplan_model_bytes {
  const unsigned char *_Nonnull start;
  size_t count;
};

struct kvplan_model_bytes kvplan_published_models(void);
struct kvplan_model_bytes kvplan_recalled_models(void);

#endif
