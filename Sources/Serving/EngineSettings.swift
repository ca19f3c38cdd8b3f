import SimulationKernel

/// The settings of one serving engine, as its users set them; the sizes of memory are resolved to blocks.
package struct EngineSettings: Equatable, Sendable {
  /// Token slots in a KV block (`--block-size`).
  package var blockSize: Int
  /// Blocks in the device pool (`--num-gpu-blocks-override`, else from the KV budget).
  package var deviceBlocks: Int
  /// Blocks of swap space (`--swap-space`).
  package var hostBlocks: Int
  /// Most sequences in one iteration (`--max-num-seqs`).
  package var maxSequences: Int
  /// Most tokens in one iteration (`--max-num-batched-tokens`).
  package var maxBatchedTokens: Int
  /// Longest sequence, prompt and output (`--max-model-len`).
  package var maxModelLength: Int
  /// The most tokens that a token attends to in layers with a sliding window, itself included; `nil` for a model without
  /// such layers.
  package var attendedMax: Int?
  /// Ranks that step together, each with a pool of ``deviceBlocks`` and the limits above (`--data-parallel-size`).
  package var dataParallel: Int
  /// How a preempted request gives up its blocks (`--preemption-mode`).
  package var preemptionMode: PreemptionMode
  /// How the engine advances from iteration to iteration (`--stepping`).
  package var stepping: Stepping
  /// How beams change parents, for requests with a beam width.
  package var beams: BeamParents
  /// Repeat the recorded engine's bugs (live-locks, lost blocks) instead of avoiding them; only
  /// conformance asks for this.
  package var repeatsEngineDefects: Bool
  /// What single systems have besides, by its type.
  private var own = OwnOptions()

  package init(
    blockSize: Int, deviceBlocks: Int, hostBlocks: Int = 0, maxSequences: Int,
    maxBatchedTokens: Int, maxModelLength: Int
  ) {
    self.blockSize = blockSize
    self.deviceBlocks = deviceBlocks
    self.hostBlocks = hostBlocks
    self.maxSequences = maxSequences
    self.maxBatchedTokens = maxBatchedTokens
    self.maxModelLength = maxModelLength
    dataParallel = 1
    preemptionMode = .automatic
    stepping = .iteration
    beams = .synthetic(seed: 0, redrawsPerMille: BeamParents.defaultRedrawsPerMille)
    repeatsEngineDefects = false
  }

  /// Seed of what the engine itself draws.
  var seed: UInt64 {
    if case .synthetic(let seed, _) = beams { seed } else { 0 }
  }

  /// Blocks of all ranks' pools.
  package var poolBlocks: Int { deviceBlocks * dataParallel }

  /// The options of one system, at their defaults unless they were set; each system names its own beside its value.
  package subscript<Options: SystemOptions>(_: Options.Type) -> Options {
    get { own.find() }
    set { own.set(newValue) }
  }
}

/// What only one system has and no other reads.
package protocol SystemOptions: Equatable, Sendable {
  /// The defaults.
  init()
}

/// Options of any number of systems, each type once. Those that were not set are equal to their defaults.
private struct OwnOptions: Equatable, Sendable {
  private var list: [any SystemOptions] = []

  func find<Options: SystemOptions>() -> Options {
    for case let options as Options in list { return options }
    return Options()
  }

  mutating func set<Options: SystemOptions>(_ options: Options) {
    list.removeAll { $0 is Options }
    list.append(options)
  }

  static func == (a: OwnOptions, b: OwnOptions) -> Bool { a.isWithin(b) && b.isWithin(a) }

  private func isWithin(_ other: OwnOptions) -> Bool {
    func isSame<Options: SystemOptions>(_ options: Options) -> Bool { other.find() == options }
    return list.allSatisfy { isSame($0) }
  }
}

/// How the engine advances: both ways give the same times, block ids and results.
package enum Stepping: String, CaseIterable, Sendable {
  /// Requests that only decode are kept as sums; work is done where something changes.
  case event
  /// Every running request is looked at in every iteration, and listed in its plan.
  case iteration
}

/// What happens to the blocks of a preempted request.
package enum PreemptionMode: String, CaseIterable, Sendable {
  /// A request with one running sequence is recomputed, one with several is swapped.
  case automatic = "auto"
  /// Every preempted request is swapped to the host.
  case swap
}
