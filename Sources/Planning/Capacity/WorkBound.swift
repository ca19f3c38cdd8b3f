import CostModel
import KVMemory
import Serving
import SimulationKernel
import Workload

/// A rate that a deployment cannot exceed, without a simulation.
///
/// Every request takes at least so much of a replica's time, whatever the scheduler does:
///
/// - each of its tokens is computed in an iteration, at no less than the cheapest price of a token in any
///   batch that the token budget allows;
/// - each of its output tokens is sampled in an iteration, at no less than the cheapest price of a token
///   among as many sequences as may run together;
/// - while it decodes, it holds its KV blocks for at least the shortest iteration a step;
/// - each of its output tokens after the first attends to all before it, at no less than the cheapest price of a
///   token of context in any batch of decodes that may run together.
///
/// Where tokens are drafted an iteration yields up to a token more for each draft of a sequence, so that the last three
/// count for so many times fewer iterations.
///
/// With a prefix cache, a token that prompts begin with alike is computed once at least, and its block held by one
/// request at least: it is put down to the first of them (``PromptContents/newTokens()``). Whoever computes it in
/// fact, what all requests together compute is no less than what is put down to those that finish.
///
/// Of replicas that prefill or decode only, what the other does is left out. Requests that wait between both are taken to be no
/// more than can run: who waits there has no first token.
///
/// A run is steady only if at the last arrival all but ``RateProbe/backlogLimit(_:)`` of the requests,
/// and those that run, are finished; so that much work has to fit between the first arrival and the last.
/// The cheapest requests are taken to be the finished ones, and 5 % are taken off the work for prices that
/// are not quite monotonic.
package struct WorkBound: Sendable {
  /// Seconds of a replica for each request, in four ways, each rising.
  private let costs: [[Double]]
  /// The same by request, of the way that comes to most.
  let largest: [Double]
  /// Requests that may run together on a replica.
  let runningMax: Int
  private let requestCount: Int

  private static let margin = 0.95

  /// - Parameters:
  ///   - kernelTimeScale: As in ``PreparedDeployment/kernelTimeScale``.
  ///   - newTokens: ``PromptContents/newTokens()`` of the trace, where it is known already.
  ///   - role: What the replica does of each request.
  /// - Complexity: O(token budget + pieces + requests × log requests).
  package init(
    _ resolved: ResolvedScenario, trace: Trace, kernelTimeScale: Double = 1,
    newTokens: [Int]? = nil, role: ReplicaRole = .both
  ) {
    let settings = resolved.settings
    let prices = TokenPrices(resolved.costModel, budget: settings.maxBatchedTokens)
    let requests = trace.requests
    let new = settings.v1.prefixCaching ? newTokens ?? trace.contents?.newTokens() : nil
    let isShared = new != nil || requests.contains { $0.sequenceCount > 1 }
    let token = prices.perToken(atMost: settings.maxBatchedTokens)
    let capacity = resolved.kvCapacity
    let blocks = { (tokens: Int32) in capacity.blocks(forTokens: Int(tokens)) }
    let keepsAll = capacity.cache.groups.allSatisfy { $0.keeps == .all }
    let leastBlocks = requests.map { blocks($0.promptTokens) }.min() ?? 1
    let fitting = isShared ? capacity.blocks : capacity.blocks / max(leastBlocks, 1)
    runningMax = max(min(settings.maxSequences, fitting), 1)
    let yieldMax = 1 + resolved.scenario.draftTokens
    let sample = prices.perToken(atMost: runningMax * yieldMax)
    let step = prices.cheapest(atLeast: 1)
    let longest = requests.map { Int($0.promptTokens + $0.outputTokens) }.max() ?? 1
    let context =
      keepsAll && settings.attendedMax == nil
      ? TokenPrices.perContextToken(
        resolved.costModel, sequences: runningMax, length: min(longest, settings.maxModelLength))
      : 0
    var costs: [[Double]] = [[], [], [], []]
    for (index, request) in requests.enumerated() {
      let length = request.promptTokens + request.outputTokens
      // Such a request is rejected, and costs nothing.
      if Int(length) > settings.maxModelLength || !capacity.holds(tokens: Int(length)) {
        for way in costs.indices { costs[way].append(0) }
        continue
      }
      let outputs =
        role == .prefill ? 1 : Double(request.outputTokens) * Double(request.sequenceCount)
      // Who decodes computes the last token of the prompt again.
      let prompt = role == .decode ? 1 : Double(new?[index] ?? Int(request.promptTokens))
      costs[0].append((prompt + outputs - 1) * token)
      costs[1].append(outputs * sample)
      if role == .prefill {
        for way in 2...3 { costs[way].append(0) }
        continue
      }
      let held: Double
      if isShared {
        // Blocks that hold nothing but new tokens, or the one that it decodes into.
        let new = keepsAll ? new?[index] ?? 0 : 0
        held = Double(max(1, (new - settings.blockSize + 1) / settings.blockSize))
      } else {
        held = Double(blocks(request.promptTokens))
      }
      costs[2].append(
        held * Double(request.outputTokens - 1) / Double(yieldMax) * step
          / Double(capacity.blocks))
      // Step k of a sequence of p prompt tokens attends to p + k.
      let steps = Double(request.outputTokens - 1)
      let attended = steps * (Double(request.promptTokens) + (steps + 1) / 2)
      costs[3].append(attended * context / Double(yieldMax))
    }
    let scaled = costs.map { $0.map { $0 * Self.margin * kernelTimeScale } }
    self.costs = scaled.map { $0.sorted() }
    largest = scaled.max { $0.reduce(0, +) < $1.reduce(0, +) } ?? []
    requestCount = requests.count
  }

  /// No rate above this is steady with so many replicas, requests per second.
  ///
  /// - Parameter unitSpan: Seconds from the first arrival to the last at one request per second.
  /// - Complexity: O(requests).
  package func rateMax(replicas: Int, unitSpan: Double) -> Double {
    let unfinished = RateProbe.backlogLimit(requestCount) + runningMax * replicas + 1
    let finished = max(requestCount - unfinished, 0)
    let seconds = costs.map { $0.prefix(finished).reduce(0, +) }.max() ?? 0
    return seconds > 0 ? unitSpan * Double(replicas) / seconds : .infinity
  }
}

/// The cheapest iterations by their number of tokens.
private struct TokenPrices {
  /// At each number of tokens from 1: the least that an iteration of so many tokens or more costs, seconds.
  private var least: [Double]

  init(_ costModel: any IterationCostModel, budget: Int) {
    least = (1...max(budget, 1)).map { tokens in
      var decoding = IterationWork()
      decoding.decode(tokens, contextTokens: tokens)
      decoding.sampledSequences = tokens
      var chunk = IterationWork()
      chunk.prefillChunks = [.init(tokens: tokens, contextTokens: 0)]
      return min(
        costModel.duration(of: decoding).seconds, costModel.duration(of: chunk).seconds)
    }
    for index in least.indices.dropLast().reversed() {
      least[index] = min(least[index], least[index + 1])
    }
  }

  /// The least price of a token of context, over batches of decodes of up to so many sequences of up to so many
  /// tokens, both in powers of two: an iteration costs no less than that for each token that it attends to.
  static func perContextToken(
    _ costModel: any IterationCostModel, sequences: Int, length: Int
  ) -> Double {
    func powers(_ limit: Int) -> [Int] {
      Array(sequence(first: 1) { 2 * $0 }.prefix { $0 < limit }) + [limit]
    }
    return powers(sequences).reduce(.infinity) { least, sequences in
      powers(length).reduce(least) { least, length in
        var work = IterationWork()
        work.decode(sequences, contextTokens: sequences * length)
        work.sampledSequences = sequences
        return min(
          least, costModel.duration(of: work).seconds / Double(sequences * length))
      }
    }
  }

  func cheapest(atLeast tokens: Int) -> Double { least[tokens - 1] }

  /// The least price of a token in batches of at most so many.
  func perToken(atMost limit: Int) -> Double {
    least.prefix(limit).enumerated().reduce(.infinity) {
      min($0, $1.element / Double($1.offset + 1))
    }
  }
}
