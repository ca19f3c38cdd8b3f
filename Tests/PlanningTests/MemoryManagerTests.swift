import CostModel
import KVMemory
import ModelFiles
import Serving
import SimulationKernel
import Testing

@testable import Planning

/// Each of the managers that `compare --memory` knows, as it is made for a model, against a count of every token.
@Suite struct MemoryManagerTests {
  private struct Sequence {
    var number: Int
    var lengths: SequenceLengths
    var computed = 0
    var tokens = 0
  }

  private static func model(_ name: String) throws -> MemoryModel {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelFile.find(name),
      device: try DeviceCatalogue.find("h200-sxm"))
    scenario.maxModelLength = 4096
    var model = MemoryModel(try scenario.resolved(), isCaching: false)
    // A few sequences fill it; a remainder that makes no whole page.
    model.bytes =
      20_000 * model.layers.tokenBytes + 12 * model.layers.stateBytes + 12_345_679
    model.capTokens = 100
    return model
  }

  /// Tokens that the iteration reads or writes, one by one; a state once.
  private func live(_ sequence: Sequence, _ layers: [KeptLayers]) -> Int {
    layers.reduce(0) { sum, kind in
      if kind.keeps.isState { return sum + (sequence.tokens > 0 ? kind.bytes : 0) }
      let skipped = kind.keeps.skipped(sequence.computed)
      return sum + (0..<sequence.tokens).count { !skipped.contains($0) } * kind.bytes
    }
  }

  @Test(arguments: ["llama-3.1-8b", "gemma-3-4b", "nvidia-nemotron-3-nano-30b-a3b-bf16"])
  func everyManagersLedgerIsThePool(name: String) throws {
    let model = try Self.model(name)
    #expect(MemoryManager.all.count == 23)
    for manager in MemoryManager.all {
      let memory = manager.make(model)
      var numbers = RandomStream(seed: 5, label: manager.name)
      var sequences: [Sequence] = []
      var most = 0
      for step in 0..<120 {
        let choice = numbers.below(6)
        if choice == 0 || sequences.isEmpty {
          let lengths = SequenceLengths(
            prompt: 1 + numbers.below(900), output: 1 + numbers.below(200))
          guard memory.canHold(lengths), memory.canStart(lengths, []) else { continue }
          _ = memory.start(step, lengths, [])
          sequences.append(Sequence(number: step, lengths: lengths))
        } else if choice == 1 {
          memory.end(sequences.remove(at: numbers.below(sequences.count)).number)
        } else {
          let index = numbers.below(sequences.count)
          var sequence = sequences[index]
          guard sequence.tokens < sequence.lengths.final else { continue }
          let left = sequence.lengths.prompt - sequence.tokens
          sequence.computed = sequence.tokens
          sequence.tokens += left > 0 ? min(left, 1 + numbers.below(500)) : 1
          let isGrown = memory.grow(sequence.number, sequence.computed, sequence.tokens)
          if !isGrown { sequence.tokens = sequence.computed }
          sequences[index] = sequence
        }
        #expect(memory.brokenInvariant() == nil, "\(manager.name), step \(step)")
        let count = sequences.reduce(0) { $0 + live($1, model.layers) }
        for isBlocked in [false, true] {
          let ledger = memory.ledger(isBlocked)
          #expect(ledger.total == model.bytes, "\(manager.name), step \(step)")
          if manager.isLossy {
            #expect(ledger.tokenState <= count, "\(manager.name), step \(step)")
          } else {
            #expect(ledger.tokenState == count, "\(manager.name), step \(step)")
          }
        }
        most = max(most, sequences.count)
      }
      for sequence in sequences { memory.end(sequence.number) }
      #expect(memory.ledger(false).tokenState == 0 && memory.brokenInvariant() == nil)
      // A large page of Jenga's is larger than the pool where a state is as large as thousands of tokens.
      #expect(most > 0 || manager.name == "jenga", "\(manager.name) on \(name)")
    }
  }
}
