import CostModel

/// How servers of the campaign behind the dated dump were started, by the start scripts and settings that it publishes
/// (InferenceX: `benchmarks/`, `.github/configs/`, and the requests that changed them), where its results say something
/// else or nothing.
extension ServingPoint {
  /// Puts right how experts and attention were cut.
  mutating func takeLaunchedLayout() {
    guard campaign == .datedDump, split == nil, model.hasExperts else { return }
    let gpus = tensorParallel * dataParallel
    guard let launched = launchedLayout(gpus) else { return }
    dataParallel = launched.attentionRanks
    tensorParallel = gpus / launched.attentionRanks
    expertParallel = launched.expertGPUs
  }

  private struct Layout {
    /// GPUs that experts are spread over whole.
    var expertGPUs: Int
    /// Of attention data parallelism.
    var attentionRanks = 1
  }

  /// `nil` where results and script agree, or the script is not known.
  private func launchedLayout(_ gpus: Int) -> Layout? {
    // Results of October and November 2025 have neither a release nor the experts' layout.
    if version.isEmpty { return expertParallel == 1 ? layoutOfAutumn(gpus) : nil }
    let (spread, cut) = (Layout(expertGPUs: gpus), Layout(expertGPUs: 1))
    switch (backend, model.name, device.name) {
    // vLLM has one switch, `--enable-expert-parallel`, which spreads experts over all GPUs; a script has to ask for what its
    // settings say. None of these has `--data-parallel-size`.
    case (.vllm, "kimi-k2.5-nvfp4", _):
      // No such switch until June 2026 (#862, #1658), whatever the settings said.
      return cut
    case (.vllm, "minimax-m2.5", "b200") where version.hasPrefix("0.17"):
      // Switched on for `EP_SIZE` of 1 and more, which is always; mended with 0.19 (#757, #947).
      return spread
    case (.vllm, "minimax-m2.5", "h100-sxm"):
      return spread
    case (.vllm, "minimax-m2.5", _) where weights == .fp8 && cutsBlocks(gpus):
      // Runs no other way, so that the switch came with eight GPUs (#869).
      return spread
    case (.sglang, "qwen3.5-397b-a17b", "h200-sxm"):
      // Settings have `ep: 8`, the script no `--ep-size`.
      return cut
    default: return nil
    }
  }

  /// The settings of October 2025 (`master.yaml`), which scripts of SGLang and TensorRT-LLM passed on as `--ep-size` and
  /// `enable_attention_dp`, those of vLLM not.
  private func layoutOfAutumn(_ gpus: Int) -> Layout? {
    let spread = Layout(expertGPUs: gpus)
    let ranks = Layout(expertGPUs: gpus, attentionRanks: gpus)
    let hasLongPrompts = promptTokens > outputTokens
    switch (backend, model.hasLatentAttention) {
    case (.vllm, _): return nil
    case (.sglang, _): return spread
    case (.trtllm, false): return device.architecture == .hopper ? spread : nil
    case (.trtllm, true) where weights == .fp8:
      let changes = device.architecture == .hopper ? hasLongPrompts : promptTokens == outputTokens
      return changes && concurrency > 32 ? ranks : spread
    case (.trtllm, true) where hasLongPrompts:
      return concurrency > 32 ? ranks : gpus == 4 ? spread : nil
    case (.trtllm, true):
      if concurrency >= 256 { return ranks }
      let mostCut = gpus == 4 ? 32 : promptTokens == outputTokens ? 8 : 16
      return concurrency > mostCut ? spread : nil
    }
  }

  /// Whether cutting experts over so many GPUs would cut blocks of 8-bit weights, each of 128 columns with one scale.
  private func cutsBlocks(_ gpus: Int) -> Bool {
    guard case .experts(let experts) = model.layers.commonest.mlp else { return false }
    return experts.ffn % (128 * gpus) != 0
  }

  /// Most tokens of an iteration (`--max_num_tokens`, `--chunked-prefill-size`); `nil` where no script is known or it leaves
  /// them to the engine.
  var launchedTokens: Int? {
    guard campaign == .datedDump, split == nil, model.hasExperts else { return nil }
    switch (backend, model.hasLatentAttention) {
    case (.vllm, _): return nil
    case (.trtllm, false): return 20_000
    case (.trtllm, true):
      let fitting = (concurrency + promptTokens + 64 + 63) / 64 * 64
      // From 1.2.0rc6 on never less than 8,192.
      return version.hasPrefix("1.2") || version.hasPrefix("1.3") ? max(fitting, 8192) : fitting
    case (.sglang, true):
      if weights == .nvfp4 { return 16_384 }
      return device.architecture == .blackwell && tensorParallel * dataParallel == 4 ? 8192 : 32_768
    case (.sglang, false):
      return device.architecture == .blackwell ? 32_768 : 16_384
    }
  }
}
