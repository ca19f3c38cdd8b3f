/// How long a sequence may be: what a model's configuration states, and what engines make of it.
///
///     linear, …   stated × factor
///     YaRN        original × factor before vLLM 0.30; stated since, which is the same in published files
///     LongRoPE    stated; served from 0.11.2 on, unless asked for more: the length before the stretching
///     Llama-3     stated; in Gemma-3 whatever its kind
///
/// A window limits what is kept, not how long a sequence may be. Not modelled: releases before 0.9 cut Gemma-2 and Gemma-3
/// to their window under the attention backends that could not mix layers, when the environment chose one of these.
///
/// - Source: `_get_and_verify_max_len` of vLLM's wheels 0.6.6, 0.8.5, 0.9.2, 0.11.0, 0.11.2, 0.12.0, 0.28.0, 0.29.0, 0.30.0
///   and 0.33.0, read and not run.
package struct ModelPositions: Equatable, Sendable {
  /// The field that states them.
  package var field: String
  /// Tokens.
  package var stated: Int
  /// How rotary positions are stretched, where that tells a length from the stated one.
  package var stretch: Stretch?
  /// Whether the stated length is stretched already, whatever the kind (Gemma-3).
  package var isStretched = false

  /// What a configuration says of the stretching (`rope_scaling`, `rope_parameters`).
  package enum Stretch: Equatable, Sendable {
    case factor(Double)
    case yarn(factor: Double, original: Int)
    /// - Parameter original: The length before; `nil` where the configuration does not say.
    case longRoPE(original: Int?)
    /// Stretched in the stated length already.
    case counted
  }

  package init(field: String = "max_position_embeddings", stated: Int, stretch: Stretch? = nil) {
    self.field = field
    self.stated = stated
    self.stretch = stretch
  }

  /// The longest sequence that an engine takes, in tokens.
  ///
  /// - Parameter release: Of vLLM; `nil` for the newest rule.
  package func longest(in release: VLLMRelease? = nil) -> Int {
    let derived = derived(in: release)
    return field == Self.lastWord ? max(derived, stated) : derived
  }

  /// The field up to whose length a sequence may go whatever the others come to.
  package static let lastWord = "model_max_length"

  private func derived(in release: VLLMRelease?) -> Int {
    switch stretch {
    case .factor(let factor) where !isStretched: Int(Double(stated) * factor)
    case .yarn(let factor, let original) where !isStretched && Self.countsYaRN(release):
      Int(Double(original) * factor)
    default: stated
    }
  }

  /// The longest sequence unless `--max-model-len` says otherwise, in tokens.
  package func usual(in release: VLLMRelease?) -> Int {
    guard case .longRoPE(let original?) = stretch, let release,
      release >= .longRoPEUnstretched
    else { return derived(in: release) }
    return original
  }

  /// Where ``longest(in:)`` comes from, in the names of the configuration.
  package func origin(in release: VLLMRelease?) -> String {
    if longest(in: release) > derived(in: release) { return "`\(field)`" }
    return switch stretch {
    case .factor(let factor) where !isStretched: "`\(field)` \(stated) × `factor` \(factor)"
    case .yarn(let factor, let original) where !isStretched && Self.countsYaRN(release):
      "`original_max_position_embeddings` \(original) × `factor` \(factor)"
    default: "`\(field)`"
    }
  }

  private static func countsYaRN(_ release: VLLMRelease?) -> Bool {
    release.map { $0 < .yarnStated } ?? false
  }
}

extension ModelSpec {
  /// The same model, of which it is known that the stated length is stretched already.
  func statingStretchedPositions() -> ModelSpec {
    var model = self
    model.positions.isStretched = true
    return model
  }

  /// The same model, whose positions LongRoPE stretches from `original`.
  func stretchedByLongRoPE(from original: Int) -> ModelSpec {
    var model = self
    model.positions.stretch = .longRoPE(original: original)
    return model
  }
}
