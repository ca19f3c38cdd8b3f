import SimulationKernel

/// What an iteration costs.
///
/// A protocol, not an enum of forms, so that a calibrated profile or a user's own model is one more
/// type and no switch in ours; a call through it costs little beside what it prices.
///
/// Conforming types are pure: equal shapes cost the same, on every call and every machine.
package protocol IterationCostModel: Sendable {
  /// The time from the start of the iteration to its sampled tokens.
  ///
  /// Zero for an empty shape. More of anything in the shape never costs less.
  func duration(of shape: IterationShape) -> SimDuration

  /// Where the prices come from and how far they can be trusted; stored with every result.
  var profile: CostProfile { get }
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
