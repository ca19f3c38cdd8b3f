extension ServingSystem {
  /// Orca that knows each output's length before it is generated.
  package static let orcaOracle = orca(
    .oracle, "buddy allocator, reserves the true output length; no preemption")
  /// Orca that rounds the output up to a power of two.
  package static let orcaPow2 = orca(
    .pow2, "buddy allocator, reserves the output rounded to a power of two")
  /// Orca that reserves the longest sequence.
  package static let orcaMax = orca(.max, "buddy allocator, reserves the longest sequence")

  /// The Orcas differ in nothing but what they reserve.
  ///
  /// - Source: the baselines of the SOSP'23 artifact, for the defaults too.
  private static func orca(
    _ estimator: ReservationEstimator, _ summary: String
  ) -> ServingSystem {
    ServingSystem(
      name: "orca-\(estimator.rawValue)", summary: summary,
      defaults: { _ in
        Defaults(maxSequences: 256, maxBatchedTokens: 2560, gpuMemoryUtilization: 0.95)
      },
      make: {
        let memory = OrcaMemory($0.settings, estimator: estimator)
        return $0.replica(
          MixedIterationScheduler(requests: $0.requests, settings: $0.settings, memory: memory))
      })
  }
}
