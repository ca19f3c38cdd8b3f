import SimulationKernel
import Testing

@testable import KVMemory

/// Lists in one array, against lists.
@Suite struct PhasedSequencesTests {
  @Test(arguments: 0..<20 as Range<UInt64>) func agreesWithLists(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "phases")
    let phaseCount = 1 + chance.below(5)
    var phases = PhasedSequences(phaseCount: phaseCount)
    var lists = [[Int32]](repeating: [], count: phaseCount)
    for sequence in 0..<300 as Range<Int32> {
      let phase = chance.below(phaseCount)
      if chance.below(3) > 0 {
        // Even ones run before odd ones, in the order in which they come.
        phases.insert(sequence, phase) { sequence % 2 < $0 % 2 }
        let place = lists[phase].lastIndex { sequence % 2 >= $0 % 2 }.map { $0 + 1 } ?? 0
        lists[phase].insert(sequence, at: place)
      } else if !lists[phase].isEmpty {
        phases.remove(lists[phase].remove(at: chance.below(lists[phase].count)), phase)
      }
      for phase in 0..<phaseCount {
        #expect(Array(phases[phase]) == lists[phase], "seed \(seed), phase \(phase)")
        #expect(phases.count(phase) == lists[phase].count)
        let looked = phases.look { Array($0[phase]) }
        #expect(looked == lists[phase])
      }
    }
  }
}
