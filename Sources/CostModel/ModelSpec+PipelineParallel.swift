import Messages

extension ModelSpec {
  /// The fullest of `stages` pipeline stages, as a model of its own.
  ///
  ///     layers    |── ⌈layers/stages⌉ ──|── ⌈layers/stages⌉ ──|── the rest ──|
  ///               embedding                                          LM head
  ///
  /// Its layers are those of the first stage. It holds one of the two vocabulary matrices, at the first stage or the last; tied ones are held
  /// by both.
  package func stage(of stages: Int) -> ModelSpec {
    guard stages > 1 else { return self }
    var stage = self
    stage.layers = layers.prefix(ceilingDivide(layers.count, stages))
    stage.tiedEmbeddings = true
    return stage
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
        "`--pipeline-parallel-size` \(stages) leaves the first stage of `\(name)` without a layer "
          + "that has attention", hint: "use fewer stages")
    }
  }
}
