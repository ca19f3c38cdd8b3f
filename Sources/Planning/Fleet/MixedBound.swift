/// A rate that a fleet of two devices cannot exceed, without a simulation.
///
/// Each request takes a replica of the first device at least a seconds, or one of the second b (``WorkBound``). Whoever serves
/// which, for any weight w the time T from the first arrival to the last has to bear
///
///     T · (w · replicas + (1 − w) · replicas') ≥ Σ min(w · a, (1 − w) · b)
///
/// over the requests that are finished by then: of each side of T the requests of either device take a part. Some weights are
/// tried, around the one at which both devices are as dear in the mean.
struct MixedBound {
  private let first: WorkBound
  private let second: WorkBound
  private let unitSpan: Double
  /// For each weight: the sums of the cheapest requests, by their number.
  private let sums: [(weight: Double, seconds: [Double])]

  /// Factors on the weight of the first device over that of the second.
  private static let tilts = [0.25, 0.5, 0.75, 1, 1.5, 2, 4]

  /// - Parameters:
  ///   - first: Of the same trace as `second`.
  ///   - unitSpan: Seconds from the first arrival to the last at a rate of 1 per second.
  /// - Complexity: O(requests × log requests).
  init(_ first: WorkBound, _ second: WorkBound, unitSpan: Double) {
    self.first = first
    self.second = second
    self.unitSpan = unitSpan
    let (a, b) = (first.largest, second.largest)
    let (total, other) = (a.reduce(0, +), b.reduce(0, +))
    guard total > 0, other > 0 else {
      sums = []
      return
    }
    sums = Self.tilts.map { tilt in
      let weight = tilt * other / (tilt * other + total)
      let costs = zip(a, b).map { min(weight * $0, (1 - weight) * $1) }.sorted()
      var sum = 0.0
      return (
        weight,
        [0]
          + costs.map {
            sum += $0
            return sum
          }
      )
    }
  }

  /// - Parameters: Replicas of either device.
  func rateMax(_ count: Int, _ other: Int) -> Double {
    let requests = first.largest.count
    let unfinished =
      RateProbe.backlogLimit(requests) + first.runningMax * count + second.runningMax * other + 1
    let finished = max(requests - unfinished, 0)
    return sums.reduce(.infinity) { least, sum in
      let seconds = sum.seconds[finished]
      guard seconds > 0 else { return least }
      let replicas = sum.weight * Double(count) + (1 - sum.weight) * Double(other)
      return min(least, unitSpan * replicas / seconds)
    }
  }
}
