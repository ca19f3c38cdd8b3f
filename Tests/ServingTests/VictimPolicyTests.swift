import KVMemory
import Testing
import Workload

@testable import Serving

@Suite struct VictimPolicyTests {
  /// Running sequences with these prompts and outputs so far.
  private func running(_ lengths: [(prompt: Int32, generated: Int32)]) -> RunningSequences {
    let requests = lengths.map { Request.at(0, prompt: $0.prompt, output: 100) }
    var sequences = TokenBudgetSequences(RunRequests(requests))
    for (number, length) in lengths.enumerated() {
      sequences.progress[number].generatedTokens = length.generated
    }
    return RunningSequences(lengths.indices.map { Int32($0) }, sequences) { _ in 0 }
  }

  @Test func fewestOutputsMakeWayOfThoseTheLongestPrompt() {
    let policy = VictimPolicy.fewestOutputs
    #expect(policy.place(in: running([(10, 5), (10, 3), (10, 4)])) == 1)
    #expect(policy.place(in: running([(10, 3), (30, 3), (20, 3), (40, 4)])) == 1)
    #expect(policy.place(in: running([(10, 3), (10, 3), (10, 9)])) == 1)
    #expect(VictimPolicy.last.place(in: running([(10, 3), (10, 1), (10, 9)])) == 2)
  }

  /// Five blocks for three full ones: when each sequence needs another, two find one, and the third makes way.
  @Test func theVictimOfThePolicyStartsAgain() {
    func log(_ victims: VictimPolicy?) -> String {
      v1Log(
        ["a", "b", "c"].map { .own($0, prompt: 4, output: 3) },
        v1Settings(blocks: 6) { $0.victims = victims }, steps: 4)
    }
    let first = VictimPolicy(name: "first", summary: "the one that was admitted first") { _ in 0 }
    #expect(
      log(first) == """
        0: a 0+4 b 0+4 c 0+4
        1: b 4+1 c 4+1 | out a4
        2: b 5+1 c 5+1 | done b c
        3: a 4+1 | hit a4

        """)
    #expect(
      log(.last) == """
        0: a 0+4 b 0+4 c 0+4
        1: a 4+1 b 4+1 | out c4
        2: a 5+1 b 5+1 | done a b
        3: c 4+1 | hit c4

        """)
    #expect(log(nil) == log(.last))
  }
}
