/* The published configurations that the tool knows by name: a model a line, as tools/published-models writes them. */
#ifndef CMODELS_H
#define CMODELS_H

#include <stddef.h>

struct kvplan_model_bytes {
  const unsigned char *_Nonnull start;
  size_t count;
};

struct kvplan_model_bytes kvplan_published_models(void);

#endif
