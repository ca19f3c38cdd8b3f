import Serving
import SimulationKernel
import Workload

extension ServiceTarget {
  /// When the last token of a request is due: at the pace of the target behind the first, or by its end. `nil` where only the
  /// first has to be in time.
  package func lastTokenDue(_ request: Request) -> SimInstant? {
    guard let ttft else { return e2e.map { request.arrival + $0 } }
    return tpot.map { tpot in
      let pace = tpot.nanoseconds * Int64(request.outputTokens - 1)
      return request.arrival + ttft + SimDuration(nanoseconds: pace)
    }
  }

  /// Whether an answer came in time: its first token, where someone waits for that, and its last.
  package func isMet(by request: Request, firstToken: SimInstant, finish: SimInstant) -> Bool {
    if let ttft, firstToken > request.arrival + ttft { return false }
    return lastTokenDue(request).map { finish <= $0 } ?? true
  }
}

extension RunRecord {
  /// Share of the requests that are served as their targets ask, of those whose fate is known: they arrived inside the
  /// window, and are answered, rejected, or late without an answer.
  ///
  /// - Parameters:
  ///   - targets: By number of the class, 0 for requests of none.
  ///   - counts: Whose requests count; all unless told.
  /// - Returns: `nil` where no request with a target counts.
  /// - Complexity: O(requests).
  package func attained(
    _ targets: [ServiceTarget?], where counts: (Request) -> Bool = { _ in true }
  ) -> Double? {
    var (known, met) = (0, 0)
    for index in arrived {
      let request = requests[index]
      guard counts(request), window.contains(request.arrival),
        let target = targets[Int(request.requestClass)]
      else { continue }
      let milestone = milestones[index]
      if let first = milestone.firstToken, let finish = milestone.finish {
        known += 1
        if target.isMet(by: request, firstToken: first, finish: finish) { met += 1 }
      } else if milestone.isRejected || isLate(milestone.firstToken, request, target) {
        known += 1
      }
    }
    return known > 0 ? Double(met) / Double(known) : nil
  }

  /// Whether a request without an answer can not be in time any more when the run ends.
  private func isLate(
    _ firstToken: SimInstant?, _ request: Request, _ target: ServiceTarget
  ) -> Bool {
    if let ttft = target.ttft, firstToken ?? measured.to > request.arrival + ttft { return true }
    return target.lastTokenDue(request).map { measured.to > $0 } ?? false
  }
}

/// Jain's index of fairness: 1 where all values are alike, 1 ⁄ n where one has all.
///
///     (Σ x)² ⁄ (n Σ x²)
///
/// - Returns: `nil` of fewer than two values, and where all are zero.
/// - Source: Jain, Chiu and Hawe, DEC-TR-301 (1984).
package func jainIndex(_ values: [Double]) -> Double? {
  let squares = values.reduce(0) { $0 + $1 * $1 }
  guard values.count > 1, squares > 0 else { return nil }
  let sum = values.reduce(0, +)
  return sum * sum / (Double(values.count) * squares)
}
