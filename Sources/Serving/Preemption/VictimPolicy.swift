import KVMemory
import Workload

/// Which running sequence makes way when another finds no block (`--preemption-policy`): a value with a name, listed in
/// ``all``.
///
/// Adding one takes a file with its value, and a line in the list; `docs/EXTENDING.md` shows it.
package struct VictimPolicy: Sendable {
  /// As users type it.
  package let name: String
  /// One line for the catalogue.
  package let summary: String
  /// Picks a place among the running sequences, of which there is at least one; `nil` for always the last, with which
  /// sequences that only decode cruise.
  package let pick: (@Sendable (RunningSequences) -> Int)?

  package init(
    name: String, summary: String, pick: (@Sendable (RunningSequences) -> Int)? = nil
  ) {
    self.name = name
    self.summary = summary
    self.pick = pick
  }

  /// The place of the victim.
  func place(in running: RunningSequences) -> Int {
    guard let pick else { return running.count - 1 }
    let place = pick(running)
    precondition(
      running.indices.contains(place), "`\(name)` picks \(place) of \(running.count) sequences")
    return place
  }

  /// Every policy, in the order of the help text.
  package static let all: [VictimPolicy] = [.last, .fewestOutputs]

  /// vLLM's own, first come first served.
  package static let last = VictimPolicy(
    name: "last", summary: "the sequence that was admitted last")

  /// vLLM's own by priority; not in the list, as it goes with that order of service. Of those that arrived together the
  /// one that was admitted first makes way.
  static let servedLast = VictimPolicy(
    name: "served-last", summary: "of the highest priority value the sequence that arrived last"
  ) { running in
    running.indices.reduce(0) { running.isAhead($0, of: $1) ? $1 : $0 }
  }

  /// Of a ``PromptOrder``; not in the list, as it goes with one.
  static let lastInOrder = VictimPolicy(
    name: "last-in-order",
    summary:
      "the prompt in progress that is served last; if none is, the decode that was admitted last"
  ) { running in
    let prompts = running.indices.filter { !running[$0].isDecoding }
    guard let first = prompts.first else { return running.count - 1 }
    return prompts.reduce(first) { running.isAhead($0, of: $1) ? $1 : $0 }
  }
}

extension VictimPolicy: Equatable {
  package static func == (a: VictimPolicy, b: VictimPolicy) -> Bool { a.name == b.name }
}

/// The running sequences as a ``VictimPolicy`` sees them, in the order of their admission: what an engine knows, and so
/// not how much output is to come.
package struct RunningSequences: RandomAccessCollection {
  package struct Sequence {
    package var request: RequestID
    package var promptTokens: Int
    /// Output tokens so far.
    package var generatedTokens: Int
    /// Tokens whose keys and values are computed, and are lost with its blocks unless the prefix cache has them.
    package var computedTokens: Int
    /// Blocks that it holds, shared ones too.
    package var blocks: Int

    /// Whether the only token that it has to compute is one that was generated.
    package var isDecoding: Bool {
      generatedTokens > 0 && computedTokens + 1 == promptTokens + generatedTokens
    }
  }

  let running: [Int32]
  let sequences: TokenBudgetSequences
  private let blocks: (_ sequence: Int) -> Int

  /// - Parameter blocks: How many a sequence holds.
  init(
    _ running: [Int32], _ sequences: TokenBudgetSequences,
    blocks: @escaping (_ sequence: Int) -> Int
  ) {
    self.running = running
    self.sequences = sequences
    self.blocks = blocks
  }

  /// Whether the one at place `a` goes before that at `b` where waiting sequences queue by priority.
  func isAhead(_ a: Int, of b: Int) -> Bool {
    sequences.isAhead(running[a], of: running[b])
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { running.count }

  package subscript(place: Int) -> Sequence {
    let number = Int(running[place])
    let state = sequences[number]
    return Sequence(
      request: state.request, promptTokens: Int(state.promptTokens),
      generatedTokens: Int(state.generatedTokens), computedTokens: Int(state.computedTokens),
      blocks: blocks(number))
  }
}
