extension KVBudget {
  /// Single changes of the settings with which a pool for a sequence of `tokens` tokens fits, each the smallest of
  /// its kind, as flags.
  ///
  /// Empty where no one change is enough.
  package static func nearestFits(_ inputs: Inputs, tokens: Int) -> [String] {
    var found: [String] = []
    func add<Value>(
      _ flag: String, _ values: [Value], at path: WritableKeyPath<Inputs, Value>,
      named text: (Value) -> String = { "\($0)" }
    ) {
      let fitting = values.first { value in
        var changed = inputs
        changed[keyPath: path] = value
        return (try? changed.check()) != nil
          && KVBudget(changed).capacity.admits(modelLength: max(tokens, 1))
      }
      if let fitting { found.append("--\(flag) \(text(fitting))") }
    }
    let budgets = [8192, 4096, 2048, 1024, 512].filter { $0 < inputs.tokenBudget }
    add("max-num-batched-tokens", budgets, at: \.tokenBudget)
    let shares = [0.92, 0.95, 0.98].filter { $0 > inputs.utilization }
    add("gpu-memory-utilization", shares, at: \.utilization)
    if inputs.kvCache == .bfloat16 { add("kv-cache-dtype", [ElementType.fp8], at: \.kvCache) }
    if inputs.weights == .bfloat16 { add("quantization", [ElementType.fp8, .int4], at: \.weights) }
    let sizes = [2, 4, 8, 16]
    add("tensor-parallel-size", sizes.filter { $0 > inputs.tensorParallel }, at: \.tensorParallel)
    add(
      "pipeline-parallel-size", sizes.filter { $0 > inputs.pipelineParallel },
      at: \.pipelineParallel)
    let devices = DeviceCatalogue.all.filter {
      $0.isPriced && $0.software == inputs.device.software
        && $0.memoryBytes > inputs.device.memoryBytes
    }
    add("device", devices.sorted { $0.memoryBytes < $1.memoryBytes }, at: \.device, named: \.name)
    return found
  }
}
