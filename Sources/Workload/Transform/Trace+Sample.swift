import Messages
import SimulationKernel

/// What a sample of a trace stands for.
package struct TraceSample: Equatable, Sendable {
  /// A part of the trace and what the sample has of it.
  package struct Part: Equatable, Sendable {
    package var name: String
    /// Requests in the sample, and in the trace.
    package var kept: Int
    package var all: Int
  }

  package var seed: UInt64
  package var whole: Part
  /// By class of traffic; empty where the trace has none. Requests without a class are those of the name `–`.
  package var classes: [Part] = []
  /// By hour of the trace's own arrivals, from 0; empty where it has none, and where all come in one hour.
  package var hours: [Part] = []
}

extension Trace {
  /// Of a shared text that a sample keeps so many requests of in the mean, it need not keep all: at most one in ten of
  /// those that found it cached does not find it.
  private static let sharersEnough = 10

  /// About `count` requests spread over the trace, those that belong together together (``TraceGroups``).
  ///
  ///     class a   ●○○●○○●○○○●○      every group has the same chance, whatever its size; the lines are
  ///     class b   ○●○○○●○○          those of classes and sizes, each of which gets its share, evenly in time
  ///
  /// Arrivals stay: the sample has the shape of the day at a lower rate. Groups are drawn by ordered pivotal sampling from
  /// the stream `sample` of `seed`: of two neighbours in line the one gives the other its chance, until one of them is in
  /// or out, so that the first k of a line have their share, rounded up or down. Where every request stands alone, exactly
  /// `count` are drawn; else about as many.
  ///
  /// - Parameter count: Requests wanted, at least 1 and fewer than the trace has.
  /// - Throws: ``UserError`` where `count` is not positive, and where groups are so large that none is drawn.
  /// - Complexity: O(requests log requests + pieces).
  /// - Source: Deville and Tillé, Unequal probability sampling without replacement through a splitting method, 1998.
  package func sampled(count: Int, seed: UInt64) throws(UserError) -> Trace {
    try checkRequestCount(count)
    precondition(count < requests.count, "Trace.sampled: \(count) of \(requests.count)")
    var groups = TraceGroups(self, togetherMax: Self.sharersEnough * requests.count / count)
    let leaders = requests.indices.map { groups.leader(of: $0) }
    let line = requests.indices.filter { leaders[$0] == $0 }.map { row in
      (requestClass: requests[row].requestClass, size: groups.size(of: row), row: row)
    }.sorted {
      ($0.requestClass, $0.size.bitWidth - $0.size.leadingZeroBitCount, $0.row)
        < ($1.requestClass, $1.size.bitWidth - $1.size.leadingZeroBitCount, $1.row)
    }
    let isDrawn = pivotal(line.map(\.row), chance: count, of: requests.count, seed: seed)
    let rows = requests.indices.filter { isDrawn[leaders[$0]] }
    guard !rows.isEmpty else {
      throw UserError(
        "`--num-prompts` \(count) draws none of `\(name)`: its \(requests.count) requests hang together in "
          + "\(line.count) groups", hint: "give another `--seed`, or `--first` for the first rows")
    }
    var sample = selecting(rows)
    sample.sample = described(rows, seed: seed)
    return sample
  }

  /// Which of the requests in `line` are drawn, each with the chance `chance / whole`.
  ///
  /// Chances are integers, so that a sum of them is whole where it should be.
  private func pivotal(_ line: [Int], chance: Int, of whole: Int, seed: UInt64) -> [Bool] {
    var draws = RandomStream(seed: seed, label: "sample")
    var isDrawn = Array(repeating: false, count: requests.count)
    guard var standing = line.first else { return isDrawn }
    var held = chance
    for row in line.dropFirst() {
      let both = held + chance
      if both <= whole {
        // One is out, and the other has the chances of both.
        if draws.below(both) >= held { standing = row }
        held = both
      } else {
        // One is in, and the other has what is left.
        let isIn = draws.below(2 * whole - both) < whole - chance
        isDrawn[isIn ? standing : row] = true
        if isIn { standing = row }
        held = both - whole
      }
    }
    if draws.below(whole) < held { isDrawn[standing] = true }
    return isDrawn
  }

  private func described(_ rows: [Int], seed: UInt64) -> TraceSample {
    func parts(_ names: [String], _ part: (Request) -> Int) -> [TraceSample.Part] {
      var parts = names.map { TraceSample.Part(name: $0, kept: 0, all: 0) }
      for request in requests { parts[part(request)].all += 1 }
      for row in rows { parts[part(requests[row])].kept += 1 }
      return parts.filter { $0.all > 0 }
    }
    var sample = TraceSample(
      seed: seed, whole: .init(name: name, kept: rows.count, all: requests.count))
    if !classNames.isEmpty {
      sample.classes = parts(["–"] + classNames) { Int($0.requestClass) }
    }
    if hasArrivals, let last = requests.last {
      func hour(_ request: Request) -> Int { Int(request.arrival.seconds / 3600) }
      let hours = parts((0...hour(last)).map { "\($0)" }, hour)
      if hours.count > 1 { sample.hours = hours }
    }
    return sample
  }
}
