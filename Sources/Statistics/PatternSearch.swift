/// Minimises a function of a few numbers by trying one of them at a time, up and down, with steps that shrink.
///
/// Needs no derivatives, and gives the same answer wherever it runs. It finds a minimum near its start, not the least of
/// several.
package struct PatternSearch {
  /// One of the numbers: where it starts, how far the first step goes, and below what it may not fall.
  package struct Axis {
    package var start: Double
    package var step: Double
    package var least: Double

    package init(start: Double, step: Double, least: Double) {
      precondition(
        step > 0 && start >= least, "PatternSearch: \(start), step \(step), least \(least)")
      self.start = start
      self.step = step
      self.least = least
    }
  }

  package var axes: [Axis]
  /// Steps are halved so many times.
  package var halvings: Int

  package init(_ axes: [Axis], halvings: Int) {
    self.axes = axes
    self.halvings = halvings
  }

  /// - Returns: The numbers with the least value that was met.
  /// - Complexity: Some 2 × axes × halvings evaluations, more where a minimum is far.
  package func minimum(_ value: ([Double]) throws -> Double) rethrows -> [Double] {
    var best = axes.map(\.start)
    var least = try value(best)
    var steps = axes.map(\.step)
    var halved = 0
    while halved <= halvings {
      var moved = false
      for axis in axes.indices {
        for direction in [1.0, -1.0] {
          var tried = best
          tried[axis] = max(axes[axis].least, best[axis] + direction * steps[axis])
          guard tried[axis] != best[axis] else { continue }
          let found = try value(tried)
          guard found < least else { continue }
          (best, least, moved) = (tried, found, true)
          // Downhill once: the next round goes on from there.
          break
        }
      }
      if !moved {
        steps = steps.map { $0 / 2 }
        halved += 1
      }
    }
    return best
  }
}
