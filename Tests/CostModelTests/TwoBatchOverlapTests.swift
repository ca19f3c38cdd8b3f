import SimulationKernel
import Testing

@testable import CostModel

/// Two halves of a batch beside each other.
@Suite struct TwoBatchOverlapTests {
  private func prices(overlaps: Bool) throws -> KernelCostModel {
    var deployment = PricedDeployment(
      model: try ModelCatalogue.find("deepseek-v3"), device: try DeviceCatalogue.find("h100-sxm"),
      blockBytes: 1)
    (deployment.dataParallel, deployment.expertParallel) = (32, 32)
    deployment.weights = .fp8
    deployment.overheads = .none(running: .sglang)
    deployment.overlapsTwoBatches = overlaps
    return try KernelCostModel(deployment)
  }

  private func prompts(_ tokens: [Int]) -> IterationWork {
    var work = IterationWork()
    work.prefillChunks = tokens.map { .init(tokens: $0, contextTokens: 100) }
    work.sampledSequences = tokens.count
    return work
  }

  private func decodes(_ sequences: Int) -> IterationWork {
    var work = IterationWork()
    work.decode(sequences, contextTokens: 100 * sequences)
    work.sampledSequences = sequences
    return work
  }

  /// 16 tokens of prompts are cut behind the eighth; of five sequences two are the first half.
  @Test func halvesAreOfTokens() {
    let (first, second) = prompts([10, 6]).halves
    #expect(first.prefillChunks == [.init(tokens: 8, contextTokens: 100)])
    #expect(
      second.prefillChunks
        == [.init(tokens: 2, contextTokens: 108), .init(tokens: 6, contextTokens: 100)])
    #expect((first.sampledSequences, second.sampledSequences) == (1, 1))
    let (few, many) = decodes(5).halves
    #expect((few.decodeSequences, many.decodeSequences) == (2, 3))
    #expect((few.decodeContextTokens, many.decodeContextTokens) == (200, 300))
  }

  /// Of ten layers: all that is computed and a tenth of an exchange; the other way round; a half that is longer by itself.
  @Test func theLongestChainCounts() {
    let rule = TwoBatchOverlap(exchange: PriceCurve(limit: 1) { _ in 0 }, layers: 10)
    func seconds(_ first: (Double, Double), _ second: (Double, Double)) -> Double {
      rule.seconds(
        .init(computing: first.0, exchanging: first.1),
        .init(computing: second.0, exchanging: second.1))
    }
    #expect(seconds((4, 2), (4, 2)) == 8.2)
    #expect(seconds((2, 4), (2, 4)) == 8.2)
    #expect(seconds((6, 6), (1, 1)) == 12)
  }

  /// What is sent hides: 8,192 tokens of prompts take less than one after the other, and no less than what is computed.
  @Test func exchangesHide() throws {
    let (plain, both) = (try prices(overlaps: false), try prices(overlaps: true))
    let work = prompts([4096, 4096])
    let costs = plain.breakdown(of: work)
    let exchange = costs.filter { $0.name == "all-gather and reduce-scatter" }
    let sent = exchange.reduce(0) { $0 + $1.seconds }
    let (serial, overlapped) = (
      plain.duration(of: work).seconds, both.duration(of: work).seconds
    )
    #expect(sent > 0 && overlapped < serial && overlapped >= serial - sent)
    #expect(
      both.duration(ofRanks: Array(repeating: work, count: 32)) == both.duration(of: work))
    let parts = both.breakdown(of: work).reduce(0) { $0 + $1.seconds }
    #expect(abs(parts - overlapped) < 1e-6)
  }

  /// A rank that decodes while another computes a prompt keeps all from splitting, and so does a lack of tokens; a rank with
  /// nothing to do does not.
  @Test func allSplitOrNone() throws {
    let (plain, both) = (try prices(overlaps: false), try prices(overlaps: true))
    let mixed = [prompts([4096]), decodes(64)]
    #expect(both.duration(ofRanks: mixed) == plain.duration(ofRanks: mixed))
    #expect(both.duration(of: decodes(1)) == plain.duration(of: decodes(1)))
    let idle = [prompts([8192]), IterationWork()]
    #expect(both.duration(ofRanks: idle) != plain.duration(ofRanks: idle))
  }

  @Test func decodesInARowAreThoseOneByOne() throws {
    let both = try prices(overlaps: true)
    let durations = [SimDuration](unsafeUninitializedCapacity: 5) { buffer, count in
      buffer.initialize(repeating: .zero)
      both.durations(SteadyDecode(sequences: 64, contextTokens: 6400), into: buffer)
      count = 5
    }
    #expect(durations[0] == both.duration(of: decodes(64)))
    #expect(durations == durations.sorted() && durations[0] < durations[4])
  }
}
