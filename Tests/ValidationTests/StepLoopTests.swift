import CostModel
import Foundation
import Messages
import ModelFiles
import Planning
import Serving
import Testing
import Workload

@testable import Validation

@Suite struct StepLoopTests {
  private static let header =
    "concurrency,t_s,kind,running,new_seqs,new_tokens,cached_tokens\n"

  private func read(_ rows: String) throws -> [StepLoop] {
    let files = try SmallFiles(["steps.csv": Self.header + rows])
    do {
      return try StepLoop.read(path: files.path + "/steps.csv")
    } catch var error as UserError {
      error.message = error.message.replacingOccurrences(of: files.path, with: "DIR")
      throw error
    }
  }

  ///     warm-up | p2   d2  d2  p1   d2      two prompts of 21 tokens, then one of 9 beside one that runs
  ///     held    | 2    2   2   2    2
  @Test func aLoopBeginsWhereNobodyRuns() throws {
    let loops = try read(
      """
      2,0,prefill,0,1,7,0
      2,3,decode,1,,,
      2,5,prefill,0,2,40,1
      2,5,decode,2,,,
      2,6,decode,2,,,
      2,6,prefill,1,1,9,0
      2,8,decode,2,,,
      3,1,prefill,0,3,9,0
      3,9,decode,3,,,

      """)
    #expect(loops.map(\.clients) == [2, 3])
    #expect(loops.map(\.prompts) == [[20, 21, 9], [3, 3, 3]])
    #expect(loops.map(\.steps) == [5, 2])
    #expect(loops.map(\.running) == [2, 3])
    #expect(loops.map(\.seconds) == [3, 8])
    #expect(loops.map(\.decodedTokens) == [6, 3])
    // Nine tokens of six requests, and one of each with its prompt.
    #expect(StepLoop.meanOutput(loops) == 2.5)
    // The last prompt is 9 of 50 tokens long, so that the first answer is 9 ⁄ 50 of 3 × 10 tokens.
    let trace = loops[0].trace(meanOutput: 10)
    #expect(trace.requests.map(\.promptTokens) == [20, 21, 9])
    #expect(trace.requests.map(\.outputTokens) == [5, 13, 12])
  }

  /// Two clients with two answers each of as many tokens: two requests hold slots from the first step to the last.
  @Test func theLoopIsServedAgain() throws {
    let row =
      "2,0,prefill,0,2,200,0\n2,1,decode,2,,,\n"
      + "2,2,prefill,1,1,100,0\n2,2,prefill,1,1,100,0\n"
    let loop = try #require(read(row).first)
    let scenario = Scenario(
      system: .sglang05, model: try ModelFile.find("llama-3.1-8b"),
      device: try DeviceCatalogue.find("h100-sxm"))
    let prediction = try loop.predict(scenario, meanOutput: 40)
    #expect((1.9...2).contains(prediction.running), "\(prediction)")
    #expect(prediction.seconds > 0)
    let longer = try loop.predict(scenario, meanOutput: 80)
    #expect((1.9...2.1).contains(longer.seconds / prediction.seconds), "\(longer)")
  }

  @Test func mistakesAreNamed() {
    let none = #expect(throws: UserError.self) { try read("2,0,decode,1,,,\n") }
    #expect(none?.message == "DIR/steps.csv: the loop of 2 clients computes no prompts")
    let clients = #expect(throws: UserError.self) { try read("2.5,0,decode,1,,,\n") }
    #expect(
      clients?.message
        == "DIR/steps.csv:2: `concurrency` must be a whole number up to 10¹², found `2.5`")
  }
}
