#include "CProfiles.h"

/* Embedded, not installed beside the tool: a binary that is copied elsewhere keeps its profiles. */
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char a100[] = {
#embed "profiles/a100.json"
};

static const unsigned char h100[] = {
#embed "profiles/h100.json"
};

static const unsigned char b200[] = {
#embed "profiles/b200.json"
};

static const unsigned char rtx_pro_6000[] = {
#embed "profiles/rtx-pro-6000.json"
};

#define PROFILE(name) \
  struct kvplan_profile_bytes kvplan_profile_##name(void) { \
    return (struct kvplan_profile_bytes){name, sizeof name}; \
  }

PROFILE(a100)
PROFILE(h100)
PROFILE(b200)
PROFILE(rtx_pro_6000)
