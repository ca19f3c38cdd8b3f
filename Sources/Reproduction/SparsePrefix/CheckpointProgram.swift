/// Where to keep the states of recurrent layers of a prompt, if how deep prompts overlap is known.
///
/// A request that shares its first t tokens resumes at the deepest checkpoint at or before t, and computes the rest again:
///
///     tokens        0      c₁            c₂      t
///     checkpoints   |──────●─────────────●───────|     t − c₂ tokens are computed again
///
/// With p_t the share of requests that overlap by t tokens, D₀(j) = Σ_{t≤j} p_t t and
/// D_m(j) = min over s ≤ j of D_{m−1}(s − 1) + Σ_{t=s..j} p_t (t − s). As a function of P(j) = Σ_{t≤j} p_t each s gives a
/// line of slope −s, so that the minimum moves along a hull of lines.
///
/// - Complexity: O(deepest × checkpoints) time and memory.
/// - Source: *Sparse Prefix Caching* (arXiv 2605.05219), Corollary 1.
struct CheckpointProgram: Equatable, Sendable {
  /// In rising order, each at least 1.
  private(set) var checkpoints: [Int] = []
  /// Tokens that a request computes again in the mean.
  private(set) var expectedTokens: Double

  /// Places at most `budget` checkpoints.
  ///
  /// - Parameter overlaps: By depth, from 0: how often, or how likely, requests overlap so far. What overlaps by nothing
  ///   does not count.
  init(overlaps: [Double], budget: Int) {
    let shares = Self.shares(overlaps)
    let deepest = overlaps.count - 1
    let count = max(0, min(budget, deepest))
    /// P and Σ p_t t, up to each depth.
    var mass = [0.0]
    var tokens = [0.0]
    for depth in stride(from: 1, through: deepest, by: 1) {
      mass.append(mass[depth - 1] + shares[depth])
      tokens.append(tokens[depth - 1] + shares[depth] * Double(depth))
    }
    var best = tokens
    var choices: [[Int]] = []
    for _ in 0..<count {
      var next = [0.0]
      var choice = [0]
      var hull = LineHull()
      for depth in 1...deepest {
        let intercept = best[depth - 1] - tokens[depth - 1] + Double(depth) * mass[depth - 1]
        hull.add(.init(slope: -Double(depth), intercept: intercept, checkpoint: depth))
        let (value, checkpoint) = hull.minimum(at: mass[depth])
        next.append(tokens[depth] + value)
        choice.append(checkpoint)
      }
      best = next
      choices.append(choice)
    }
    expectedTokens = best.last ?? 0
    var end = deepest
    for choice in choices.reversed() where end > 0 {
      checkpoints.append(choice[end])
      end = choice[end] - 1
    }
    checkpoints.reverse()
  }

  /// Tokens that a request computes again in the mean with checkpoints at `positions`.
  static func expectedTokens(overlaps: [Double], positions: [Int]) -> Double {
    let isCheckpoint = Set(positions)
    var last = 0
    var sum = 0.0
    for (depth, share) in shares(overlaps).enumerated().dropFirst() {
      if isCheckpoint.contains(depth) { last = depth }
      sum += share * Double(depth - last)
    }
    return sum
  }

  /// The parts of one whole that the depths above 0 have.
  private static func shares(_ overlaps: [Double]) -> [Double] {
    let whole = overlaps.dropFirst().reduce(0, +)
    guard whole > 0 else { return overlaps.map { _ in 0 } }
    return [0] + overlaps.dropFirst().map { $0 / whole }
  }
}

/// The lower hull of lines whose slopes fall, asked at points that rise.
private struct LineHull {
  struct Line {
    var slope: Double
    var intercept: Double
    var checkpoint: Int

    func value(at x: Double) -> Double { slope * x + intercept }
  }

  private var lines: [Line] = []
  /// Lines before it will not be lowest again.
  private var first = 0
  /// Sums of a thousand shares agree to less than this.
  private static let rounding = 1e-12

  mutating func add(_ line: Line) {
    while lines.count - first >= 2,
      Self.isAbove(lines[lines.count - 1], lines[lines.count - 2], line)
    {
      lines.removeLast()
    }
    lines.append(line)
  }

  /// Whether `middle` is nowhere below both others.
  private static func isAbove(_ middle: Line, _ before: Line, _ after: Line) -> Bool {
    (after.intercept - before.intercept) * (before.slope - middle.slope)
      <= (middle.intercept - before.intercept) * (before.slope - after.slope) + rounding
  }

  mutating func minimum(at x: Double) -> (value: Double, checkpoint: Int) {
    while lines.count - first >= 2,
      lines[first].value(at: x) >= lines[first + 1].value(at: x) - Self.rounding
    {
      first += 1
    }
    return (lines[first].value(at: x), lines[first].checkpoint)
  }
}
