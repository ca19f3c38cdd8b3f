import SimulationKernel

/// What an iteration costs.
///
/// A protocol, not an enum of forms, so that a calibrated profile or a user's own model is one more
/// type and no switch in ours; a call through it costs little beside what it prices.
///
/// A class, since to ask it costs no copy. Conforming types are pure: equal shapes cost the same, on every call and every machine.
package protocol IterationCostModel: AnyObject, Sendable {
  /// The time from the start of the iteration to its sampled tokens.
  ///
  /// Zero for no work. More of anything in it never costs less, but of tokens that are skipped.
  func duration(of work: IterationWork) -> SimDuration

  /// The times of iterations that follow each other and only decode: what ``duration(of:)`` says of each, in less
  /// time.
  func durations(
    _ decode: SteadyDecode, into durations: UnsafeMutableBufferPointer<SimDuration>)

  /// The time of an iteration of ranks that start together and wait for the slowest.
  ///
  /// - Parameter works: What each rank does; one with nothing to do runs a dummy token.
  func duration(ofRanks works: [IterationWork]) -> SimDuration

  /// Where the prices come from and how far they can be trusted; stored with every result.
  var profile: CostProfile { get }
}

extension IterationCostModel {
  package func duration(ofRanks works: [IterationWork]) -> SimDuration {
    works.map(duration).max() ?? .zero
  }

  package func durations(
    _ decode: SteadyDecode, into durations: UnsafeMutableBufferPointer<SimDuration>
  ) { oneByOne(decode, into: durations) }

  /// ``durations(_:into:)`` by a call of ``duration(of:)`` for each.
  func oneByOne(
    _ decode: SteadyDecode, into durations: UnsafeMutableBufferPointer<SimDuration>
  ) {
    var work = IterationWork()
    work.decodeSequences = decode.sequences
    work.sampledSequences = decode.sequences
    work.decodeContextTokens = decode.contextTokens
    work.decodeSkippedTokens = decode.skippedTokens
    for index in durations.indices {
      durations[index] = duration(of: work)
      work.decodeContextTokens += decode.sequences
      work.decodeSkippedTokens += decode.skippedGrowth
    }
  }
}

/// Where prices come from and how far they can be trusted.
package struct CostProfile: Equatable, Sendable {
  /// Kind and device, such as `roofline/a100-40gb`.
  package var name: String
  /// Whether the prices were fitted to measurements of this device.
  package var isCalibrated: Bool
  /// The measured error, or that there is none, as printed beside the answer.
  package var error: String

  package init(name: String, isCalibrated: Bool, error: String) {
    self.name = name
    self.isCalibrated = isCalibrated
    self.error = error
  }
}
