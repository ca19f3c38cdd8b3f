/// The layers of a model in order, each run of equal ones once.
///
///     layers   L L L L L G L L L L L G L L      L local, G global
///     runs     5·L  1·G  5·L  1·G  2·L          in order
///     kinds    12·L  2·G                        by first appearance
///
/// What does not depend on the order (weights, prices, bytes) is summed over ``kinds``.
package struct LayerList: Equatable, Sendable {
  /// Equal layers.
  package struct Run: Equatable, Sendable {
    package var layer: ModelLayer
    package var count: Int

    package init(_ layer: ModelLayer, count: Int) {
      self.layer = layer
      self.count = count
    }
  }

  /// Neighbours differ, and none is empty.
  package let runs: [Run]
  /// Every different layer with how many there are, by first appearance.
  package let kinds: [Run]
  /// Layers in all, at least 1.
  package let count: Int
  /// The layer that there are most of, the first of several.
  package let commonest: ModelLayer
  /// The heads of the commonest layer that has any; `nil` where none has.
  package let commonestHeads: ModelLayer.Heads?

  /// - Parameter runs: At least one layer; equal neighbours are joined.
  package init(_ runs: [Run]) {
    var joined: [Run] = []
    var kinds: [Run] = []
    for run in runs where run.count > 0 {
      if joined.last?.layer == run.layer {
        joined[joined.count - 1].count += run.count
      } else {
        joined.append(run)
      }
      if let known = kinds.firstIndex(where: { $0.layer == run.layer }) {
        kinds[known].count += run.count
      } else {
        kinds.append(run)
      }
    }
    precondition(!kinds.isEmpty, "LayerList: a model without layers")
    self.runs = joined
    self.kinds = kinds
    count = kinds.reduce(0) { $0 + $1.count }
    commonest = Self.longest(of: kinds).layer
    let attending = kinds.filter { $0.layer.heads != nil }
    commonestHeads = attending.isEmpty ? nil : Self.longest(of: attending).layer.heads
  }

  /// `count` layers that follow `pattern` again and again; the last round may be cut short.
  package static func repeating(_ pattern: [ModelLayer], count: Int) -> LayerList {
    LayerList((0..<count).map { Run(pattern[$0 % pattern.count], count: 1) })
  }

  /// Some layers in a row, of which at least one is in the list.
  package subscript(_ layers: Range<Int>) -> LayerList {
    var first = 0
    return LayerList(
      runs.map { run in
        defer { first += run.count }
        return Run(run.layer, count: layers.clamped(to: first..<first + run.count).count)
      })
  }

  /// The longest of `runs`, the first of several.
  private static func longest(of runs: [Run]) -> Run {
    runs.reduce(runs[0]) { $1.count > $0.count ? $1 : $0 }
  }
}
