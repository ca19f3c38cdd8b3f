#include "CProfiles.h"

#include <string.h>

/* Embedded, not installed beside the tool: a binary that is copied elsewhere keeps its profiles.
   tools/make-profiles writes them; another one is three lines here and a line of the list below. */
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char a100[] = {
#embed "profiles/a100.json"
};

static const unsigned char h100[] = {
#embed "profiles/h100.json"
};

static const unsigned char h200[] = {
#embed "profiles/h200.json"
};

static const unsigned char b200[] = {
#embed "profiles/b200.json"
};

static const unsigned char b300[] = {
#embed "profiles/b300.json"
};

static const unsigned char gb200[] = {
#embed "profiles/gb200.json"
};

static const unsigned char l40s[] = {
#embed "profiles/l40s.json"
};

static const unsigned char rtx_pro_6000[] = {
#embed "profiles/rtx-pro-6000.json"
};

static const unsigned char a100_vllm[] = {
#embed "profiles/a100-vllm.json"
};

static const unsigned char a100_sglang[] = {
#embed "profiles/a100-sglang.json"
};

static const unsigned char a100_trtllm[] = {
#embed "profiles/a100-trtllm.json"
};

static const unsigned char h100_vllm[] = {
#embed "profiles/h100-vllm.json"
};

static const unsigned char h100_sglang[] = {
#embed "profiles/h100-sglang.json"
};

static const unsigned char h100_trtllm[] = {
#embed "profiles/h100-trtllm.json"
};

static const unsigned char h200_vllm[] = {
#embed "profiles/h200-vllm.json"
};

static const unsigned char h200_sglang[] = {
#embed "profiles/h200-sglang.json"
};

static const unsigned char h200_trtllm[] = {
#embed "profiles/h200-trtllm.json"
};

static const unsigned char b200_vllm[] = {
#embed "profiles/b200-vllm.json"
};

static const unsigned char b200_sglang[] = {
#embed "profiles/b200-sglang.json"
};

static const unsigned char b200_trtllm[] = {
#embed "profiles/b200-trtllm.json"
};

static const unsigned char b300_vllm[] = {
#embed "profiles/b300-vllm.json"
};

static const unsigned char b300_sglang[] = {
#embed "profiles/b300-sglang.json"
};

static const unsigned char b300_trtllm[] = {
#embed "profiles/b300-trtllm.json"
};

static const unsigned char gb200_vllm[] = {
#embed "profiles/gb200-vllm.json"
};

static const unsigned char gb200_sglang[] = {
#embed "profiles/gb200-sglang.json"
};

static const unsigned char gb200_trtllm[] = {
#embed "profiles/gb200-trtllm.json"
};

static const unsigned char l40s_vllm[] = {
#embed "profiles/l40s-vllm.json"
};

static const unsigned char l40s_sglang[] = {
#embed "profiles/l40s-sglang.json"
};

static const unsigned char l40s_trtllm[] = {
#embed "profiles/l40s-trtllm.json"
};

static const unsigned char rtx_pro_6000_vllm[] = {
#embed "profiles/rtx-pro-6000-vllm.json"
};

static const unsigned char rtx_pro_6000_sglang[] = {
#embed "profiles/rtx-pro-6000-sglang.json"
};

static const unsigned char rtx_pro_6000_trtllm[] = {
#embed "profiles/rtx-pro-6000-trtllm.json"
};

static const unsigned char h100_states[] = {
#embed "profiles/h100-states.json"
};

static const unsigned char h200_states[] = {
#embed "profiles/h200-states.json"
};

static const unsigned char b200_states[] = {
#embed "profiles/b200-states.json"
};

static const unsigned char b300_states[] = {
#embed "profiles/b300-states.json"
};

static const unsigned char gb200_states[] = {
#embed "profiles/gb200-states.json"
};

static const unsigned char l40s_states[] = {
#embed "profiles/l40s-states.json"
};

static const unsigned char rtx_pro_6000_states[] = {
#embed "profiles/rtx-pro-6000-states.json"
};

static const unsigned char served_errors[] = {
#embed "profiles/served-errors.tsv"
};

static const struct {
  const char *name;
  struct kvplan_profile_bytes bytes;
} profiles[] = {
  {"a100", {a100, sizeof a100}},
  {"h100", {h100, sizeof h100}},
  {"h200", {h200, sizeof h200}},
  {"b200", {b200, sizeof b200}},
  {"b300", {b300, sizeof b300}},
  {"gb200", {gb200, sizeof gb200}},
  {"l40s", {l40s, sizeof l40s}},
  {"rtx-pro-6000", {rtx_pro_6000, sizeof rtx_pro_6000}},
  {"a100-vllm", {a100_vllm, sizeof a100_vllm}},
  {"a100-sglang", {a100_sglang, sizeof a100_sglang}},
  {"a100-trtllm", {a100_trtllm, sizeof a100_trtllm}},
  {"h100-vllm", {h100_vllm, sizeof h100_vllm}},
  {"h100-sglang", {h100_sglang, sizeof h100_sglang}},
  {"h100-trtllm", {h100_trtllm, sizeof h100_trtllm}},
  {"h200-vllm", {h200_vllm, sizeof h200_vllm}},
  {"h200-sglang", {h200_sglang, sizeof h200_sglang}},
  {"h200-trtllm", {h200_trtllm, sizeof h200_trtllm}},
  {"b200-vllm", {b200_vllm, sizeof b200_vllm}},
  {"b200-sglang", {b200_sglang, sizeof b200_sglang}},
  {"b200-trtllm", {b200_trtllm, sizeof b200_trtllm}},
  {"b300-vllm", {b300_vllm, sizeof b300_vllm}},
  {"b300-sglang", {b300_sglang, sizeof b300_sglang}},
  {"b300-trtllm", {b300_trtllm, sizeof b300_trtllm}},
  {"gb200-vllm", {gb200_vllm, sizeof gb200_vllm}},
  {"gb200-sglang", {gb200_sglang, sizeof gb200_sglang}},
  {"gb200-trtllm", {gb200_trtllm, sizeof gb200_trtllm}},
  {"l40s-vllm", {l40s_vllm, sizeof l40s_vllm}},
  {"l40s-sglang", {l40s_sglang, sizeof l40s_sglang}},
  {"l40s-trtllm", {l40s_trtllm, sizeof l40s_trtllm}},
  {"rtx-pro-6000-vllm", {rtx_pro_6000_vllm, sizeof rtx_pro_6000_vllm}},
  {"rtx-pro-6000-sglang", {rtx_pro_6000_sglang, sizeof rtx_pro_6000_sglang}},
  {"rtx-pro-6000-trtllm", {rtx_pro_6000_trtllm, sizeof rtx_pro_6000_trtllm}},
  {"h100-states", {h100_states, sizeof h100_states}},
  {"h200-states", {h200_states, sizeof h200_states}},
  {"b200-states", {b200_states, sizeof b200_states}},
  {"b300-states", {b300_states, sizeof b300_states}},
  {"gb200-states", {gb200_states, sizeof gb200_states}},
  {"l40s-states", {l40s_states, sizeof l40s_states}},
  {"rtx-pro-6000-states", {rtx_pro_6000_states, sizeof rtx_pro_6000_states}},
};

struct kvplan_profile_bytes kvplan_profile(const char *name) {
  for (size_t index = 0; index < sizeof profiles / sizeof profiles[0]; index++) {
    if (strcmp(profiles[index].name, name) == 0) return profiles[index].bytes;
  }
  return (struct kvplan_profile_bytes){NULL, 0};
}

struct kvplan_profile_bytes kvplan_profile_served_errors(void) {
  return (struct kvplan_profile_bytes){served_errors, sizeof served_errors};
}
