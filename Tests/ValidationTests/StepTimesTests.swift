import CostModel
import Foundation
import Messages
import SimulationKernel
import Testing

@testable import Validation

@Suite struct StepTimesTests {
  /// A millisecond a sequence, and one for 1,000 tokens.
  private final class Counting: IterationCostModel {
    let profile = CostProfile(name: "counting", isCalibrated: true, error: "none")

    func duration(of work: IterationWork) -> SimDuration {
      SimDuration(
        rounding: Double(work.decodeSequences) * 1e-3 + Double(work.decodeContextTokens) * 1e-6)
    }
  }

  private func read(_ rows: String) throws -> StepTimes {
    let files = try SmallFiles(["steps.csv": "kind,running,kv_tokens,step_ms_from_rate\n" + rows])
    do {
      return try StepTimes(
        path: files.path + "/steps.csv", costModel: Counting(), attendedMax: nil)
    } catch var error as UserError {
      error.message = error.message.replacingOccurrences(of: files.path, with: "DIR")
      throw error
    }
  }

  /// Two sequences of 575 tokens each in the mean take 3.15 ms; 70 of 120 steps were measured at 4 ms, the others at 2.4.
  @Test func stepsAreTakenTogether() throws {
    let steps = (0..<120).map {
      "decode,2,\($0 < 60 ? 1100 : 1200),\($0 < 70 ? 4 : 2.4)\n"
    }.joined()
    // Left out are a step right after a prompt, one without tokens, and two that are alone in their cells.
    let times = try read(
      steps + "prefill,2,,\n" + "decode,2,1000,90\n" + "decode,3,1000,5\n" + "decode,2,0,5\n"
        + "decode,2,9000,5\n")
    #expect(
      times.cells == [
        .init(running: 2, contextTokens: 1150, steps: 120, measured: 4, predicted: 3.15)
      ])
    #expect(times.leftOut == 4)
    #expect(times.medianError == 1 - 3.15 / 4)
  }

  @Test func mistakesAreNamed() {
    let kind = #expect(throws: UserError.self) { try read("mixed,2,9,3\n") }
    #expect(kind?.message == "DIR/steps.csv:2: `kind` must be `prefill` or `decode`, found `mixed`")
    let thin = #expect(throws: UserError.self) { try read("decode,2,9,3\n") }
    #expect(thin?.message == "DIR/steps.csv: no cell has 100 decode steps")
  }
}
