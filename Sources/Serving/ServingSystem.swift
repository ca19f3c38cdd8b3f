import CostModel
import KVMemory
import Messages
import SimulationKernel
import Workload

/// A serving system: a memory manager and a scheduler, and what the rest of the house has to know of them.
///
/// Each is a value in a file of its own under `Systems/`, listed once in ``all``. Nothing else asks which
/// system it has before it; it asks for a capability, a default or a release.
package struct ServingSystem: Sendable {
  /// As users type it; no two systems share one.
  package let name: String
  /// One line for the catalogue.
  package let summary: String
  /// The releases between which `--engine-release` chooses, oldest first; empty where there is no choice.
  package let releases: [String]
  /// Whether a release may have a patch number behind one of ``releases``: `0.11.2`.
  package let countsPatches: Bool
  package let capabilities: Capabilities
  /// The engine whose measured serving was compared with simulations of the system, by the name that measurements have
  /// for it; `nil` where none was.
  package let measuredAs: String?
  /// Whose kernels of experts and latent attention it runs.
  package let kernels: KernelLibrary
  /// What its rules rest on, where that is less than the engine's own step traces; `nil` for nothing to be said.
  package let caveat: String?
  private let defaultsByCase: @Sendable (DefaultsCase) -> Defaults
  private let blockTokensByModel: @Sendable (ModelSpec, DeviceSpec) -> Int
  private let requireSettings: @Sendable (EngineSettings) throws -> Void
  private let memoryByChoices: @Sendable (MemoryChoices) -> EngineMemory
  private let groupsByRelease: @Sendable (_ release: String?) -> KVGroupRules?
  private let overheadsByRelease: (@Sendable (_ release: String?) -> EngineOverheads)?
  private let writeOptions: @Sendable (SystemChoices, inout EngineSettings) -> Void
  private let makeReplica: @Sendable (ReplicaInputs) throws -> any Replica

  /// - Parameters:
  ///   - countsPatches: Whether a release may have a patch number behind one of `releases`.
  ///   - measuredAs: The name in measurements of the engine that simulations were compared with.
  ///   - kernels: Whose kernels run where engines have their own.
  ///   - caveat: What its rules rest on, where that is less than the engine's own step traces.
  ///   - defaults: What the system does unless its user says otherwise, by device, release and longest sequence.
  ///   - blockTokens: Tokens of a block unless its user says otherwise.
  ///   - check: Throws ``UserError`` for settings with which the engine does not run.
  ///   - memory: What the engine sets aside on a GPU; by default the allowance of the PagedAttention artifact.
  ///   - groups: How a release makes KV groups of a model's layers; `nil` where they share one block table.
  ///   - overheads: What a release adds to the kernels on measured servers; `nil` where nothing was measured.
  ///   - configure: Writes the system's own options into the settings of its engine.
  ///   - make: A fresh engine, which ``ReplicaInputs/replica(_:executor:)`` makes of a scheduler. It throws
  ///     ``RunFailure`` where the system cannot serve such requests at all.
  package init(
    name: String, summary: String, releases: [String] = [], countsPatches: Bool = false,
    capabilities: Capabilities = Capabilities(), measuredAs: String? = nil,
    kernels: KernelLibrary = .vllm, caveat: String? = nil,
    defaults: @escaping @Sendable (DefaultsCase) -> Defaults,
    blockTokens: @escaping @Sendable (ModelSpec, DeviceSpec) -> Int = { _, _ in 16 },
    check: @escaping @Sendable (EngineSettings) throws -> Void = { _ in },
    memory: @escaping @Sendable (MemoryChoices) -> EngineMemory = { _ in .artifact },
    groups: @escaping @Sendable (_ release: String?) -> KVGroupRules? = { _ in nil },
    overheads: (@Sendable (_ release: String?) -> EngineOverheads)? = nil,
    configure: @escaping @Sendable (SystemChoices, inout EngineSettings) -> Void = { _, _ in },
    make: @escaping @Sendable (ReplicaInputs) throws -> any Replica
  ) {
    self.name = name
    self.summary = summary
    self.releases = releases
    self.countsPatches = countsPatches
    self.capabilities = capabilities
    self.measuredAs = measuredAs
    self.kernels = kernels
    self.caveat = caveat
    defaultsByCase = defaults
    blockTokensByModel = blockTokens
    requireSettings = check
    memoryByChoices = memory
    groupsByRelease = groups
    overheadsByRelease = overheads
    writeOptions = configure
    makeReplica = make
  }
}

extension ServingSystem {
  /// Every system, in the order of the catalogue.
  package static let all: [ServingSystem] = [
    .vllmSOSP23, .vllm02, .vllmV1, .orcaOracle, .orcaPow2, .orcaMax, .fasterTransformer,
    .vattention, .sglang05, .trtllm1,
  ]

  /// The systems of the PagedAttention paper's comparison.
  package static let paperComparison: [ServingSystem] = [
    .vllmSOSP23, .orcaOracle, .orcaPow2, .orcaMax, .fasterTransformer,
  ]

  /// What people serve with today: the system of every command that is not told another, and what `vllm` means.
  package static let today = vllmV1

  /// What `kvplan compare` compares unless told otherwise: the engines of today. The paper's systems reserve or compute whole
  /// contexts, which does not fit where these do; its commands name them.
  package static let comparison = [today, .sglang05, .trtllm1]

  /// The system that users call `name`; `nil` for none.
  package init?(named name: String) {
    let name = name == "vllm" ? Self.today.name : name
    guard let system = Self.all.first(where: { $0.name == name }) else { return nil }
    self = system
  }
}

/// Systems are told apart by their names.
extension ServingSystem: Hashable, CustomStringConvertible {
  package static func == (a: ServingSystem, b: ServingSystem) -> Bool { a.name == b.name }

  package func hash(into hasher: inout Hasher) { hasher.combine(name) }

  package var description: String { name }
}

extension ServingSystem {
  /// What the system does unless its user says otherwise.
  package func defaults(_ known: DefaultsCase) -> Defaults { defaultsByCase(known) }

  /// The same in the newest release.
  ///
  /// - Parameter device: `nil` for none in particular.
  package func defaults(on device: DeviceSpec?) -> Defaults {
    defaults(DefaultsCase(device: device, release: defaultRelease))
  }

  /// Tokens of a block unless its user says otherwise.
  package func blockTokens(of model: ModelSpec, on device: DeviceSpec) -> Int {
    blockTokensByModel(model, device)
  }

  /// - Throws: ``UserError`` for settings with which the engine does not run.
  package func check(_ settings: EngineSettings) throws { try requireSettings(settings) }

  /// Whether `--engine-release` takes the text.
  package func knows(release: String) -> Bool {
    if releases.contains(release) { return true }
    return countsPatches && releases.contains { release.hasPrefix($0 + ".") }
      && VLLMRelease(release) != nil
  }

  /// The releases in a few words: `0.2.0 and 0.2.7`, `0.6 to 0.33`; empty where there is no choice.
  package var releasesText: String {
    guard releases.count > 4, let first = releases.first, let last = releases.last else {
      return releases.joined(separator: " and ")
    }
    return "\(first) to \(last)"
  }

  /// The release unless the user says otherwise: the newest.
  package var defaultRelease: String? { releases.last }

  /// Whether users choose a release.
  package var hasReleases: Bool { !releases.isEmpty }

  /// What the engine sets aside on each GPU.
  package func memory(_ choices: MemoryChoices) -> EngineMemory { memoryByChoices(choices) }

  /// How the engine makes KV groups of a model's layers; `nil` where they share one block table.
  package func kvGroups(release: String?) -> KVGroupRules? { groupsByRelease(release) }

  /// Whether what the engine adds to its kernels was measured on servers.
  package var hasMeasuredOverheads: Bool { overheadsByRelease != nil }

  /// What a release adds to the kernels; `nil` where nothing was measured.
  package func overheads(release: String?) -> EngineOverheads? { overheadsByRelease?(release) }

  /// Writes what only this system reads into the settings of its engine.
  package func configure(_ settings: inout EngineSettings, by choices: SystemChoices) {
    writeOptions(choices, &settings)
  }

  /// An engine of this system that has not served anything yet.
  ///
  /// - Throws: ``RunFailure`` where the system cannot serve such requests at all.
  package func replica(
    _ run: ReplicaSetup, settings: EngineSettings, executor: any IterationExecutor
  ) throws -> any Replica {
    if capabilities.sequences == .one { try requireSingleSequences(run.requests.requests) }
    return try makeReplica(ReplicaInputs(run: run, settings: settings, executor: executor))
  }
}

/// - Throws: ``RunFailure/oversized(_:_:)`` for the first request with several sequences.
private func requireSingleSequences(_ requests: [Request]) throws {
  guard let index = requests.firstIndex(where: { $0.sequenceCount > 1 }) else { return }
  throw RunFailure.oversized(
    RequestID(index),
    .never(.sequences, required: Int(requests[index].sequenceCount), capacity: 1))
}

/// What a replica is made of.
package struct ReplicaInputs {
  /// What it has in common with the others of its run.
  package let run: ReplicaSetup
  package let settings: EngineSettings
  package let executor: any IterationExecutor

  package var requests: RunRequests { run.requests }

  /// The engine that runs `scheduler`.
  ///
  /// Inlined where the scheduler's type is known, so that the engine is compiled for it.
  ///
  /// - Parameter executor: What runs the iterations in place of the executor that was given.
  @inline(__always)
  package func replica<S: Scheduler>(
    _ scheduler: S, executor: (any IterationExecutor)? = nil
  ) -> any Replica {
    EngineReplica(
      run, scheduler, executor ?? self.executor, attendedMax: settings.attendedMax)
  }

  /// The engine of as many ranks as the settings have, each with a scheduler of its own.
  ///
  /// - Parameters:
  ///   - balance: Which rank a request goes to.
  ///   - scheduler: That of one rank, which lists its requests where there are several.
  @inline(__always)
  func ranks<S: Scheduler>(
    _ balance: RankBalance, _ scheduler: (EngineSettings) -> S
  ) -> any Replica {
    guard settings.dataParallel > 1 else { return replica(scheduler(settings)) }
    guard let priced = executor as? PricedExecutor else {
      preconditionFailure("ranks that step together are simulated only")
    }
    var listed = settings
    listed.stepping = .iteration
    let ranks = (0..<settings.dataParallel).map { _ in scheduler(listed) }
    return replica(
      DataParallelScheduler(ranks, balance, requests: requests, settings: listed),
      executor: DataParallelExecutor(prices: priced.prices))
  }
}
