import CostModel
import SimulationKernel
import Testing
import Workload

@testable import Reproduction

/// EcoServe's admission on a clock that can be followed by hand.
@Suite struct EcoServeTests {
  /// A second for ten tokens of a prompt, and a tenth for a decode, whoever is in it.
  private final class ByKind: IterationCostModel {
    let profile = CostProfile(name: "kinds", isCalibrated: false, error: "none")
    func duration(of work: IterationWork) -> SimDuration {
      let prompts = work.prefillChunks.reduce(0) { $0 + $1.tokens }
      return SimDuration(rounding: Double(prompts) / 10 + (work.decodeSequences > 0 ? 0.1 : 0))
    }
  }

  private func eco(_ instances: Int, ttft: Double = 2, tpot: Double = 0.5) -> EcoServe {
    EcoServe(
      prices: ByKind(), ttft: ttft, tpot: tpot, cacheTokens: 10_000, instances: instances)
  }

  private func request(at seconds: Double, prompt: Int32 = 10, output: Int32) -> Request {
    Request(
      arrival: SimInstant.zero + SimDuration(rounding: seconds), promptTokens: prompt,
      outputTokens: output)
  }

  private func rounded(_ times: [EcoServe.Times]) -> [[Double]] {
    times.map { [$0.first, $0.last].map { ($0 * 100).rounded() / 100 } }
  }

  /// Two prompts of a second fit into two. At 2 both answers have a token, worth half a second, and one of them is a second
  /// old: they are ahead by 0 in the mean, and by 0.4 more with each decode. So the third prompt, of a second, is admitted
  /// after three of them, at 2.3.
  @Test func aPromptWaitsUntilAnswersAreAhead() {
    let requests = [
      request(at: 0, output: 9), request(at: 0, output: 9), request(at: 0, output: 1),
    ]
    // Eight decodes, three before the third prompt and five behind it.
    #expect(rounded(eco(1).serve(requests)) == [[1, 3.8], [2, 3.8], [3.3, 3.3]])
    // On two instances the third goes to the next of the ring at once.
    #expect(rounded(eco(2).serve(requests)) == [[1, 2.8], [2, 2.8], [1, 1]])
  }

  /// In order of arrival, each once, nothing before it came, on any number of instances.
  @Test(arguments: 0..<60) func everyRequestEnds(seed: Int) {
    var chance = RandomStream(seed: UInt64(seed), label: "ecoserve")
    var now = 0.0
    let requests = (0..<40).map { _ in
      now += Double(chance.below(15)) / 10
      return request(
        at: now, prompt: Int32(1 + chance.below(20)), output: Int32(1 + chance.below(30)))
    }
    var eco = eco(1 + chance.below(4), ttft: 2 + Double(chance.below(4)))
    eco.cacheTokens = 50 + chance.below(200)
    let times = eco.serve(requests)
    for (request, time) in zip(requests, times) {
      let arrival = request.arrival.seconds
      #expect(time.first >= arrival + Double(request.promptTokens) / 10 - 1e-9, "seed \(seed)")
      #expect(
        time.last >= time.first + 0.1 * Double(request.outputTokens - 1) - 1e-9, "seed \(seed)")
    }
    let attained = eco.attained(requests)
    #expect(attained >= 0 && attained <= 1)
  }
}
