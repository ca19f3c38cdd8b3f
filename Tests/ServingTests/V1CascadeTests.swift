import CostModel
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// What all running sequences begin with, as the price of an iteration is told it.
@Suite struct V1CascadeTests {
  private func shared(_ drawn: [DrawnRequest], cascades: Bool) -> [Int] {
    var timeline = V1Timeline(v1: drawn, v1Settings(blocks: 40) { $0.cascades = cascades })
    var tokens: [Int] = []
    timeline.run { tokens.append($0.plan.work.sharedPrefixTokens) }
    return tokens
  }

  /// Blocks of four. Nothing of the prompts is computed before the first iteration; while d runs, which begins otherwise,
  /// nothing is common to all.
  @Test func whatAllBeginWith() {
    let drawn = ["a", "b", "c"].enumerated().map { index, name in
      DrawnRequest(name: name, prompt: [[1, 0, 12], [2 + index, 0, 3]], output: 5)
    }
    let late = DrawnRequest.own("d", at: 2, prompt: 4, output: 1)
    #expect(shared(drawn + [late], cascades: true) == [0, 12, 0, 12, 12])
    #expect(shared(drawn + [late], cascades: false) == [0, 0, 0, 0, 0])
    // A prompt of which the iteration computes all but a block cuts it there.
    let short = DrawnRequest(name: "e", at: 2, prompt: [[1, 0, 8], [9, 0, 1]], output: 1)
    #expect(shared(drawn + [short], cascades: true) == [0, 12, 8, 12, 12])
  }

  /// Against the tables of all that run, one beside the other.
  @Test(arguments: 0..<100 as Range<UInt64>) func agreesWithTheTables(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "cascade")
    var contents = PromptContents()
    var requests: [Request] = []
    for id in 0..<10 {
      contents.append([
        TokenPiece(
          stream: chance.below(6) == 0 ? 2 : 1, start: 0, count: 4 + Int32(chance.below(20))),
        TokenPiece(
          stream: PromptContents.ownStream(of: id), start: 0, count: 1 + Int32(chance.below(6))),
      ])
      requests.append(
        Request(
          promptTokens: Int32(contents.promptTokens(of: id)),
          outputTokens: Int32(1 + chance.below(12))))
    }
    let settings = v1Settings(blocks: 24 + chance.below(30), budget: 8 + chance.below(40)) {
      $0.cascades = true
    }
    var scheduler = TokenBudgetScheduler<PrefixCachingMemory>(
      requests: requests, settings: settings, contents: contents)
    for id in requests.indices { scheduler.enqueue(RequestID(id)) }
    var plan = IterationPlan()
    var finished: [RequestID] = []
    var iterations = 0
    while finished.count < requests.count, iterations < 1000 {
      plan.removeAll()
      scheduler.schedule(at: .zero, into: &plan)
      let tables = scheduler.running.map { scheduler.blocks(of: Int($0)) }
      let least = tables.map(\.count).min() ?? 0
      let common = (0..<least).prefix { place in tables.allSatisfy { $0[place] == tables[0][place] }
      }
      let computed = plan.scheduled.map(\.contextTokens).min() ?? 0
      #expect(
        plan.work.sharedPrefixTokens == min(common.count, Int(computed) / 4) * 4, "seed \(seed)")
      scheduler.complete(&plan, finished: &finished)
      iterations += 1
    }
    #expect(finished.count == requests.count, "seed \(seed): not done")
  }
}
