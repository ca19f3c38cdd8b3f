import SimulationKernel

/// A beam that dies and goes on as a copy of another one.
package struct BeamFork: Equatable, Sendable {
  /// Index, among the request's beams, of the one that is replaced.
  package var child: Int
  /// Index of the one it goes on from.
  package var parent: Int

  package init(child: Int, parent: Int) {
    self.child = child
    self.parent = parent
  }
}

/// Which beams a beam search drops and which it doubles, step by step.
///
/// Real beams follow the model's scores, which a simulator has not. The synthetic ones re-draw all parents
/// at some steps and leave them at the others; at 300 re-draws in 1,000 steps the blocks saved by sharing
/// come within 3 points of the paper's Figure 15 (36.9, 53.4, 58.2 % for widths 2, 4, 6 against 37.6, 53.1,
/// 55.2 %, run with the artifact's own classes).
package enum BeamParents: Equatable, Sendable {
  /// At `redrawsPerMille` of 1,000 steps every beam draws a new parent; draws depend on nothing but the
  /// seed, the request and the step.
  case synthetic(seed: UInt64, redrawsPerMille: Int)
  /// Forks taken from a record, by request; replaced before each step.
  case recorded([RequestID: [BeamFork]])

  package static let defaultRedrawsPerMille = 300

  /// Appends the forks of one request after a step.
  ///
  /// The candidates are taken in rank order. The first candidate of a parent goes on in the parent's place;
  /// further ones wait on a stack, and places whose beam got no candidate pop from its end. So a parent
  /// always keeps itself, and only dying beams are replaced.
  ///
  /// - Parameters:
  ///   - step: Output tokens that each beam had before this step; the first step never forks.
  ///   - width: Beams.
  ///   - forks: In the order of the dying beams.
  package func appendForks(
    of request: RequestID, step: Int, width: Int, to forks: inout [BeamFork]
  ) {
    switch self {
    case .recorded(let recorded):
      forks.append(contentsOf: recorded[request] ?? [])
    case .synthetic(let seed, let redrawsPerMille):
      guard step > 0, width > 1 else { return }
      let draw = { (slot: Int) -> UInt64 in
        [UInt64(request), UInt64(step), UInt64(slot)].reduce(splitmix64(seed)) {
          splitmix64($0 ^ $1)
        }
      }
      guard draw(width) % 1000 < UInt64(redrawsPerMille) else { return }
      let parents = (0..<width).map { Int(draw($0) % UInt64(width)) }
      Self.appendForks(parents: parents, to: &forks)
    }
  }

  /// Turns the parents of the candidates, in rank order, into forks.
  static func appendForks(parents: [Int], to forks: inout [BeamFork]) {
    var survives = Array(repeating: false, count: parents.count)
    var doubled: [Int] = []
    for parent in parents {
      if survives[parent] { doubled.append(parent) } else { survives[parent] = true }
    }
    for child in parents.indices where !survives[child] {
      forks.append(BeamFork(child: child, parent: doubled.removeLast()))
    }
  }
}
