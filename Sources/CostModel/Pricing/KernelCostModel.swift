import Messages
import SimulationKernel

/// What runs: everything about a deployment that the price of its iterations depends on.
package struct PricedDeployment: Equatable, Sendable {
  package var model: ModelSpec
  package var device: DeviceSpec
  /// GPUs that share each layer.
  package var tensorParallel = 1
  /// Groups of so many GPUs, each with requests of its own; their layers of experts are shared by all.
  package var dataParallel = 1
  /// Of all GPUs, those that routed experts are spread over whole; 1 where each expert is cut over all.
  package var expertParallel = 1
  /// Exponent of the power law by which tokens fall on routed experts, 0 where evenly; `nil` for that of real traffic, or
  /// even loads where popular experts have copies.
  package var expertSkew: Double?
  /// How the layers' weights are stored.
  package var weights = ElementType.bfloat16
  /// How keys and values are stored.
  package var kvCache = ElementType.bfloat16
  /// Bytes of one KV block on one GPU, for copies and swaps.
  package var blockBytes: Int
  package var overheads = EngineOverheads.none
  /// Drafts that a decoding sequence verifies in an iteration, at most.
  package var draftTokens = 0
  /// Whether attention may read once what all sequences share.
  package var cascades = false
  /// How prompts and decodes of an iteration share the GPU, as far as one engine's kernels do.
  package var overlap = OverlapRule.none
  /// Whether what ranks send each other hides behind the other half of their batches (``TwoBatchOverlap``).
  package var overlapsTwoBatches = false

  package init(model: ModelSpec, device: DeviceSpec, blockBytes: Int) {
    self.model = model
    self.device = device
    self.blockBytes = blockBytes
  }
}

/// The price of an iteration: its kernels one after another, each from a device profile, and what
/// the engine adds.
///
/// A mixed batch is one batch: its tokens pass the matrix products together, and its attention is
/// one launch for the chunks and one for the decoding sequences.
///
/// A class that never changes, so that a call through `any IterationCostModel` does not copy its tables' references.
package final class KernelCostModel: IterationCostModel {
  /// Token counts that are tabulated: covers every usual token budget.
  static let tabulatedTokens = 8192
  /// Tokens beyond which no CUDA graph is recorded.
  static let graphTokensMax = 512

  package let profile: CostProfile

  private let overheads: EngineOverheads
  private let layers: Double
  private let globalLayers: Double
  private let localLayers: Double
  private let tokenPrices: PriceCurve
  /// Of that, what ranks with requests of their own do together.
  private let sharedPrices: PriceCurve
  private let headPrices: PriceCurve
  private let decodeGlobal: PriceGrid
  private let decodeLocal: PriceGrid?
  private let verifying: Verifying?
  private let prefillGlobal: PriceGrid
  private let prefillLocal: PriceGrid?
  /// Of a batch with prompts, all layers.
  private let prefillLaunch: Double
  private let besidePrompt: BesidePrompt?
  private let cascade: CascadeRule?
  /// Whether the attention of prompts and of decodes is one kernel (``OverlapRule/pod``).
  private let joinsAttention: Bool
  private let twoBatches: TwoBatchOverlap?
  private let recurrent: RecurrentPrices?
  private let copySeconds: Double
  private let swapSeconds: Double
  private let eagerFloor: Double
  private let parts: [Part]

  /// Attention of sequences that decode with as many drafts as there may be: the same keys and values for more queries.
  private struct Verifying: Sendable {
    var drafts: Double
    var global: PriceGrid
    var local: PriceGrid?
  }

  /// - Parameter ownProfile: A profile given by the user; `nil` takes the one that the tool carries.
  /// - Throws: ``UserError`` if the model does not split or has layers without a price, or the profile is for
  ///   another device.
  /// - Complexity: Tables of some thousand prices are computed, about 10 ms.
  package init(_ deployment: PricedDeployment, ownProfile: DeviceProfile? = nil) throws {
    let (model, device) = (deployment.model, deployment.device)
    try model.checkTensorParallel(deployment.tensorParallel)
    try deployment.requireProcessorForm()
    let needsLibrary = model.hasExperts || model.hasLatentAttention
    let choice = try ProfileChoice(
      device: device, own: ownProfile,
      library: needsLibrary ? deployment.overheads.library : nil)
    profile = choice.costProfile
    overheads = deployment.overheads.of(model)
    let prices = KernelPrices(
      profile: choice.profile, device: device, isOwn: choice.isOwn, overheads: overheads)
    try deployment.requireKernelsOfExperts(prices)
    parts = Self.parts(deployment, prices)
    let parts = self.parts
    tokenPrices = PriceCurve(limit: Self.tabulatedTokens, singly: prices.areSingle) { tokens in
      parts.reduce(0) { $0 + $1.prices(tokens) }
    }
    sharedPrices = PriceCurve(limit: Self.tabulatedTokens) { tokens in
      parts.reduce(0) { $1.isShared ? $0 + $1.prices(tokens) : $0 }
    }
    let head = model.headProduct(deployment.tensorParallel)
    let product = prices.product(.bfloat16)
    headPrices = PriceCurve(limit: Self.tabulatedTokens, singly: prices.areSingle) {
      head.seconds(tokens: $0, product)
    }

    let reach = try AttentionReach(model)
    layers = Double(model.layers.count)
    globalLayers = Double(reach.globalLayers)
    localLayers = Double(reach.localLayers)
    let window = Double(reach.window ?? model.maxPositions)
    let attention = AttentionPrices(reach.attention, deployment, prices)
    decodeGlobal = attention.decode(window: 0)
    decodeLocal = localLayers > 0 ? attention.decode(window: window) : nil
    let drafts = deployment.draftTokens
    verifying =
      drafts == 0
      ? nil
      : Verifying(
        drafts: Double(drafts), global: attention.decode(window: 0, queries: 1 + drafts),
        local: localLayers > 0 ? attention.decode(window: window, queries: 1 + drafts) : nil)
    prefillGlobal = attention.prefill(window: 0)
    prefillLocal = localLayers > 0 ? attention.prefill(window: window) : nil
    prefillLaunch = (globalLayers + localLayers) * attention.prefillLaunch
    besidePrompt = attention.besidePrompt()
    cascade =
      deployment.cascades && localLayers == 0
      ? CascadeRule(
        heads: reach.attention.decodeHeads(deployment.tensorParallel),
        multiprocessors: device.multiprocessors)
      : nil
    joinsAttention = deployment.overlap == .pod
    twoBatches =
      deployment.overlapsTwoBatches
      ? TwoBatchOverlap(
        exchange: PriceCurve(limit: Self.tabulatedTokens) { tokens in
          parts.reduce(0) { $1.isExchange ? $0 + $1.prices(tokens) : $0 }
        }, layers: deployment.expertShapes.reduce(0) { $0 + Double($1.layers) })
      : nil
    recurrent = try RecurrentPrices(deployment, ownProfile: ownProfile, overheads)
    copySeconds = 2 * Double(deployment.blockBytes) / (device.memoryBandwidth * 0.8)
    swapSeconds = Double(deployment.blockBytes) / device.pcieBandwidth
    eagerFloor = overheads.eagerLayerSeconds * layers
  }

  /// - Complexity: O(prefill chunks); tens of nanoseconds for decode sequences alone.
  package func duration(of work: IterationWork) -> SimDuration {
    twoBatches == nil ? duration(of: work, apart: 0) : duration(ofRanks: [work])
  }

  package func duration(ofRanks works: [IterationWork]) -> SimDuration {
    if let twoBatches, let halves = twoBatches.halves(of: works) {
      let seconds = twoBatches.seconds(
        half(halves.first, twoBatches), half(halves.second, twoBatches))
      let added = works.map { work in
        engineSeconds(
          sequences: work.decodeSequences + work.prefillChunks.count, tokens: work.batchedTokens,
          hasPrompts: !work.prefillChunks.isEmpty, kernels: seconds)
      }
      return SimDuration(rounding: seconds + (added.max() ?? 0))
    }
    let tokens = works.map { max(1, $0.batchedTokens) }
    // Curves are by the tokens of one rank among equal ones.
    let shared = sharedPrices(ceilingDivide(tokens.reduce(0, +), works.count))
    return zip(works, tokens).map { duration(of: $0, apart: shared - sharedPrices($1)) }.max()
      ?? .zero
  }

  /// What halves of the ranks' batches compute on the slowest, and send. Systems with ranks copy and swap no blocks.
  private func half(_ works: [IterationWork], _ rule: TwoBatchOverlap) -> TwoBatchOverlap.Half {
    let tokens = works.map { max(1, $0.batchedTokens) }
    let each = ceilingDivide(tokens.reduce(0, +), works.count)
    let (shared, exchanging) = (sharedPrices(each), rule.exchange(each))
    let seconds = zip(works, tokens).map {
      kernelSeconds(of: $0, tokens: $1, apart: shared - sharedPrices($1))
    }
    return .init(computing: (seconds.max() ?? 0) - exchanging, exchanging: exchanging)
  }

  /// - Parameter apart: Seconds that the kernels take longer because of other ranks.
  @inline(__always)
  private func duration(of work: IterationWork, apart: Double) -> SimDuration {
    var tokens = work.decodeSequences + work.draftTokens
    for chunk in work.prefillChunks { tokens += chunk.tokens }
    var seconds = kernelSeconds(of: work, tokens: tokens, apart: apart)
    seconds += engineSeconds(
      sequences: work.decodeSequences + work.prefillChunks.count, tokens: tokens,
      hasPrompts: !work.prefillChunks.isEmpty, kernels: seconds)
    seconds += copySeconds(blocks: work.copiedBlocks)
    // Both directions one after the other, as vLLM issues them, although PCIe is full duplex.
    seconds += Double(work.swappedInBlocks + work.swappedOutBlocks) * swapSeconds
    return SimDuration(rounding: seconds)
  }

  @inline(__always)
  private func kernelSeconds(of work: IterationWork, tokens: Int, apart: Double) -> Double {
    var seconds = tokenPrices(tokens)
    seconds += apart
    if isCascaded(work) {
      let rest = work.behindSharedPrefix
      seconds += prefixSeconds(work)
      if !work.prefillChunks.isEmpty { seconds += prefillSeconds(rest.prefillChunks) }
      if work.decodeSequences > 0 { seconds += decodeSeconds(rest) }
    } else if joinsAttention && !work.prefillChunks.isEmpty {
      seconds += joinedSeconds(work)
    } else {
      if !work.prefillChunks.isEmpty { seconds += prefillSeconds(work.prefillChunks) }
      if work.decodeSequences > 0 { seconds += decodeSeconds(work) }
    }
    seconds += recurrentSeconds(work)
    seconds += headPrices(work.sampledSequences)
    return seconds
  }

  /// - Complexity: O(iterations), some nanoseconds each.
  package func durations(
    _ decode: SteadyDecode, into durations: UnsafeMutableBufferPointer<SimDuration>
  ) {
    if twoBatches != nil { return oneByOne(decode, into: durations) }
    let sequences = decode.sequences
    // As in `duration(of:)`, in the same order: what does not depend on the context is looked up once.
    let linear = tokenPrices(sequences)
    let head = headPrices(sequences)
    let states = recurrent?.decode(sequences) ?? 0
    let count = Double(sequences)
    let global = decodeGlobal.row(count)
    let local = decodeLocal?.row(count)
    var (contextTokens, skippedTokens) = (decode.contextTokens, decode.skippedTokens)
    for index in durations.indices {
      var attention = globalLayers * global(Double(contextTokens) / count)
      if let local {
        attention += localLayers * local(Double(contextTokens - skippedTokens) / count)
      }
      contextTokens += sequences
      skippedTokens += decode.skippedGrowth
      var seconds = linear
      seconds += attention
      seconds += states
      seconds += head
      seconds += engineSeconds(
        sequences: sequences, tokens: sequences, hasPrompts: false, kernels: seconds)
      durations[index] = SimDuration(rounding: seconds)
    }
  }

  /// What the engine adds to the iteration's kernels.
  @inline(__always)
  private func engineSeconds(
    sequences: Int, tokens: Int, hasPrompts: Bool, kernels: Double
  ) -> Double {
    guard sequences > 0 else { return 0 }
    let isReplayed = tokens <= Self.graphTokensMax && (!hasPrompts || overheads.graphsPrompts)
    let device = (isReplayed ? kernels : max(kernels, eagerFloor)) + overheads.gapSeconds
    let host = overheads.iterationSeconds + Double(sequences) * overheads.sequenceSeconds
    return (overheads.hidesHost ? max(device, host) : device + host) - kernels
  }

  @inline(__always)
  private func decodeSeconds(_ work: IterationWork) -> Double {
    let count = Double(work.decodeSequences)
    let context = Double(work.decodeContextTokens) / count
    let attended = Double(work.decodeContextTokens - work.decodeSkippedTokens) / count
    var seconds = globalLayers * decodeGlobal(count, context)
    if let decodeLocal { seconds += localLayers * decodeLocal(count, attended) }
    if let verifying, work.draftTokens > 0 {
      var whole = globalLayers * verifying.global(count, context)
      if let local = verifying.local { whole += localLayers * local(count, attended) }
      // Sequences with fewer drafts, or none, stand between.
      let share = Double(work.draftTokens) / (count * verifying.drafts)
      seconds += share * max(whole - seconds, 0)
    }
    guard let besidePrompt, let chunk = work.prefillChunks.first else { return seconds }
    var tokens = chunk.tokens
    for other in work.prefillChunks.dropFirst() { tokens = max(tokens, other.tokens) }
    var shared = globalLayers * besidePrompt(count, context, Double(tokens))
    if localLayers > 0 {
      shared += localLayers * besidePrompt(count, attended, Double(tokens))
    }
    // The parts add where that is dearer: a chunk never makes the others cheaper.
    return max(seconds, shared)
  }

  @inline(__always)
  private func isCascaded(_ work: IterationWork) -> Bool {
    work.sharedPrefixTokens > 0 && cascade?.applies(to: work) ?? false
  }

  /// The attention of all tokens to what their sequences share: a launch, and what so many cached tokens add to a chunk of as
  /// many queries. The kernel that joins it with the rest is left out.
  private func prefixSeconds(_ work: IterationWork) -> Double {
    let queries = Double(work.batchedTokens)
    let prefix = prefillGlobal(queries, Double(work.sharedPrefixTokens))
    return prefillLaunch + globalLayers * max(prefix - prefillGlobal(queries, 0), 0)
  }

  /// The longer of both, each by itself.
  private func joinedSeconds(_ work: IterationWork) -> Double {
    var decodes = work
    decodes.prefillChunks = []
    let decoding = work.decodeSequences > 0 ? decodeSeconds(decodes) : 0
    return max(prefillSeconds(work.prefillChunks), decoding)
  }

  @inline(__always)
  private func recurrentSeconds(_ work: IterationWork) -> Double {
    guard let recurrent else { return 0 }
    var seconds = work.decodeSequences > 0 ? recurrent.decode(work.decodeSequences) : 0
    if !work.prefillChunks.isEmpty { seconds += recurrent.prefill(work.prefillChunks) }
    return seconds
  }

  /// One launch for all chunks of the batch.
  private func prefillSeconds(_ chunks: [IterationWork.PrefillChunk]) -> Double {
    var seconds = prefillLaunch
    for chunk in chunks {
      let (tokens, context) = (Double(chunk.tokens), Double(chunk.contextTokens))
      seconds += globalLayers * prefillGlobal(tokens, context)
      if let prefillLocal { seconds += localLayers * prefillLocal(tokens, context) }
    }
    return seconds
  }

  /// One kernel copies all blocks of an iteration.
  private func copySeconds(blocks: Int) -> Double {
    blocks > 0 ? Double(blocks) * copySeconds + 3e-6 : 0
  }

  /// One operator's part of an iteration, all layers.
  package struct OperatorCost: Equatable, Sendable {
    package var name: String
    package var seconds: Double
  }

  /// What each operator of the iteration costs, idle operators included.
  ///
  /// Sums to ``duration(of:)`` but for rounding.
  package func breakdown(of work: IterationWork) -> [OperatorCost] {
    var costs: [OperatorCost] = []
    func add(_ name: String, _ seconds: Double) {
      costs.append(OperatorCost(name: name, seconds: seconds))
    }
    for part in parts { add(part.name, part.prices(work.batchedTokens)) }
    var rest = isCascaded(work) ? work.behindSharedPrefix : work
    if isCascaded(work) { add("attention shared prefix", prefixSeconds(work)) }
    let prompts = work.prefillChunks.isEmpty ? 0 : prefillSeconds(rest.prefillChunks)
    add("attention prefill", prompts)
    if joinsAttention { rest.prefillChunks = [] }
    let decoding = work.decodeSequences > 0 ? decodeSeconds(rest) : 0
    // Of a kernel that both share, what is beyond the prompts.
    add("attention decode", joinsAttention ? max(decoding - prompts, 0) : decoding)
    if recurrent != nil { add("recurrent states", recurrentSeconds(work)) }
    add("lm head", headPrices(work.sampledSequences))
    let kernels = costs.reduce(0) { $0 + $1.seconds }
    let engine = engineSeconds(
      sequences: work.decodeSequences + work.prefillChunks.count, tokens: work.batchedTokens,
      hasPrompts: !work.prefillChunks.isEmpty, kernels: kernels)
    add("engine", engine)
    add("block copies", copySeconds(blocks: work.copiedBlocks))
    add("swap in", Double(work.swappedInBlocks) * swapSeconds)
    add("swap out", Double(work.swappedOutBlocks) * swapSeconds)
    if twoBatches != nil {
      let serial = costs.reduce(0) { $0 + $1.seconds }
      add("two batches beside each other", duration(of: work).seconds - serial)
    }
    return costs
  }
}
