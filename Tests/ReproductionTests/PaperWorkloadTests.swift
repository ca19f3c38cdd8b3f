import SimulationKernel
import Testing
import Workload

@testable import Planning
@testable import Reproduction

/// The artifact's workloads, draw by draw.
@Suite struct PaperWorkloadTests {
  static func pairs(_ count: Int) -> Trace {
    Trace(
      name: "pairs",
      requests: (0..<count).map {
        Request(promptTokens: Int32(10 + $0 % 50), outputTokens: Int32(1 + $0 % 40))
      }, hasArrivals: false)
  }

  /// `random.seed(s); random.shuffle(list(range(10)))` in Python 3.
  @Test func shufflesAsPython() {
    let expected: [UInt32: [Int]] = [
      0: [7, 8, 1, 5, 3, 4, 2, 0, 9, 6], 7: [8, 3, 1, 4, 7, 0, 9, 6, 2, 5],
    ]
    for (seed, order) in expected {
      var numbers = MersenneTwister(pythonSeed: seed)
      var items = Array(0..<10)
      numbers.shuffle(&items)
      #expect(items == order)
    }
  }

  /// `numpy.random.seed(3); numpy.random.poisson(2.0, 12)`.
  @Test func drawsPoissonAsNumpy() {
    var numbers = MersenneTwister(numpySeed: 3)
    #expect((0..<12).map { _ in numbers.poisson(mean: 2) } == [2, 3, 1, 1, 2, 2, 2, 2, 1, 2, 6, 0])
  }

  /// The artifact's run of Figure 2: 4 req/s for 900 s, seed 0.
  @Test func hasTheArtifactsArrivals() {
    let traces = PaperTraces(sharegpt: Self.pairs(100), alpaca: Self.pairs(100))
    let requests = traces.requests(.sharegpt, rate: 4, seconds: 900, seed: 0)
    #expect(requests.count == 3604)
    #expect(requests.allSatisfy { $0.arrival.nanoseconds % 10_000_000 == 0 })
    #expect(requests.map(\.arrival) == requests.map(\.arrival).sorted())
  }

  @Test func leavesLongPairsOutAndRepeatsTheRest() {
    var list = Self.pairs(3)
    list.requests[1].outputTokens = 2048 - list.requests[1].promptTokens
    let traces = PaperTraces(sharegpt: list, alpaca: Self.pairs(3))
    let requests = traces.requests(.sharegpt, rate: 1, seconds: 100, seed: 1)
    let lengths = Set(requests.map(\.promptTokens))
    #expect(lengths == [10, 12])
    let first = requests.count { $0.promptTokens == 10 }
    #expect(first - (requests.count - first) == requests.count % 2)
  }

  @Test func scalesAlpacaToThePapersMeans() {
    let scaled = PaperTraces.scaled(Self.pairs(1000), prompt: 19.31, output: 58.45).requests
    let prompt = scaled.reduce(0.0) { $0 + Double($1.promptTokens) } / 1000
    let output = scaled.reduce(0.0) { $0 + Double($1.outputTokens) } / 1000
    #expect(abs(prompt - 19.31) < 0.01)
    #expect(abs(output - 58.45) < 0.01)
    #expect(scaled.allSatisfy { $0.promptTokens > 0 && $0.outputTokens > 0 })
  }

  @Test func samplesAndBeamsKeepTheLengths() {
    let traces = PaperTraces(sharegpt: Self.pairs(9), alpaca: Self.pairs(9))
    let one = traces.requests(.alpaca, rate: 2, seconds: 20, seed: 0)
    let six = traces.requests(.parallel(6), rate: 2, seconds: 20, seed: 0)
    let beams = traces.requests(.beam(4), rate: 2, seconds: 20, seed: 0)
    #expect(one.map(\.outputTokens) == six.map(\.outputTokens))
    #expect(six.allSatisfy { $0.sequenceCount == 6 && $0.beamWidth == 0 })
    #expect(beams.allSatisfy { $0.sequenceCount == 4 && $0.beamWidth == 4 })
  }

  @Test func chatbotTurnsAreCut() {
    let turns = Trace(
      name: "turns",
      requests: [
        Request(promptTokens: 3000, outputTokens: 1500), Request(promptTokens: 7, outputTokens: 9),
      ], hasArrivals: false)
    let rows = ChatbotTurns.rows(turns: turns, pairs: Self.pairs(1), seed: 0)
    #expect(rows.map(\.promptTokens) == [1024, 7])
    #expect(rows.map(\.outputTokens) == [1016, 9])
  }

  @Test func aPrefixIsSharedInWholeBlocks() {
    #expect(TranslationPrefix.fiveShot.sharedTokens(blockSize: 16) == 336)
    #expect(TranslationPrefix.oneShot.sharedTokens(blockSize: 16) == 80)
  }
}
