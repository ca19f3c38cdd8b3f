/// What keeps keys and values in the host's memory (`--kv-offloading-backend`, a flag of vLLM).
package enum OffloadingBackend: String, CaseIterable, Sendable {
  /// vLLM's own connector: chunks of a block, which are copied beside the iterations.
  case native
  /// LMCache by its defaults: chunks of 256 tokens of prompts, whole ones only, least recently used first to leave. Its worker
  /// copies in step with iterations: one that admits a prompt begins when what was found of it has come, and the next one
  /// when what was computed has gone.
  ///
  ///     iteration   ── loads ──|═ computes ═|── stores ──|═ computes ═|
  ///
  /// - Source: defaults of LMCache's v1/config.py; its connector of vLLM, which names no load as asynchronous. Reconstructed:
  ///   that a store delays the next iteration and not the output of its own, and that the chunks of a request leave from the
  ///   end of its sequence.
  case lmcache

  /// Tokens of a chunk; `nil` for a block.
  package var chunkTokens: Int? {
    switch self {
    case .native: nil
    case .lmcache: 256
    }
  }

  /// Whether iterations wait for what is copied.
  package var copiesInStep: Bool { self == .lmcache }
}
