import CostModel
import Messages
import ModelFiles

/// How long a sequence may be.
extension Scenario {
  /// The longest sequence, prompt and output: `--max-model-len`, or what the engine makes of the model's positions.
  package var modelLength: Int { maxModelLength ?? model.positions.usual(in: positionsRelease) }

  /// The release of vLLM that says what positions come to; `nil` for systems that have none.
  private var positionsRelease: VLLMRelease? { release.flatMap { VLLMRelease($0) } }

  /// The same with a model whose positions are overridden; the same again where they are already.
  func withOverriddenPositions() throws -> Scenario {
    guard let hfOverrides else { return self }
    var changed = self
    changed.model.positions = try hfOverrides.applied(to: model.positions)
    return changed
  }

  /// Refuses sequences beyond the model's positions, as vLLM does.
  ///
  /// vLLM starts all the same where its environment has `VLLM_ALLOW_LONG_MAX_MODEL_LEN=1`.
  func requirePositions(for length: Int) throws(UserError) {
    let positions = model.positions
    let longest = positions.longest(in: positionsRelease)
    guard length > longest else { return }
    throw UserError(
      "`--max-model-len` is \(length), but `\(model.name)` has \(longest) positions "
        + "(\(positions.origin(in: positionsRelease)))",
      hint:
        "use at most \(longest); vLLM takes more with `VLLM_ALLOW_LONG_MAX_MODEL_LEN=1`, where outputs may "
        + "be wrong: `--hf-overrides '{\"\(ModelPositions.lastWord)\": \(length)}'` stands for it")
  }
}
