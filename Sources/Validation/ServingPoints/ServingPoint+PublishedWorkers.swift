import CostModel

/// Workers that prefill and decode apart, of rows that count their GPUs together: by the settings of November 2025 that the
/// campaign publishes (InferenceMAX, `.github/configs/nvidia-master.yaml`; clients of TensorRT-LLM's tensor-parallel
/// decoders are those of one, times their number).
extension ServingPoint {
  private struct Setting {
    var gpus: Int
    /// `nil` for all.
    var clients: [Int]?
    /// Workers and ranks of each.
    var prefill: (workers: Int, ranks: Int)
    /// Ranks of a worker; one has as many GPUs, or eight that cut the model.
    var decode: (workers: Int, ranks: Int)
    /// Most sequences of a rank that decodes.
    var batch: Int? = nil
    var drafts = false
  }

  /// TensorRT-LLM, 4 bits, 1,024 tokens in. Where drafts and none share GPUs and clients, the row is taken to be without: the
  /// settings name the latter's decoders alike.
  private static let shortPrompts: [Setting] = [
    Setting(
      gpus: 36, clients: [4, 8, 16, 32, 64, 128, 256, 564], prefill: (1, 1), decode: (4, 1),
      batch: 128),
    Setting(gpus: 36, clients: [1075], prefill: (1, 4), decode: (1, 32), batch: 32),
    Setting(gpus: 20, clients: [1075], prefill: (1, 4), decode: (1, 16), batch: 64),
    Setting(gpus: 24, clients: [2048, 4300], prefill: (2, 4), decode: (1, 16), batch: 256),
    Setting(gpus: 36, clients: [144], prefill: (1, 1), decode: (4, 1), drafts: true),
    Setting(gpus: 20, clients: [512], prefill: (1, 4), decode: (1, 16), drafts: true),
    Setting(gpus: 24, clients: [2150], prefill: (2, 4), decode: (1, 16), drafts: true),
    Setting(gpus: 36, clients: [512], prefill: (1, 4), decode: (1, 32), drafts: true),
  ]

  /// The same of 8,192 tokens in.
  private static let longPrompts: [Setting] = [
    Setting(
      gpus: 28, clients: [3, 6, 12, 24, 48, 102], prefill: (1, 1), decode: (3, 1), batch: 32),
    Setting(gpus: 48, clients: [256, 538], prefill: (4, 4), decode: (1, 32), batch: 16),
    Setting(gpus: 40, clients: [1075], prefill: (6, 4), decode: (1, 16), batch: 64),
    Setting(gpus: 48, clients: [2150], prefill: (8, 4), decode: (1, 16), batch: 128),
    Setting(gpus: 28, clients: [2150], prefill: (5, 4), decode: (1, 8), batch: 256),
    Setting(gpus: 28, clients: [54], prefill: (1, 1), decode: (3, 1), drafts: true),
    Setting(gpus: 52, clients: [128, 269], prefill: (5, 4), decode: (1, 32), drafts: true),
    Setting(gpus: 64, clients: [538], prefill: (8, 4), decode: (1, 32), drafts: true),
    Setting(gpus: 48, clients: [1075], prefill: (8, 4), decode: (1, 16), drafts: true),
    Setting(gpus: 32, clients: [2150], prefill: (6, 4), decode: (1, 8), drafts: true),
  ]

  /// SGLang, 8 bits, 1,024 and 8,192 tokens in; other numbers of clients than the settings name ran on the same GPUs.
  private static let wide = [
    Setting(gpus: 72, prefill: (3, 8), decode: (1, 48)),
    Setting(gpus: 72, prefill: (5, 8), decode: (1, 32)),
  ]

  /// - Throws: ``Skipped`` where no setting has the row's GPUs and clients, or the one that has drafts tokens.
  mutating func takePublishedWorkers() throws {
    let gpus = tensorParallel
    let hasLongPrompts = promptTokens > outputTokens
    let isKnown = device.name == "gb200" && model.hasLatentAttention && campaign == .datedDump
    let settings: [Setting] =
      switch (backend, weights, isKnown) {
      case (.trtllm, .nvfp4, true): hasLongPrompts ? Self.longPrompts : Self.shortPrompts
      case (.sglang, .fp8, true): [Self.wide[hasLongPrompts ? 1 : 0]]
      default: []
      }
    guard
      let found = settings.first(where: {
        $0.gpus == gpus && $0.clients?.contains(concurrency) ?? true
      })
    else {
      throw Skipped(reason: "\(gpus) GPUs are those of workers apart, whose layout is not recorded")
    }
    guard !found.drafts else {
      throw Skipped(reason: "tokens were drafted, and how many were accepted is not recorded")
    }
    let prefillGPUs = found.prefill.ranks == 1 ? 4 : 1
    let decodeGPUs = found.decode.ranks == 1 ? 8 : 1
    let workers = Split(
      prefill: Pool(
        workers: found.prefill.workers, tensorParallel: prefillGPUs,
        dataParallel: found.prefill.ranks, expertParallel: found.prefill.ranks * prefillGPUs),
      decode: Pool(
        workers: found.decode.workers, tensorParallel: decodeGPUs,
        dataParallel: found.decode.ranks, expertParallel: found.decode.ranks * decodeGPUs))
    split = workers
    tensorParallel = workers.decode.tensorParallel
    dataParallel = workers.decode.dataParallel
    expertParallel = workers.decode.expertParallel
    publishedRecipe =
      backend == .sglang
      ? Recipe(prefillTokens: 131_072 / found.prefill.ranks, prefillPool: 524_288)
      : Recipe(
        prefillTokens: hasLongPrompts ? 8448 : 4608, prefillSequences: hasLongPrompts ? 1 : 4,
        decodeSequences: found.batch)
  }
}
