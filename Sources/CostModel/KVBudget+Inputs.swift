import Messages

extension KVBudget {
  /// What a budget is computed from.
  package struct Inputs: Sendable {
    package var model: ModelSpec
    package var device: DeviceSpec
    /// GPUs that share each layer.
    package var tensorParallel = 1
    /// Groups of `tensorParallel` GPUs that share the layers of experts, each with a KV cache of its own.
    package var dataParallel = 1
    /// Stages that the layers are cut into, each on `tensorParallel` GPUs.
    package var pipelineParallel = 1
    /// Share of the device's memory that may be used, in (0, 1].
    package var utilization: Double
    /// Most tokens of an iteration; sizes the activations.
    package var tokenBudget: Int
    /// Tokens of a block.
    package var blockSize: Int
    /// How the layers' matrices are stored.
    package var weights = ElementType.bfloat16
    /// How keys and values are stored.
    package var kvCache = ElementType.bfloat16
    package var engine = EngineMemory.artifact
    /// How the engine groups layers over one pool; `nil` where they share one block table.
    package var grouping: KVGrouping?
    /// Bytes of the KV cache on a GPU, in place of what is left (`--kv-cache-memory-bytes`).
    package var kvBytesGiven: Int?
    /// The model that drafts tokens on the same GPUs; `nil` for none. Its activations are those of the other.
    package var draft: DraftModel?

    package init(
      model: ModelSpec, device: DeviceSpec, tensorParallel: Int = 1, utilization: Double,
      tokenBudget: Int, blockSize: Int, weights: ElementType = .bfloat16,
      kvCache: ElementType = .bfloat16
    ) {
      self.model = model
      self.device = device
      self.tensorParallel = tensorParallel
      self.utilization = utilization
      self.tokenBudget = tokenBudget
      self.blockSize = blockSize
      self.weights = weights
      self.kvCache = kvCache
    }

    package var gpus: Int { tensorParallel * pipelineParallel }

    /// What one GPU of the fullest stage holds.
    var stage: ModelSpec { model.stage(of: pipelineParallel) }

    /// What one GPU of the fullest stage keeps of a sequence.
    package var cache: KVCacheSpec {
      KVCacheSpec(
        stage.followed(by: draft), tensorParallel: tensorParallel, elements: kvCache,
        blockTokens: blockSize,
        grouping: grouping)
    }

    /// - Throws: ``UserError`` for an argument out of range, and a model that does not split.
    package func check() throws {
      try model.checkTensorParallel(tensorParallel)
      try model.checkPipelineParallel(pipelineParallel)
      guard utilization > 0, utilization <= 1 else {
        throw UserError("`--gpu-memory-utilization` must lie in (0, 1], found \(utilization)")
      }
      guard tokenBudget >= 1 else {
        throw UserError("`--max-num-batched-tokens` must be at least 1, found \(tokenBudget)")
      }
      guard blockSize >= 1 else {
        throw UserError("`--block-size` must be at least 1, found \(blockSize)")
      }
    }
  }
}
