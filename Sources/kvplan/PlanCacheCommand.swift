import ArgumentParser
import Messages
import Planning
import Results
import Serving
import TraceFiles
import Workload

/// `kvplan plan cache`.
struct PlanCacheCommand: ParsableCommand, DeploymentOptions {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract:
      "What a prefix cache of any size finds of a trace, and which tier is worth its price.",
    discussion: """
      Hit rates of every size with least recently used come from one pass; ARC and the optimum are \
      replayed at the sizes shown. With a model and a device: from which bandwidth on restoring a \
      prompt is faster than computing it, and what each tier below the GPUs' own pool saves.

      EXAMPLE
        kvplan trace generate sharegpt --turns 6 --num-prompts 2000 \\
          --request-rate 1 --output chats.csv
        kvplan plan cache chats.csv --model llama-3.1-70b --device h100-sxm -tp 4 \\
          --tier host:512:200:0.4
      """)

  @Argument(help: "Trace that says what its prompts consist of; `-` reads standard input.")
  var trace: String

  @Option(help: "Tokens of a block of the cache (default: the trace's own blocks, or 16).")
  var cacheBlockSize: Int?

  @Option(
    help: "Sizes to show, in blocks, by commas (default: powers of two up to what finds all).")
  var capacity: String?

  @Option(
    help:
      "What is dropped: some of `lru`, `arc`, `optimal`, by commas (default: all; of a sample `lru`)."
  )
  var policy: String?

  @Option(help: "Share of the blocks to look at, between 0 and 1: an estimate with its error.")
  var sample: Double?

  @Option(
    help: """
      A tier below the GPUs' own pool, fastest first: name, GiB, GB/s to a replica, $ per GiB and month, \
      `host:512:200:0.4`; may be repeated.
      """)
  var tier: [String] = []

  @Option(help: "Requests per second, for dollars a month (default: the trace's own).")
  var requestRate: Double?

  @OptionGroup(title: "Prices") var prices: PriceOptions
  @OptionGroup(title: "Model and device") var target: TargetOptions
  @OptionGroup(title: "Memory") var memory: MemoryOptions
  @OptionGroup(title: "Scheduler") var batch: BatchOptions
  @OptionGroup(title: "Reading the trace") var reading: TraceReadArguments
  @OptionGroup(title: "Results") var results: PlanOutputOptions

  func run() throws {
    let tiers = try tier.map { text throws(UserError) in try CacheTier(text) }
    try requireOrder(tiers)
    try requireNumbers()
    let policies = try policies()
    try requireWhole(tiers, policies)
    let output = try PlanOutput(results)
    let prefill = try prefillPrices(tiers)
    let read = try TraceReader.read(path: trace, options: try reading.options())
    Terminal.warn(read.warnings)
    var study = CacheStudy(
      trace: read.trace, blockTokens: cacheBlockSize ?? read.facts.blockTokens ?? 16,
      policies: policies)
    study.capacities = try capacities()
    study.sampleRate = sample ?? 1
    study.tiers = tiers
    study.prices = prefill
    study.requestRate = requestRate
    let done = Tally()
    let line = ProgressLine(
      .init(count: read.trace.requests.count, unit: "requests", isExact: true)
    ) { done.value }
    let answer = try study.run {
      done.value = $0
      if $0 == read.trace.requests.count { line.finish() }
    }
    try output.finish(CacheReport(study: study, answer: answer))
  }

  /// A tier finds what the ones above it do not, so that the fastest stands first.
  private func requireOrder(_ tiers: [CacheTier]) throws(UserError) {
    for (above, below) in zip(tiers, tiers.dropFirst()) where below.bandwidth > above.bandwidth {
      throw UserError(
        "tier `\(below.name)` with \(plain(below.bandwidth / 1e9)) GB/s stands below `\(above.name)` with "
          + "\(plain(above.bandwidth / 1e9))", hint: "give the fastest tier first")
    }
    for (index, tier) in tiers.enumerated()
    where tiers[..<index].contains(where: { $0.name == tier.name }) {
      throw UserError(
        "two tiers have the name `\(tier.name)`",
        hint: "give each a name of its own, or make one tier of them")
    }
  }

  private func requireNumbers() throws {
    if let cacheBlockSize {
      try NumberLimits.require("--cache-block-size", cacheBlockSize, in: 1...1_000_000)
    }
    if let requestRate {
      guard requestRate > 0, requestRate.isFinite else {
        throw UserError("`--request-rate` must be positive, found `\(requestRate)`")
      }
      try RequestRate.requireAtMostHighest(requestRate)
    }
    if let sample, !(sample > 0 && sample < 1) {
      throw UserError(
        "`--sample` must lie between 0 and 1, found `\(sample)`",
        hint: "leave it out to look at every block")
    }
  }

  private func policies() throws(UserError) -> [BlockReplay.Policy] {
    guard let policy else { return sample == nil ? BlockReplay.Policy.allCases : [.lru] }
    var policies: [BlockReplay.Policy] = []
    for word in policy.split(separator: ",", omittingEmptySubsequences: false) {
      guard let one = BlockReplay.Policy(rawValue: String(word)) else {
        throw UserError.unknown(
          "policy", String(word), among: BlockReplay.Policy.allCases.map(\.rawValue),
          listedBy: "kvplan plan cache --help")
      }
      if !policies.contains(one) { policies.append(one) }
    }
    return policies
  }

  /// A sample tells the curve of LRU, and nothing of single requests.
  private func requireWhole(
    _ tiers: [CacheTier], _ policies: [BlockReplay.Policy]
  ) throws(UserError) {
    guard sample != nil else { return }
    let asked =
      (tiers.isEmpty ? [] : ["`--tier`"])
      + policies.filter { $0 != .lru }.map { "`--policy \($0.rawValue)`" }
    guard let first = asked.first else { return }
    throw UserError(
      "`--sample` estimates the curve of `lru`; \(first) needs every block",
      hint: "leave out one of them")
  }

  private func capacities() throws(UserError) -> [Int]? {
    guard let capacity else { return nil }
    var sizes: [Int] = []
    for word in capacity.split(separator: ",", omittingEmptySubsequences: false) {
      guard let size = Int(word), (1...1_000_000_000_000).contains(size) else {
        throw UserError(
          "`--capacity` must be whole numbers of blocks by commas, found `\(capacity)`")
      }
      if !sizes.contains(size) { sizes.append(size) }
    }
    return sizes.sorted()
  }

  /// - Throws: ``UserError`` for tiers without a model and a device, which say how many bytes a block has.
  private func prefillPrices(_ tiers: [CacheTier]) throws -> PrefillPrices? {
    if target.model == nil, target.device == nil, tiers.isEmpty { return nil }
    var scenario = try scenario(system: .today)
    scenario.device = scenario.device.priced(try prices.chosen())
    return PrefillPrices(try scenario.resolved())
  }
}
