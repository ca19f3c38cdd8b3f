import SimulationKernel

// How many simulations plans take, as far as one can tell before: what their lines of progress count up to.

extension CapacityStudy {
  /// A search from a guess by factors of two takes about nine, one near a known rate six; a study that explains has five
  /// lower rates, eight settings and four sensitivities besides.
  package var simulationsExpected: Int {
    9 + 6 * (seeds.count - 1) + (explains ? 5 + (8 + 4) * 8 : 0)
      + 5 * rates.count * (1 + whatIfs.count) + (3 + 6 * seeds.count) * whatIfs.count
  }
}

extension FleetStudy {
  /// Of each candidate three or four fleets, of the best its capacity and other seeds; and four searches again.
  package var simulationsExpected: Int {
    isExhaustive
      ? request.candidates.reduce(0) { $0 + request.maxGPUs / $1.gpus } + 60
      : 4 * request.candidates.count * (1 + whatIfs.count) + 40
  }
}
