import Messages

extension ModelSpec {
  /// The fullest of `stages` pipeline stages, as a model of its own.
  ///
  ///     layers    |── ⌈layers/stages⌉ ──|── ⌈layers/stages⌉ ──|── the rest ──|
  ///               embedding                                          LM head
  ///
  /// Its layers are those of the stage with the most parameters, of several the first. It holds one of the two vocabulary
  /// matrices, at the first stage or the last; tied ones are held by both.
  package func stage(of stages: Int) -> ModelSpec {
    guard stages > 1 else { return self }
    var stage = self
    stage.tiedEmbeddings = true
    let size = ceilingDivide(layers.count, stages)
    let whole = stride(from: 0, through: layers.count - size, by: size).map { first in
      stage.layers = layers[first..<first + size]
      return stage
    }
    return whole.reduce(whole[0]) { $1.parameters() > $0.parameters() ? $1 : $0 }
  }

  /// Throws a ``UserError`` unless every one of `stages` pipeline stages has a layer.
  package func checkPipelineParallel(_ stages: Int) throws {
    guard stages >= 1, stages <= layers.count else {
      throw UserError(
        "`--pipeline-parallel-size` must lie between 1 and the \(layers.count) layers of `\(name)`, "
          + "found `\(stages)`")
    }
    guard stage(of: stages).layers.commonestHeads != nil else {
      throw UserError(
        "`--pipeline-parallel-size` \(stages) leaves the fullest stage of `\(name)` without a layer "
          + "that has attention", hint: "use fewer stages")
    }
  }
}
