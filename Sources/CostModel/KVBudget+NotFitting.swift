import Messages

extension KVBudget {
  /// Why not one block fits: over all GPUs where the weights alone are too large, else on each.
  /// `nil` where one does.
  package func notFitting(_ inputs: Inputs) -> UserError? {
    guard blocks < 1 else { return nil }
    let usableBytes = deviceBytes - reserveBytes
    let gpus = "\(inputs.gpus) × `\(inputs.device.name)`"
    let reserve = "after the \(percent(1 - inputs.utilization)) % reserve"
    let hint = wayOut(inputs)
    guard weightBytes <= usableBytes else {
      let need = gigabytes(weightBytes * inputs.gpus)
      let leaves = gigabytes(usableBytes * inputs.gpus)
      return UserError(
        "the model does not fit: weights need \(need) GB but \(gpus) leaves \(leaves) GB "
          + reserve,
        hint: hint)
    }
    let parts = [
      ("weights", weightBytes), ("activations", activationBytes),
      ("context", contextBytes), ("CUDA graphs", graphBytes),
      ("communication", communicationBytes), ("one block", blockBytes),
    ]
    let sum = parts.filter { $0.1 > 0 }.map { "\($0) \(size($1))" }.joined(separator: " + ")
    return UserError(
      "no KV block fits: \(sum) exceed the \(gigabytes(usableBytes)) GB that each of \(gpus) "
        + "leaves \(reserve)",
      hint: hint)
  }

  /// Tokens of an iteration that servers are content with; a long context makes the default far larger.
  private static let usualTokenBudget = 8192

  /// A smaller token budget where that alone would do, else the smallest power of two of GPUs, up to 8,
  /// that the model splits over and fits, else both; and weights of 8 bits where they would do as well.
  private func wayOut(_ inputs: Inputs) -> String {
    var shorter = inputs
    shorter.tokenBudget = min(inputs.tokenBudget, Self.usualTokenBudget)
    let lower =
      "lower `--max-num-batched-tokens`, and `--max-model-len` with it where prompts are computed whole"
    if KVBudget(shorter).blocks >= 1 {
      return "an iteration may have \(inputs.tokenBudget) tokens: \(lower)"
    }
    var narrower = inputs
    narrower.weights = .fp8
    let isHalved = inputs.weights == .bfloat16 && KVBudget(narrower).blocks >= 1
    if let size = Self.gpusThatFit(inputs) {
      return
        "raise `--tensor-parallel-size` to \(size), \(isHalved ? "give `--quantization fp8`, " : "")"
        + "or choose a device with more memory"
    }
    if let size = Self.gpusThatFit(shorter) {
      return "raise `--tensor-parallel-size` to \(size); and an iteration may have "
        + "\(inputs.tokenBudget) tokens: \(lower)"
    }
    return
      "no `--tensor-parallel-size` up to 8 fits; \(isHalved ? "give `--quantization fp8` or " : "")"
      + "choose a device with more memory"
  }

  private static func gpusThatFit(_ inputs: Inputs) -> Int? {
    [2, 4, 8].first { size in
      var wider = inputs
      wider.tensorParallel = size
      return size > inputs.tensorParallel && inputs.model.splits(size)
        && KVBudget(wider).blocks >= 1
    }
  }
}

/// Decimal gigabytes to one place, for text.
func gigabytes(_ bytes: Int) -> String {
  let tenths = (bytes + 50_000_000) / 100_000_000
  return "\(tenths / 10).\(tenths % 10)"
}

/// Decimal gigabytes, or megabytes below a tenth of one, to one place.
func size(_ bytes: Int) -> String {
  bytes >= 100_000_000 ? "\(gigabytes(bytes)) GB" : "\(gigabytes(bytes * 1000)) MB"
}

/// A share in per cent to at most one place: 10, 7.5.
private func percent(_ share: Double) -> String {
  let tenths = Int((share * 1000).rounded())
  return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
}
