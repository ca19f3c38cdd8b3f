/// Prism's global placement: models go where the pressure on shared memory for keys and values is least.
///
///     pressure of a GPU = Σ over its models (tokens/s × bytes of a token ⁄ TPOT target) ⁄ (capacity − Σ weights)
///
/// - Source: Prism (OSDI 2026), Algorithm 1, from the reference's summary of it.
enum KVPressure {
  struct Model: Equatable, Sendable {
    /// Tokens a second × bytes of a token ⁄ seconds of the TPOT target.
    var demand: Double
    var weightBytes: Int
    /// The GPU that has it now.
    var current: Int?
  }

  /// The GPU of each model; `nil` for one whose weights fit nowhere.
  ///
  /// Models in descending demand choose the GPU of least pressure so far, the lower one of equal ones. One that is somewhere
  /// moves only if the pressure there exceeds the least by more than `threshold`.
  static func place(_ models: [Model], gpus: Int, capacity: Int, threshold: Double) -> [Int?] {
    var shared = Array(repeating: capacity, count: gpus)
    var demand = Array(repeating: 0.0, count: gpus)
    var places = [Int?](repeating: nil, count: models.count)
    func pressure(_ gpu: Int) -> Double { demand[gpu] / Double(shared[gpu]) }
    for index in models.indices.sorted(by: { (-models[$0].demand, $0) < (-models[$1].demand, $1) })
    {
      let model = models[index]
      let fitting = (0..<gpus).filter { shared[$0] > model.weightBytes }
      guard var best = fitting.min(by: { (pressure($0), $0) < (pressure($1), $1) }) else {
        continue
      }
      if let current = model.current, fitting.contains(current),
        pressure(current) - pressure(best) <= threshold
      {
        best = current
      }
      places[index] = best
      demand[best] += model.demand
      shared[best] -= model.weightBytes
    }
    return places
  }
}

/// Prism's local admission: as many requests as possible meet their deadlines for a first token (Moore and Hodgson, 1968).
///
///     by deadline   a b c d     one is late  ▸  the longest so far goes to the end
enum DeadlineOrder {
  struct Job: Equatable, Sendable {
    var deadline: Double
    /// Seconds of its prompt.
    var seconds: Double
  }

  /// The order of service.
  ///
  /// - Source: the reference's summary; that those who are left out come last, by deadline, is inferred there.
  static func order(_ jobs: [Job], now: Double) -> [Int] {
    var onTime: [Int] = []
    var late: [Int] = []
    var time = now
    for index in jobs.indices.sorted(by: { (jobs[$0].deadline, $0) < (jobs[$1].deadline, $1) }) {
      onTime.append(index)
      time += jobs[index].seconds
      guard time > jobs[index].deadline else { continue }
      let longest = onTime.indices.max { jobs[onTime[$0]].seconds < jobs[onTime[$1]].seconds }!
      let removed = onTime.remove(at: longest)
      time -= jobs[removed].seconds
      late.append(removed)
    }
    return onTime + late.sorted { (jobs[$0].deadline, $0) < (jobs[$1].deadline, $1) }
  }
}
