import SimulationKernel

// How many simulations plans take, as far as one can tell before: what their lines of progress count up to. What takes more is
// counted on without an end.

extension CapacityStudy {
  /// A search from a guess by factors of two takes about nine, one near a known rate three, and as many where the sample of
  /// a long trace is searched first; a confirmation takes four. A study that explains has eight rates around the answer and
  /// a look at each of eight settings, and searches with two of them and four sensitivities.
  package var simulationsExpected: Int {
    let near = 3 * seeds.count
    let asked = 5 * rates.count * (1 + whatIfs.count)
    return 9 + near + 4 + (explains ? 8 + 8 + (2 + 4 + 1) * near : 0) + asked
      + near * whatIfs.count
  }
}

extension FleetStudy {
  /// Of each candidate three or four fleets, and another where work is less in two ways; of the best its capacity, rates
  /// around it and other seeds, five times.
  package var simulationsExpected: Int {
    let candidates = request.candidates[request.unmixed]
    return isExhaustive
      ? candidates.reduce(0) { $0 + request.maxGPUs / $1.gpus } + 60
      : candidates.count * (6 + 4 * whatIfs.count) + 50
  }
}
