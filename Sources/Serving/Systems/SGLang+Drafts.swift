import KVMemory
import Messages

/// What drafts in `sglang`, in the engine's words (`--speculative-algorithm`).
package enum SGLangDrafter: String, CaseIterable, Sendable {
  /// A layer like the model's on its hidden states: a head of its own, or the model's prediction module.
  case eagle = "EAGLE"
  /// A head on the hidden states of three layers.
  case eagle3 = "EAGLE3"
  /// Another name of ``eagle``.
  case nextn = "NEXTN"
  /// A smaller model.
  case standalone = "STANDALONE"
}

/// What users say of drafts by SGLang's flags; `nil` for what they leave open.
package struct SGLangDraftChoices: Equatable, Sendable {
  package var drafter: SGLangDrafter?
  /// Tokens that are drafted one behind the other (`--speculative-num-steps`).
  package var steps: Int?
  /// How many follow each of them (`--speculative-eagle-topk`); 1 for a chain.
  package var branches: Int?
  /// Tokens that are verified, the newest one of the request included (`--speculative-num-draft-tokens`).
  package var verified: Int?
  /// The smaller model, or the `config.json` of a head (`--speculative-draft-model-path`).
  package var model: String?

  package init() {}
}

extension SGLangOptions {
  /// Most requests that run where tokens are drafted and `--max-running-requests` is not given.
  ///
  /// - Source: SGLang 0.5.23, `speculative_hook.py`.
  static let draftingRequestsMax = 48
}

extension EngineSettings {
  /// - Throws: ``UserError`` for what SGLang would change beside drafts, and what is not known of them.
  func requireRunnableDrafts() throws(UserError) {
    guard let speculation = sglang.speculation else { return }
    guard speculation.byBatch == nil else {
      throw UserError(
        "`num_speculative_tokens_per_batch_size`: `sglang` drafts as many tokens behind every batch",
        hint: "leave it out")
    }
    guard sglang.hiCache == nil else {
      throw UserError(
        "drafts and `--enable-hierarchical-cache` are not simulated together",
        hint: "leave one of them out")
    }
    guard !sglang.mixedChunk || speculation.caching.keyLookahead > 0 else {
      throw UserError(
        "`--enable-mixed-chunk` does nothing beside drafts of a look-up or of a model: SGLang turns it off",
        hint: "leave it out, or let a head draft")
    }
  }
}
