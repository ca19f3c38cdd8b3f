import SimulationKernel
import Testing

@testable import Serving

/// Who is denied, so that the most prompts are in time.
@Suite struct AdmissionPlanTests {
  /// Whether all of `prompts` are in time, by deadline, at a token a nanosecond.
  private func areInTime(_ prompts: [AdmissionPlan.Prompt]) -> Bool {
    var end: Int64 = 0
    return prompts.sorted { ($0.due, $0.sequence) < ($1.due, $1.sequence) }.allSatisfy {
      end += Int64($0.tokens)
      return end <= $0.due.nanoseconds
    }
  }

  /// Against every subset: what is kept is in time, and no larger subset is.
  @Test(arguments: 0..<300) func asManyAsCanBe(seed: Int) {
    var chance = RandomStream(seed: UInt64(seed), label: "admission plan")
    let prompts = (0..<1 + chance.below(8)).map { id in
      AdmissionPlan.Prompt(
        sequence: Int32(id), tokens: 1 + chance.below(30),
        due: SimInstant(nanoseconds: Int64(chance.below(90))))
    }
    let denied = AdmissionPlan.denied(prompts, tokensPerSecond: 1e9, at: .zero)
    let kept = prompts.filter { !denied.contains($0.sequence) }
    #expect(areInTime(kept), "seed \(seed)")
    let most = (0..<1 << prompts.count).map { set in
      prompts.indices.filter { set >> $0 & 1 == 1 }.map { prompts[$0] }
    }.filter(areInTime).map(\.count).max()
    #expect(kept.count == most, "seed \(seed)")
  }

  /// What is computed already stays, and others make way for it.
  @Test func thoseInProgressStay() {
    func prompt(_ id: Int32, _ tokens: Int, due: Int64, isAccepted: Bool = false)
      -> AdmissionPlan.Prompt
    {
      AdmissionPlan.Prompt(
        sequence: id, tokens: tokens, due: SimInstant(nanoseconds: due), isAccepted: isAccepted)
    }
    func denied(_ isAccepted: Bool) -> Set<Int32> {
      AdmissionPlan.denied(
        [
          prompt(0, 5, due: 6), prompt(1, 4, due: 7),
          prompt(2, 20, due: 21, isAccepted: isAccepted),
        ], tokensPerSecond: 1e9, at: .zero)
    }
    #expect(denied(false) == [0, 2])
    #expect(denied(true) == [0, 1])
  }
}
