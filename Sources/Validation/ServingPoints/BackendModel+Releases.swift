import CostModel
import Serving
import SimulationKernel

/// The engines by release. What a release changes is said where it changes it.
extension BackendModel {
  /// vLLM's V1 engine at 0.12: token budget, chunked prefill, everything in one batch.
  package static var vllm: BackendModel {
    var model = BackendModel(system: .vllmV1, tokenBudget: 8192, overheads: .vllm012)
    // One mixture on one device (Qwen3-235B, H200): its 8-bit experts ran a kernel that was not tuned for them
    // (inferred), which says nothing of others. The default of simulations is 1.
    model.overheads.expertLayerSeconds = 60e-6
    model.overheads.expertScale = 2.5
    model.jitter = 0.13
    model.requestMilliseconds = 49
    model.frontEnd.requestTime = SimDuration(nanoseconds: 2_200_000)
    model.quantisesKVCache = true
    return model
  }

  /// vLLM of autumn 2025 (about 0.11).
  package static var vllm2025: BackendModel {
    var model = vllm
    model.overheads = .vllm011
    model.requestMilliseconds = 21
    return model
  }

  /// vLLM from 0.14 on, whose host works behind the device.
  package static var vllmAsync: BackendModel {
    var model = vllm
    model.overheads = .vllm019
    return model
  }

  /// TensorRT-LLM 1.0: mixed batches, prompts computed whole and issued layer by layer by the host.
  package static var trtllm: BackendModel {
    var model = BackendModel(
      system: .trtllm1, tokenBudget: 8192,
      overheads: EngineOverheads(iterationSeconds: 115e-6, sequenceSeconds: 16e-6))
    model.overheads.library = .trtllm
    model.overheads.graphsPrompts = false
    model.overheads.launchShare = 1.32
    model.overheads.eagerLayerSeconds = 240e-6
    model.overheads.promptScale = 1.18
    model.overheads.attentionScale = 0.8
    model.overheads.allReduceScale = 1.33
    model.overheads.expertLayerSeconds = 1.3e-6
    model.overheads.setOfMixtures(iterationSeconds: 739e-6, launchShare: 0.74, promptScale: 1.353)
    model.chunkedPrefill = false
    model.jitter = 0.12
    model.requestMilliseconds = 87
    model.frontEnd.requestTime = SimDuration(nanoseconds: 5_400_000)
    model.frontEnd.tokenTime = SimDuration(nanoseconds: 84_000)
    model.quantisesKVCache = true
    return model
  }

  /// TensorRT-LLM of autumn 2025 (about 1.1), whose all-reduces are fused with the norms behind them.
  package static var trtllm2025: BackendModel {
    var model = trtllm
    model.overheads = EngineOverheads(iterationSeconds: 1.9e-3, sequenceSeconds: 9e-6)
    model.overheads.library = .trtllm
    model.overheads.graphsPrompts = false
    model.overheads.launchShare = 0.56
    model.overheads.eagerLayerSeconds = 150e-6
    model.overheads.productScale = 0.85
    model.overheads.promptScale = 1.44
    model.overheads.attentionScale = 1.17
    model.overheads.allReduceScale = 0.6
    model.overheads.expertLayerSeconds = 0.5e-6
    model.overheads.latentLayerSeconds = 80e-6
    model.overheads.setOfMixtures(iterationSeconds: 361e-6, launchShare: 0.81, promptScale: 1.6)
    model.requestMilliseconds = 49
    model.frontEnd = FrontEnd(requestTime: SimDuration(nanoseconds: 3_500_000))
    return model
  }

  /// SGLang 0.5: waiting prompts first, in batches of their own; then decoding.
  package static func sglang(on device: DeviceSpec) -> BackendModel {
    var model = BackendModel(
      system: .sglang05,
      tokenBudget: SGLangMemory.chunkTokens(deviceBytes: device.memoryBytes),
      overheads: EngineOverheads(iterationSeconds: 1.6e-3, sequenceSeconds: 19e-6))
    model.overheads.library = .sglang
    model.overheads.graphsPrompts = false
    model.overheads.launchShare = 0.5
    model.overheads.productScale = 0.95
    model.overheads.promptScale = 1.13
    model.overheads.expertLayerSeconds = 4.7e-6
    model.overheads.setOfMixtures(iterationSeconds: 1.6e-3, launchShare: 0.5, promptScale: 1.22)
    model.requestMilliseconds = 1
    model.frontEnd.requestTime = SimDuration(nanoseconds: 400_000)
    return model
  }

  /// An engine's newest release that was fitted.
  package static func newest(_ backend: ServingPoint.Backend, on device: DeviceSpec) -> BackendModel
  {
    switch backend {
    case .vllm: vllmAsync
    case .trtllm: trtllm2025
    case .sglang: sglang(on: device)
    }
  }

  /// Whether a release of vLLM is 0.14 or later; nightly builds are, which were measured in April 2026.
  private static func preparesBehindTheDevice(_ version: String) -> Bool {
    version.hasPrefix("nightly") || numbers(version).map { $0 >= (0, 14, 0) } ?? false
  }

  /// The first three numbers of a release, `0.5.6.post2` as (0, 5, 6); `nil` for a nightly build or none.
  private static func numbers(_ version: String) -> (Int, Int, Int)? {
    let parts = version.split(separator: ".").prefix(3).map { Int($0) }
    guard parts.count >= 2, let major = parts[0], let minor = parts[1] else { return nil }
    return (major, minor, parts.count > 2 ? parts[2] ?? 0 : 0)
  }

  /// The engine that a point was measured on, and the protocol by which it was.
  package static func model(_ point: ServingPoint) -> BackendModel {
    let isDump = point.campaign == .datedDump
    // The campaign's published recipes for gpt-oss, its only mixture without a version, have `async-scheduling: true`.
    let isAsync =
      preparesBehindTheDevice(point.version)
      || isDump && point.version.isEmpty && point.model.hasExperts && point.split == nil
    var model =
      switch point.backend {
      case .vllm: isAsync ? vllmAsync : isDump ? vllm2025 : vllm
      case .trtllm: isDump || !point.version.hasPrefix("1.0") ? trtllm2025 : trtllm
      case .sglang: sglang(on: point.device)
      }
    if point.backend == .vllm, isAsync {
      model.requestMilliseconds = 34
      model.frontEnd.requestTime = SimDuration(nanoseconds: 1_800_000)
    }
    if point.model.hasExperts { model.answerForMixtures(point) }
    if point.backend == .sglang { model.goBack(to: point.version) }
    // Half of what a layer of latent attention took in 1.1; what 1.2 does better is not known.
    if point.backend == .trtllm, point.version.hasPrefix("1.2") || point.version.hasPrefix("1.3") {
      model.overheads.latentLayerSeconds /= 2
    }
    switch point.campaign {
    case .sweep:
      // By TTFTs of 16 clients their prompts ran together, 16,384 tokens at once; the engine's own chunk has 8,192 here.
      if point.backend == .sglang { model.tokenBudget = 16_384 }
    case .datedDump:
      model.jitter = 0.2
      // The campaign's published recipes for SGLang on B200 have `--scheduler-recv-interval` 30 from 16 clients on and 10 below,
      // those for H200 none: TTFTs of B200 jump there from 8 clients to 16, by as much as half of 30 decodes.
      if point.backend == .sglang, point.device.architecture == .blackwell, point.split == nil {
        model.receiveInterval = point.concurrency < 16 ? 10 : 30
      }
      // Scripts of mixtures on Hopper have no `--kv-cache-dtype`; by the queue of 64 clients (TTFT 31 s) no other on H100.
      if point.backend == .vllm,
        point.device.name == "h100-sxm"
          || point.model.hasExperts && point.device.architecture == .hopper
      {
        model.quantisesKVCache = false
      }
      if let tokens = point.launchedTokens { model.tokenBudget = tokens }
    case .sweepOfThousands:
      model.jitter = 0.03
      switch point.backend {
      case .vllm:
        model.repeatedPrompts = 100
        model.roundsPerClient = 40
        model.requestMilliseconds = point.model.hasExperts ? 134 : 25
      case .sglang:
        model.frontEnd.requestTime = SimDuration(nanoseconds: 5_000_000)
      case .trtllm: break
      }
    }
    if let split = point.split { model.answerApart(point, split) }
    return model
  }
}

extension BackendModel {
  /// SGLang's releases before the newest that was fitted.
  ///
  /// Up to 0.5.9 Qwen3.5's layers with a state have four projections of their inputs where later ones have two, and no
  /// all-reduce is joined with the norm behind it (sources of 0.5.9 and 0.5.10). Of mixtures under 0.5.6 and what ran in
  /// autumn 2025, whose release is not recorded, iterations take 1.7 ms more; why is not known.
  fileprivate mutating func goBack(to version: String) {
    let release = Self.numbers(version)
    let isOldNightly = version.hasPrefix("nightly") && (Self.day(version) ?? 0) < Self.mergedNightly
    if isOldNightly || release.map({ $0 < (0, 5, 10) }) ?? false {
      overheads.recurrentLayerSeconds = 53e-6
    }
    if version.isEmpty || release.map({ $0 < (0, 5, 9) }) ?? false {
      overheads.mixtures?.iterationSeconds = 3.29e-3
    }
  }

  /// The first nightly build that was measured with what 0.5.10 has.
  private static let mergedNightly = 2026_04_02

  /// The day in the name of a nightly build, as a number of eight digits; `nil` for none.
  private static func day(_ version: String) -> Int? {
    version.split(separator: "-").lazy.filter { $0.count == 8 }.compactMap { Int($0) }.first
  }

  /// What differs where workers prefill and decode apart, under another front end (Dynamo's): fitted on every second curve
  /// of `disaggregated_points_dev.csv`, of which vLLM has none that is held out.
  fileprivate mutating func answerApart(_ point: ServingPoint, _ split: ServingPoint.Split) {
    // The campaign's benchmark (srt-slurm, `sa-bench`) draws both lengths from 80 % of the named ones on.
    if point.model.hasExperts { jitter = 0.2 }
    switch point.backend {
    case .vllm:
      requestMilliseconds = 184
      overheads.promptScale = 1.8
      overheads.mixtures?.promptScale = 1.8
    case .trtllm:
      requestMilliseconds = 130
      overheads.promptScale = 1.15
      overheads.mixtures?.promptScale = 1.15
      overheads.expertScale = 1.4
      overheads.latentLayerSeconds = 0
    case .sglang:
      overheads.expertScale = 0.85
      overheads.sequenceSeconds = 0
      // Ranks of attention data parallelism agree on what each iteration holds.
      overheads.mixtures?.iterationSeconds = 3.29e-3
      if point.device.architecture == .blackwell, !point.usesDeepEP(split) {
        overheads.mixtures?.promptScale = 2
      }
    }
  }

  /// The front ends that were measured with mixtures, fitted like the overheads of these.
  fileprivate mutating func answerForMixtures(_ point: ServingPoint) {
    switch point.backend {
    case .vllm:
      // The campaign's script for MiniMax on B200 turned FlashInfer's and DeepGEMM's kernels off until 0.19 (#947).
      if point.campaign == .datedDump, point.model.name == "minimax-m2.5",
        point.device.name == "b200", point.version.hasPrefix("0.17")
      {
        overheads.expertKernel = "triton"
      }
    case .trtllm:
      let isFirst = point.campaign != .datedDump && point.version.hasPrefix("1.0")
      requestMilliseconds = isFirst ? 122 : 40
      if !isFirst { frontEnd.requestTime = SimDuration(nanoseconds: 2_200_000) }
    case .sglang:
      // SGLang's latent attention on Blackwell runs on 8-bit keys: 32 prompts of 8,192 tokens fit beside DeepSeek-R1 on four
      // B200 with these alone (inferred).
      quantisesKVCache = point.device.architecture == .blackwell && point.model.hasLatentAttention
      requestMilliseconds = 182
      frontEnd.requestTime = SimDuration(nanoseconds: 1_820_000)
    }
  }
}

extension EngineOverheads {
  /// Sets what differs where a model has routed experts.
  fileprivate mutating func setOfMixtures(
    iterationSeconds: Double, launchShare: Double, promptScale: Double
  ) {
    var mixtures = Mixtures(self)
    mixtures.iterationSeconds = iterationSeconds
    mixtures.launchShare = launchShare
    mixtures.promptScale = promptScale
    self.mixtures = mixtures
  }
}
