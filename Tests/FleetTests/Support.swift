import CostModel
import Serving
import SimulationKernel
import Workload

/// Every iteration takes the same time.
final class FixedPrices: IterationCostModel {
  let profile = CostProfile(name: "fixed", isCalibrated: false, error: "none")
  let nanoseconds: Int64
  init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  func duration(of work: IterationWork) -> SimDuration { SimDuration(nanoseconds: nanoseconds) }
}

extension Request {
  /// A request of one sequence that arrives after so many nanoseconds.
  static func at(_ nanoseconds: Int64, prompt: Int32, output: Int32) -> Request {
    Request(
      arrival: SimInstant(nanoseconds: nanoseconds), promptTokens: prompt, outputTokens: output)
  }
}
