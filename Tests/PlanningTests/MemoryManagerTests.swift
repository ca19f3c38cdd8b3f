import CostModel
import Foundation
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

  /// When a rule that drops tokens cuts the ones that it keeps to a cap: never, before or after the token of each pass, or
  /// once, when the prompt ends.
  private enum Cut {
    case never
    case before(Int)
    case after(Int)
    case once(Int)
  }

  /// The rule of each layer that has every token, from the lowest on.
  private func cuts(_ manager: String, cap: Int, layers: Int) -> [Cut]? {
    func all(_ cut: Cut) -> [Cut] { Array(repeating: cut, count: layers) }
    switch manager {
    case "h2o": return all(.before(cap))
    case "snapkv", "snapkv-in-place": return all(.once(cap))
    case "snapstream": return all(.after(cap))
    case "l2-norm": return [.never, .never] + all(.after(cap)).dropFirst(2)
    case "pyramidkv":
      // From 1.95 times the mean in the lowest layer to 0.05 times in the highest.
      return (0..<layers).map { layer in
        let share = cap * (39 * (layers - 1) - 38 * layer)
        return .once(Int((Double(share) / Double(20 * (layers - 1))).rounded()))
      }
    default: return nil
    }
  }

  /// Tokens that survive, dropped one by one.
  private func survivors(_ cut: Cut, _ sequence: Sequence) -> Int {
    var kept = Array(0..<min(sequence.lengths.prompt, sequence.tokens))
    for token in sequence.lengths.prompt..<max(sequence.lengths.prompt, sequence.tokens) {
      switch cut {
      case .never: kept.append(token)
      case .before(let cap): kept = kept.suffix(cap) + [token]
      case .after(let cap): kept = (kept + [token]).suffix(cap)
      case .once(let cap):
        if token == sequence.lengths.prompt { kept = kept.suffix(cap) }
        kept.append(token)
      }
    }
    return kept.count
  }

  /// Bytes that a manager keeps of a sequence, counted token by token.
  private func kept(_ manager: MemoryManager, _ sequence: Sequence, _ model: MemoryModel) -> Int {
    guard manager.isLossy else { return live(sequence, model.layers) }
    return model.layers.reduce(0) { sum, kind in
      if kind.keeps.isState { return sum + (sequence.tokens > 0 ? kind.bytes : 0) }
      if kind.keeps == .all {
        guard let cuts = cuts(manager.name, cap: model.capTokens, layers: kind.layers) else {
          // Four sinks and the rest of the cap, the token to come included.
          let window = model.capTokens - 4
          return sum + (0..<sequence.tokens).count { $0 < 4 || $0 > sequence.computed - window }
            * kind.bytes
        }
        return sum + cuts.reduce(0) { $0 + survivors($1, sequence) } * kind.bytes / kind.layers
      }
      // Beside sinks and a window in blocks: what is live. Else what the token at hand attends to, and while a prompt is
      // computed as many as an iteration has beside it.
      let skipped = kind.keeps.skipped(
        manager.name == "streaming-llm" ? sequence.computed : sequence.tokens - 1)
      let attended = (0..<sequence.tokens).count { !skipped.contains($0) }
      let isPrompt = sequence.tokens <= sequence.lengths.prompt
      let ahead = manager.name != "streaming-llm" && isPrompt ? model.batchedTokens - 1 : 0
      return sum + min(sequence.tokens, attended + ahead) * kind.bytes
    }
  }

  private static let seeds =
    ProcessInfo.processInfo.environment["KVPLAN_FUZZ_SEEDS"].flatMap(UInt64.init) ?? 1

  @Test(
    arguments: ["llama-3.1-8b", "gemma-3-4b", "nvidia-nemotron-3-nano-30b-a3b-bf16"], 0..<seeds)
  func everyManagersLedgerIsThePool(name: String, seed: UInt64) throws {
    let model = try Self.model(name)
    #expect(MemoryManager.all.count == 23)
    for manager in MemoryManager.all {
      let memory = manager.make(model)
      var numbers = RandomStream(seed: seed, label: manager.name)
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
        let place: Comment = "\(manager.name), seed \(seed), step \(step)"
        #expect(memory.brokenInvariant() == nil, place)
        let count = sequences.reduce(0) { $0 + kept(manager, $1, model) }
        for isBlocked in [false, true] {
          let ledger = memory.ledger(isBlocked)
          #expect(ledger.total == model.bytes, place)
          #expect(ledger.tokenState == count, place)
          #expect(ledger.reserved >= 0 && ledger.internalFragmentation >= 0, place)
          #expect(ledger.externalFragmentation >= 0 && ledger.free >= 0, place)
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
