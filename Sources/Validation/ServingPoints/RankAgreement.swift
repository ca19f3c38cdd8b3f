import CostModel

/// Whether predictions put deployments in the order that was measured: what a planner lives on.
///
/// Deployments (a device and a tensor-parallel size) of one model, engine, weight type and pair of lengths are
/// ranked by their highest output throughput over the concurrencies that were measured. Pairs of all such
/// groups are pooled.
package struct RankAgreement: Equatable, Sendable {
  /// Pairs that are in the same order, and in the opposite one; ties are neither.
  package private(set) var concordant = 0
  package private(set) var discordant = 0

  /// Kendall's rank correlation of the pooled pairs; `nil` without any.
  package var tau: Double? {
    let pairs = concordant + discordant
    return pairs > 0 ? Double(concordant - discordant) / Double(pairs) : nil
  }

  /// - Complexity: O(n²) in the deployments of a group.
  package init(_ predictions: [PointPrediction]) {
    var groups: [String: [String: Peak]] = [:]
    for prediction in predictions where prediction.point.split == nil {
      let point = prediction.point
      let group =
        "\(point.model.name) \(point.backend.rawValue) \(point.weights.rawValue) "
        + "\(point.promptTokens) \(point.outputTokens)"
      let deployment = "\(point.device.name) \(point.tensorParallel)"
      groups[group, default: [:]][deployment, default: Peak()].include(prediction)
    }
    // Counts do not depend on the order of the groups.
    for group in groups.values { count(Array(group.values)) }
  }

  private mutating func count(_ peaks: [Peak]) {
    for (index, one) in peaks.enumerated() {
      for other in peaks[..<index] {
        let product = (one.measured - other.measured) * (one.predicted - other.predicted)
        if product > 0 { concordant += 1 } else if product < 0 { discordant += 1 }
      }
    }
  }

  /// The highest throughputs of one deployment, output tokens per second.
  private struct Peak {
    var measured = 0.0
    var predicted = 0.0

    mutating func include(_ prediction: PointPrediction) {
      let point = prediction.point
      measured = max(measured, point.throughput(ttft: point.ttft, tpot: point.tpot))
      predicted = max(predicted, point.throughput(ttft: prediction.ttft, tpot: prediction.tpot))
    }
  }
}

extension ServingPoint {
  /// Output tokens per second of so many clients, each with one request after the other.
  fileprivate func throughput(ttft: Double, tpot: Double) -> Double {
    let milliseconds = ttft + Double(outputTokens - 1) * tpot
    return Double(concurrency * outputTokens) / milliseconds * 1000
  }
}
