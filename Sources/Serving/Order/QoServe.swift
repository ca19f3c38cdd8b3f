import SimulationKernel
import Workload

extension ServicePolicy {
  /// QoServe, first called Niyama: deadlines, and of two that are due alike the shorter prompt first; iterations as large as
  /// the running answers bear; what will be late anyway stands back.
  ///
  /// A request that stands back waits for as long as others come that can be in time.
  ///
  /// - Source: Goel et al. (ASPLOS 2026; arXiv 2503.22562) and `deadline_scheduler.py` of microsoft/sarathi-serve at 72339db.
  ///   There a request holds the memory of its whole prompt and nobody is preempted; here its blocks are taken and lost as in
  ///   vLLM V1. That requests of low priority are put back first is in a summary of the paper, not in that file: how
  ///   is our reading.
  package static let qoserve = ServicePolicy(
    name: "qoserve", summary: "QoServe's: by deadline and tokens left, late ones last",
    prompts: PromptOrder(deadlines: DeadlineRules(), key: PromptOrder.hybrid(of:)),
    caveat:
      "`qoserve` is reconstructed from its paper and its published scheduler, on vLLM's memory "
      + "and with the tool's own prices as its predictor; no run of it was recorded")
}

extension PromptOrder {
  /// When the first token is due, put off by 8 ms for each token that is left to compute, nanoseconds.
  @Sendable package static func hybrid(of prompt: OrderedPrompt) -> Int64 {
    deadline(of: prompt) + 8_000_000 * Int64(prompt.remainingTokens)
  }
}

/// What QoServe and its kin do by the clock; each can be left out, for comparison.
package struct DeadlineRules: Sendable {
  /// Whether the tokens of an iteration follow from the slack of those that decode in it; otherwise they are those of the
  /// engine.
  package var chunks = true
  /// Whether requests that cannot meet their deadline stand back.
  package var relegates = true
  /// Whether those stand back instead without which the most others are in time.
  package var plans = false
  /// Whether an iteration is as large as the pace of the decodes bears, in place of their slack.
  package var keepsPace = false
  /// Whether all others go before a request: an application can say, by a priority above 0, that it matters less.
  func givesWay(_ request: Request) -> Bool { relegates && !plans && request.priority > 0 }

  /// What predicted times are multiplied by.
  package var caution = 1.2

  package init(chunks: Bool = true, relegates: Bool = true) {
    self.chunks = chunks
    self.relegates = relegates
  }

  init(plans: Bool, keepsPace: Bool, caution: Double) {
    (self.plans, self.keepsPace, self.caution) = (plans, keepsPace, caution)
  }

  /// Tokens of an iteration that are tried, decodes included.
  static let chunkSizes = [128] + stride(from: 256, through: 2048, by: 256) + [2552]
  /// The same where memory is short: below 1,000 free slots for each of the next 32 iterations.
  static let chunkSizesShort = Array(stride(from: 128, through: 512, by: 128))
  static let freeSlotsShort = 32_000

  /// The tokens of an iteration: the most that are predicted to take no longer than its most urgent decode can wait.
  ///
  /// - Parameters:
  ///   - slack: Until that decode's next token is due; `nil` if nothing that decodes has a pace.
  ///   - duration: Of an iteration of so many tokens, which more tokens do not shorten.
  /// - Returns: The least size where none is short enough.
  func chunk(
    slack: SimDuration?, freeSlots: Int, duration: (_ tokens: Int) -> SimDuration
  ) -> Int {
    let sizes = freeSlots < Self.freeSlotsShort ? Self.chunkSizesShort : Self.chunkSizes
    guard let slack else { return sizes[sizes.count - 1] }
    var (low, high) = (0, sizes.count)
    while slack.nanoseconds > 0, low < high {
      let middle = (low + high) / 2
      if duration(sizes[middle]).seconds * caution <= slack.seconds {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return sizes[max(0, low - 1)]
  }
}

/// Tokens of prompts a second, as QoServe expects them: a mean that forgets.
struct PrefillThroughput: Sendable {
  /// Before anything was measured.
  private(set) var tokensPerSecond = 8500.0
  private static let kept = 0.995

  /// Takes in an iteration that computed so many tokens of prompts.
  mutating func observe(tokens: Int, in duration: SimDuration) {
    guard tokens > 0, duration.nanoseconds > 0 else { return }
    tokensPerSecond =
      Self.kept * tokensPerSecond + (1 - Self.kept) * Double(tokens) / duration.seconds
  }

  /// When so many tokens that begin now are expected to be computed.
  func end(of tokens: Int, from now: SimInstant) -> SimInstant {
    now + SimDuration(rounding: Double(tokens) / tokensPerSecond)
  }
}
