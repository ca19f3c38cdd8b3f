#include "CModels.h"

/* Embedded, not installed beside the tool: a binary that is copied elsewhere keeps its models. */
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char published[] = {
#embed "models/published.tsv"
};

struct kvplan_model_bytes kvplan_published_models(void) {
  return (struct kvplan_model_bytes){published, sizeof published};
}

static const unsigned char recalled[] = {
#embed "models/recalled.tsv"
};

struct kvplan_model_bytes kvplan_recalled_models(void) {
  return (struct kvplan_model_bytes){recalled, sizeof recalled};
}
